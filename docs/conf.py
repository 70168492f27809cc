"""Sphinx's settings; `python -m tools.docs` makes the folder that it reads, and calls it."""

import re
import warnings
from typing import Any

import matplotlib

import layerscape

matplotlib.use("agg")

project = "layerscape"
copyright = "the authors of layerscape, Apache-2.0"
version = release = layerscape.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "matplotlib.sphinxext.plot_directive",
]
source_suffix = {".md": "markdown"}
default_role = "code"
smartquotes = False  # -- is the beginning of an option
suppress_warnings = ["toc.empty_glob"]

# Every reference must lead somewhere, but those of annotations to other libraries, which would need their pages.
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "attrs_block"]

autodoc_default_options = {"members": False}
autodoc_typehints_format = "short"
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

plot_html_show_formats = False
plot_html_show_source_link = False
plot_include_source = True
plot_formats = [("png", 144)]
plot_rcparams = {"figure.figsize": (6.4, 3.6), "font.size": 10, "figure.constrained_layout.use": True}
plot_apply_rcparams = True

html_theme = "pydata_sphinx_theme"
html_title = "layerscape"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
pygments_style = "default"
html_sidebars = {"index": [], "gallery": []}
html_theme_options: dict[str, Any] = {
    "logo": {"text": "layerscape"},
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 7,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "article_header_start": ["breadcrumbs"],
}

LITERAL = re.compile(r"(``.*?``|`[^`]+`|^\s*(?:>>>|\.\.\.).*)")
MARKS = re.compile(r"[|*]|(?<=\w)_(?!\w)")  # what a formula or a pattern means as it stands
IDENTIFIERS = (
    (re.compile(r"(?<![\w/`<])doi:(10\.\S+?)(?=[.,;)]*(?:\s|$))"), r"`doi:\1 <https://doi.org/\1>`__"),
    (re.compile(r"(?<![\w/`<])arXiv:(\d{4}\.\d{4,5})"), r"`arXiv:\1 <https://arxiv.org/abs/\1>`__"),
)


def plain(line: str) -> str:
    """A line of plain words in which nothing is a mark but code, with links where it names papers."""
    parts = LITERAL.split(line)
    parts[::2] = [MARKS.sub(r"\\\g<0>", part) for part in parts[::2]]
    for pattern, link in IDENTIFIERS:
        parts[::2] = [pattern.sub(link, part) for part in parts[::2]]
    return "".join(parts)


def plain_docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Take docstrings as they are read in a terminal."""
    lines[:] = map(plain, lines)


def plain_help(app: Any, context: Any, lines: list[str]) -> None:
    """Take helps of commands as they are read in a terminal."""
    lines[:] = map(plain, lines)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", plain_docstring, priority=100)  # before napoleon, which writes marks
    for part in ("description", "epilog"):
        app.connect(f"sphinx-click-process-{part}", plain_help)
    warnings.simplefilter("ignore", UserWarning)
