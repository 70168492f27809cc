"""Of those who want to write a folder one does; tests/storage has what runs do with it."""

import os
import threading

import pytest

from layerscape.core.lock import Lock, hold
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


def test_a_file_is_written_by_one_at_a_time(tmp_path):
    path, order = tmp_path / "rows.bin", []
    path.write_bytes(bytes(8))

    def other():
        with path.open("r+b") as file:
            hold(file)
            order.append("other")
            file.write(b"ab")

    with path.open("r+b") as mine:
        hold(mine)
        waiting = threading.Thread(target=other)
        waiting.start()
        waiting.join(0.3)
        order.append("mine")
        mine.seek(2)
        mine.write(b"cd")
    waiting.join(30)
    assert order == ["mine", "other"]
    assert path.read_bytes() == b"abcd" + bytes(4)
