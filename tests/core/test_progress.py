"""Progress counts what is done from what more is done."""

from layerscape.core.progress import counted


def test_every_call_tells_how_many_are_done_in_all():
    told = []
    tell = counted(lambda *said: told.append(said), "searching", 10)
    for more in (3, 0, 7):
        tell(more)
    assert told == [("searching", 3, 10), ("searching", 3, 10), ("searching", 10, 10)]


def test_two_counts_of_one_progress_do_not_mix():
    told = []
    one, two = (counted(lambda *said: told.append(said), what, 2) for what in ("a", "b"))
    one(1)
    two(2)
    one(1)
    assert told == [("a", 1, 2), ("b", 2, 2), ("a", 2, 2)]


def test_without_anybody_to_tell_there_is_nothing_to_call():
    assert counted(None, "searching", 10) is None
