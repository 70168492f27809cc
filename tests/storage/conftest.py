"""Runs as earlier code left them."""

import json
import shutil

import pytest

from layerscape.storage import RunFolder


@pytest.fixture
def as_earlier(tmp_path):
    """A copy of a run as versions without digests wrote it."""

    def copy(run: RunFolder) -> RunFolder:
        path = tmp_path / "earlier"
        shutil.copytree(run.path, path)
        (path / "ledger.json").unlink()
        about = json.loads((path / "run.json").read_bytes())
        kept = {key: value for key, value in about.items() if key not in ("digest", "ledger")}
        (path / "run.json").write_text(json.dumps({**kept, "schema": 1}))
        return RunFolder.open(path)

    return copy
