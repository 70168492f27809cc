"""Of those who want to write a folder one does; tests/storage has what runs do with it."""

import os

import pytest

from layerscape.core.lock import Lock
from layerscape.errors import FileProblem

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no flock")


def test_one_at_a_time_and_no_trace(tmp_path):
    first = Lock(tmp_path, wait=False)
    with pytest.raises(FileProblem, match=r"^the run at .* is open for writing elsewhere; wait until that ends"):
        Lock(tmp_path, wait=False)
    with pytest.raises(FileProblem, match=r"^not now$"):
        Lock(tmp_path, wait=False, busy="not now")
    first.release()
    first.release()
    assert not list(tmp_path.iterdir())
    second = Lock(tmp_path, wait=True)
    first.release()  # which takes nothing from another
    with pytest.raises(FileProblem):
        Lock(tmp_path, wait=False)
    second.release()
