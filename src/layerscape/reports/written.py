"""The file of a page: written aside and renamed, and shown by a notebook."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote

from layerscape.errors import FileProblem


class Page(type(Path())):
    """The path of a page, which a notebook shows in a frame."""

    def _repr_html_(self) -> str:
        # A notebook is served from its folder, and so is what lies beside or below it.
        address = escape(quote(Path(os.path.relpath(self)).as_posix()))
        frame = f'<iframe src="{address}" width="100%" height="800" style="border: 0"></iframe>'
        return f'<a href="{address}" target="_blank">{escape(str(self))}</a><br>{frame}'


def write(out: Path, html: str) -> None:
    """Written aside and renamed, so that a page is never half there."""
    part = out.with_name(f"{out.name}.part")
    with writable(out):
        try:
            # A lone surrogate, as in a file name that is not UTF-8, is shown by its number.
            part.write_text(html, "utf-8", errors="backslashreplace", newline="\n")
            part.replace(out)
        except OSError:
            part.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def writable(out: Path) -> Iterator[None]:
    """What the system says against writing the page, in one line."""
    try:
        yield
    except OSError as error:
        raise FileProblem(
            f"cannot write {out}: {error.strerror or error}; give a path in a folder that can be written."
        ) from error
