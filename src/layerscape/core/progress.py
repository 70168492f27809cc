"""Progress: how far something has come: told to whoever asked, shown as bars, or logged where nobody watches."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from layerscape.errors import InvalidType

Progress = Callable[[str, int, int], None]  # what is done, how many are done, of how many
Show = (
    Progress | bool | None
)  # whom to tell; True: bars; False: nobody; None: bars where somebody watches, else the log
QUIET = 0.5  # seconds before a bar appears: what takes less needs none
BETWEEN = 30.0  # seconds between two lines of the log


def counted(progress: Show, what: str, total: int) -> Callable[[int], None] | None:
    """A progress that is told how many more are done, where one is told how many are done in all."""
    if not callable(progress):
        return None
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        progress(what, done, total)

    return tell


@contextmanager
def shown(progress: Show) -> Iterator[Show]:
    """Whom to tell, for the time of one call; False stays False, so that a call within it is silent too."""
    if progress is None or progress is True:
        watched = progress or in_notebook() or bool(sys.stderr and sys.stderr.isatty())
        with bars(always=True) if watched else logged() as tell:
            yield tell
    elif callable(progress):
        yield progress
    elif progress is False:
        yield False
    else:
        raise InvalidType(f"progress={progress!r}; give a function of (what, done, total), or True, False or None.")


@contextmanager
def bars(*, always: bool = False) -> Iterator[Progress]:
    """A bar per stage, with rate and time left; unless always, silent where standard error is no terminal."""
    stage, bar = "", None

    def advance(what: str, done: int, total: int) -> None:
        nonlocal stage, bar
        if bar is None or what != stage or total != bar.total:
            if bar is not None:
                bar.close()
            disable = False if always else None
            bar = _kind_of_bar()(
                total=total, initial=done, desc=what, file=sys.stderr, disable=disable, dynamic_ncols=True, delay=QUIET
            )
            stage, bar.total = what, total  # which a bar that is switched off does not keep
        bar.update(done - bar.n)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.close()


@contextmanager
def logged() -> Iterator[Progress]:
    """A line now and then in the log ``layerscape``, at the level of information, which Python shows if told to."""
    log, last = logging.getLogger("layerscape"), time.monotonic()

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= BETWEEN:
            last = now
            log.info("%s: %d of %d (%.0f %%)", what, done, total, 100 * done / max(1, total))

    yield tell


def in_notebook() -> bool:
    """Whether a notebook runs this."""
    library = sys.modules.get("IPython")
    shell = library.get_ipython() if library else None
    return type(shell).__name__ in ("ZMQInteractiveShell", "Shell")  # of Jupyter, of Colab


def _kind_of_bar() -> Any:
    if in_notebook() and find_spec("ipywidgets"):
        from tqdm.notebook import tqdm as widget

        return widget
    from tqdm import tqdm

    return tqdm
