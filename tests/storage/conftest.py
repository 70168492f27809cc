"""Runs as earlier code left them."""

import shutil

import pytest

from benchmarks.opening import as_before
from layerscape.storage import RunFolder


@pytest.fixture
def as_earlier(tmp_path):
    """A copy of a run as versions without digests wrote it."""

    def copy(run: RunFolder) -> RunFolder:
        path = tmp_path / "earlier"
        shutil.copytree(run.path, path)
        as_before(path)
        return RunFolder.open(path)

    return copy
