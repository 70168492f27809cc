"""The nouns: samples, representation, neighbors, estimate, measure, provenance. Needs numpy only."""
