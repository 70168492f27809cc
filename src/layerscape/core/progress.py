"""Progress: how far something has come, told to whoever shows it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # what is done, how many are done, of how many


def counted(progress: Progress | None, what: str, total: int) -> Callable[[int], None] | None:
    """A progress that is told how many more are done, where one is told how many are done in all."""
    if progress is None:
        return None
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        progress(what, done, total)

    return tell
