"""Pages that are files of the tree, with their links as the site needs them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from textwrap import indent

ROOT = Path(__file__).parents[2]
# Pages that do not lie in docs/, and one whose name is that of Sphinx's own page → what they are called in the site.
RENAMED = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "benchmarks/RESULTS.md": "results.md"}
RENAMED |= {"docs/search.md": "exact-search.md"}
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)\s#]+)(?=(?:#[^)\s]*)?\))")


DRAWN = "docs/gallery.md"  # whose blocks draw, one figure each
BLOCK = re.compile(r"^## ([^\n]+)\n\n```python\n(.*?)^```$|^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def homes(root: Path = ROOT) -> dict[str, str]:
    """Where every file of the tree that the site shows stands in it, both relative and with slashes."""
    docs = [file for file in sorted((root / "docs").rglob("*")) if file.suffix in (".md", ".png")]
    return {file.relative_to(root).as_posix(): file.relative_to(root / "docs").as_posix() for file in docs} | RENAMED


def relinked(text: str, file: str, places: dict[str, str], root: Path = ROOT) -> tuple[str, set[str]]:
    """The text of a file with its links as they are in the site, and the files that are no pages to which it links.

    What is no file of the tree stays as it is, and Sphinx, which is strict, says so.

    >>> relinked("[a](../README.md), [b](guide.md#layers)", "docs/search.md", {"docs/guide.md": "guide.md"})
    ('[a](files/README.md), [b](guide.md#layers)', {'README.md'})
    """
    attached = set()
    up = "../" * places.get(file, "").count("/")

    def moved(found: re.Match[str]) -> str:
        target = (root / file).parent.joinpath(found[1]).resolve()
        if not target.is_file() or not target.is_relative_to(root):
            return found[0]
        name = target.relative_to(root).as_posix()
        if name not in places:
            attached.add(name)
        return up + places.get(name, f"files/{name}")

    return LINK.sub(moved, text), attached


def drawn(text: str) -> str:
    r"""The text with its blocks as matplotlib's directive, which runs them in turn and shows what they draw.

    >>> print(drawn("## Why?\n\n```python\nplot(1)\n```"))
    ## Why?
    <BLANKLINE>
    ```{eval-rst}
    .. plot::
       :context: close-figs
       :filename-prefix: why
       :alt: Why?
    <BLANKLINE>
       plot(1)
    ```
    """

    def directive(found: re.Match[str]) -> str:
        title = f"## {found[1]}\n\n" if found[1] else ""
        name = "-".join(re.findall(r"\w+", (found[1] or "").lower()))
        said = f"   :filename-prefix: {name}\n   :alt: {found[1]}\n" if name else "   :nofigs:\n"
        code = indent(found[2] or found[3], "   ")
        return f"{title}```{{eval-rst}}\n.. plot::\n   :context: close-figs\n{said}\n{code}```"

    return BLOCK.sub(directive, text)


def copy_pages(source: Path, root: Path = ROOT) -> None:
    """Put all pages, their pictures and the files that they link to into the folder that Sphinx reads."""
    places = homes(root)
    left = list(places)
    for file in left:
        if not file.endswith(".md"):
            copy(root / file, source / places[file])
            continue
        orphan = "---\norphan: true\n---\n" if places[file].startswith("files/") else ""  # in no tree of contents
        text, attached = relinked((root / file).read_text(), file, places, root)
        write(source / places[file], orphan + (drawn(text) if file == DRAWN else text))
        places |= {name: f"files/{name}" for name in attached}
        left += sorted(attached)


def copy(file: Path, place: Path) -> None:
    """Copy a file, with the time when it was changed."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(file, place)


def write(place: Path, text: str) -> None:
    """Write a page, with its folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
