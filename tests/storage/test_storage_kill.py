"""A run that was killed with kill -9 and started again ends as if nothing had happened."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.more, pytest.mark.skipif(os.name != "posix", reason="kill -9 and fork are of POSIX")]


def interrupted(how: str, folder: Path, number: int) -> dict:
    script = Path(__file__).with_name("interrupted.py")
    done = subprocess.run(
        [sys.executable, script, how, folder, str(number)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_killed_before_every_fifth_change_of_the_disk(tmp_path):
    found = interrupted("steps", tmp_path, 5)
    assert found["kills"] > 10
    assert [name for name in found["files"] if "/" not in name] == [
        "estimates.parquet",
        "graphs",
        "ledger.json",
        "run.json",
        "samples.parquet",
        "vectors.zarr",
    ]
    assert "vectors.zarr/001-block_1/c.1.0" in found["files"]  # the chunk of zeros


def test_killed_at_random_moments(tmp_path):
    assert interrupted("random", tmp_path, 2)["kills"] >= 1
