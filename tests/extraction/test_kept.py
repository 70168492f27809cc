"""Tests of memory that is kept between batches."""

import subprocess
import sys

import pytest

PASSES = """
import resource, sys
import numpy as np
from layerscape.extraction.kept import keep_freed

def a_pass():
    held = [np.ones(2**19) for _ in range(4)]  # 4 MiB each, freed together, as the tensors of a batch are

def faults():
    a_pass()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        a_pass()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

without = faults()
keep_freed()
print(without, faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts page faults as Linux does")
def test_a_batch_finds_the_memory_of_the_one_before():
    found = subprocess.run([sys.executable, "-c", PASSES], capture_output=True, text=True, check=True)
    without, kept = map(int, found.stdout.split())
    assert without > 100 * (kept + 1), (without, kept)
