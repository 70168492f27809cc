"""A setting of the process is given back once, whoever of those who want it ends first and whatever goes wrong."""

import pytest

from layerscape.core.threads import WhileAny


def test_of_those_side_by_side_the_first_sets_and_the_last_gives_back():
    now, made = ["loose"], []

    @WhileAny
    def tight(before):
        made.append(1)
        before.callback(now.__setitem__, 0, now[0])
        now[0] = "tight"

    for _ in range(2):
        first, second = tight(), tight()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert now == ["tight"]
        second.__exit__(None, None, None)
        assert now == ["loose"]
    assert len(made) == 2


def test_what_was_set_is_given_back_where_the_rest_cannot_be():
    now, works = ["loose"], [False, True]

    @WhileAny
    def tight(before):
        before.callback(now.__setitem__, 0, now[0])
        now[0] = "tight"
        if not works.pop(0):
            raise OSError("refused")

    with pytest.raises(OSError, match="refused"), tight():
        pass
    assert now == ["loose"]
    with tight():
        assert now == ["tight"]
    assert now == ["loose"]
