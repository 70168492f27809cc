"""Benchmarks: each module prints one table, `python -m benchmarks.NAME` from the root of the repository."""
