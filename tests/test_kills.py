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
REPAIRS = """
import json, sys
from pathlib import Path
from benchmarks.repairs import trials
print(json.dumps(list(trials(Path(sys.argv[1]), 3, 1))))
"""
SERIES = """
import json, sys
from pathlib import Path
from benchmarks.series_kills import trials
print(json.dumps(list(trials(Path(sys.argv[1]), 9))))
"""


def carried_out(script, *words):
    """What a script prints last, in a process of its own."""
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_repair_that_is_killed_leaves_what_the_next_one_mends(tmp_path):
    pytest.importorskip("torch")
    found = carried_out(REPAIRS, str(tmp_path))
    assert len(found) == 3
    assert [(seen, wrong) for seen, wrong in found if seen not in ("whole", "damaged") or wrong] == []


def test_a_command_that_is_ended_goes_on(tmp_path):
    pytest.importorskip("torch")
    steps = ["extract", "labels FILE", "measure", "check --repair"]
    found = carried_out(SCRIPT, str(tmp_path), "1", *steps)
    assert {step for step, _, _ in found} == set(steps)
    assert {how for _, how, _ in found} >= {"SIGKILL", "SIGINT", "SIGTERM"}
    assert [case for case in found if case[2] not in ("ended", "done")] == []


def test_a_series_whose_measuring_is_killed_is_whole_and_goes_on(tmp_path):
    found = carried_out(SERIES, str(tmp_path))
    assert len(found) > 10
    assert [(place, wrong) for place, wrong in found if wrong] == []
