"""Kept: memory that one batch has freed stays in the process for the next, which else takes it anew page by page."""

from __future__ import annotations

from functools import cache

import numpy as np

LARGEST = 2**25 - 2**16  # bytes; of more than 32 MiB glibc takes no notice


@cache
def keep_freed() -> None:
    """Have glibc keep up to 64 MiB that are freed, as it does in every process that has once freed 32 MiB at a time.

    From what size on memory is asked of the system, and of how much it is given back, follow the largest block that was
    freed. Where that was a small one, all that a batch needs is given back after it: thousands of pages, of which each
    takes a microsecond or several to be had again. Other libraries keep more; variables ``MALLOC_…`` of the user's
    hold. The block that is taken here is never touched, and so is no memory.
    """
    np.empty(LARGEST, dtype=np.uint8)
