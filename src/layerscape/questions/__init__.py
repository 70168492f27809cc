"""Questions that are asked of a run, of two or of a cloud: what differs, which layer, which dimension."""
