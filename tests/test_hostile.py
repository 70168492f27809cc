"""Whatever a stranger brings is read as it is, or refused in one line; never a traceback, all memory, or its code."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A PNG whose packed rows end early, in order but for that, is taken as Pillow takes it: black from there.
KNOWN = {"images": ["images, fewer rows than it claims: other value"]}


@pytest.mark.more
@pytest.mark.parametrize("what", ["files", "images", "models"])
def test_the_right_value_or_one_line(what):
    pytest.importorskip("torch")
    command = [sys.executable, "-m", "benchmarks.hostile", "--only", what]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.partition("`python -m")[0].splitlines() == KNOWN.get(what, [])
