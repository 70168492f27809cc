"""Layers × measures → plan → table; and a model and its data → a run."""
