"""A command that is killed, told to end or finds the disk full goes on, and leaves the run that it would have left."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.more, pytest.mark.skipif(os.name != "posix", reason="fork and signals are of POSIX")]
# In a process of its own, which has no threads when it forks.
SCRIPT = """
import json, sys
from pathlib import Path
from benchmarks.kills import trials
print(json.dumps(list(trials(Path(sys.argv[1]), 1, int(sys.argv[2]), names=sys.argv[3:]))))
"""


def test_a_command_that_is_ended_goes_on(tmp_path):
    pytest.importorskip("torch")
    steps = ["extract", "labels FILE", "measure", "check --repair"]
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), "1", *steps],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {step for step, _, _ in found} == set(steps)
    assert {how for _, how, _ in found} >= {"SIGKILL", "SIGINT", "SIGTERM"}
    assert [case for case in found if case[2] not in ("ended", "done")] == []
