"""The workers that a command asks for, and what they took."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from layerscape.cli.show import note


@contextlib.contextmanager
def by_cluster(cluster: str | None) -> Iterator[Any]:
    """The cluster of the option ``--cluster``, or None; what memory its workers took is said at the end."""
    if cluster is None:
        yield None
        return
    from layerscape.core.resources import peak_memory
    from layerscape.search.cluster import connected
    from layerscape.storage import in_words

    with connected(cluster) as workers:
        yield workers
        if peaks := workers.peaks:
            n = f"{len(peaks)} workers" if len(peaks) > 1 else "1 worker"
            note(f"memory at the most: {in_words(max(peaks.values()))} of {n}, {in_words(peak_memory())} here")
