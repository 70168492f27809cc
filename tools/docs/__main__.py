"""`python -m tools.docs [OUT]`: make the pages in OUT/source and the site in OUT/html, and fail at any warning."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from tools.docs.copied import ROOT, copy_pages, write
from tools.docs.figures import figure_page
from tools.docs.measures import measure_pages
from tools.docs.written import written_pages


def main(out: Path) -> int:
    """Write what Sphinx reads, then have it build; 0 if nothing was amiss."""
    source = out / "source"
    shutil.rmtree(source, ignore_errors=True)
    copy_pages(source)
    for name, text in (*measure_pages(), *written_pages()):
        write(source / name, text)
    write(source / "figures.md", figure_page(source))
    strict = ["--fail-on-warning", "--keep-going", "--nitpicky", "--quiet"]
    return build_main([*strict, "-b", "html", "-c", str(ROOT / "docs"), str(source), str(out / "html")])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/docs")))
