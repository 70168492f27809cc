"""The site: pages of the tree, and pages that are written from the code, built into HTML by Sphinx."""
