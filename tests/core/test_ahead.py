from __future__ import annotations

import threading
import time

import pytest

from layerscape.core.threads import Behind, Room, ahead


@pytest.mark.parametrize(("depth", "threads"), [(1, 1), (5, 3), (50, 2)])
def test_what_is_made_ahead_comes_in_order_and_no_further_ahead_than_asked(depth, threads):
    begun: list[int] = []

    def make(item: int) -> int:
        begun.append(item)
        time.sleep(0.001 * (item % 3))
        return item * item

    for number, (item, made) in enumerate(ahead(make, range(20), depth=depth, threads=threads)):
        assert (item, made) == (number, number * number)
        assert max(begun) <= number + depth
    assert sorted(begun) == list(range(20))


def test_nothing_is_made_of_nothing_and_errors_are_raised_where_they_belong():
    assert list(ahead(str, [])) == []
    found = []
    with pytest.raises(ZeroDivisionError):
        found.extend(item for item, _ in ahead(lambda item: 1 // item, [2, 1, 0, 3], depth=3, threads=2))
    assert found == [2, 1]


def test_threads_hold_no_more_than_there_is_room_for():
    room, lock, held = Room(100), threading.Lock(), [0, 0]

    def take(size: int) -> None:
        with room:
            room.was(size)
            with lock:
                held[0] += size
                held[1] = max(held[1], held[0])
            time.sleep(0.002)
            with lock:
                held[0] -= size

    for _ in ahead(take, [30] * 40, depth=40, threads=8):
        pass
    assert 60 <= held[1] <= 100  # three of 30, and never four
    list(ahead(take, [500, 500, 500], depth=3, threads=3))  # what is larger than the room goes in alone
    assert held[1] == 500


def test_what_is_done_behind_is_done_in_order_and_its_error_is_raised():
    done: list[int] = []
    with Behind() as behind:
        for number in range(5):
            behind(done.append, number)
    assert done == [0, 1, 2, 3, 4]
    with pytest.raises(OSError, match="full"), Behind() as behind:
        behind(_full)
    with pytest.raises(OSError, match="full"), Behind() as behind:  # noqa: PT012
        behind(_full)
        behind(done.append, 5)
    assert done[-1] == 4


def _full() -> None:
    raise OSError("full")
