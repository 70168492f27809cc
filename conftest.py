"""What the tests and the examples of the docstrings share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_page_beside_the_code() -> Iterator[None]:
    """The page of a temporary run is written where one stands, which for a test is the source tree."""
    yield
    assert not list(Path(__file__).parent.glob("layerscape-*.html")), "a page in the source tree: write it to tmp_path"


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """No figure outlives its test: pyplot keeps what it made, and warns above twenty."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
