"""How poolings are written."""

import re

import pytest

from layerscape.errors import InvalidType, InvalidValue, UnknownName
from layerscape.extraction.grammar import FORMS, Pooling


@pytest.mark.parametrize(
    ("text", "pooling"),
    [
        ("mean", Pooling("mean")),
        ("mean:all", Pooling("mean", every=True)),
        ("last", Pooling("last")),
        ("last:1", Pooling("last")),
        ("last:12", Pooling("last", count=12)),
        ("first", Pooling("first")),
        ("weighted", Pooling("weighted")),
        ("grid:4x7", Pooling("grid", cells=(4, 7))),
        ("grid:4x7x2", Pooling("grid", cells=(4, 7, 2))),
        ("project:4096@17", Pooling("project", n_units=4096, seed=17)),
    ],
)
def test_what_is_written_is_what_is_meant(text, pooling):
    parsed = Pooling.of(text)
    assert {name: value for name, value in vars(parsed).items() if name != "cells"} == {
        name: value for name, value in vars(pooling).items() if name != "cells"
    }
    assert parsed.kind != "grid" or parsed.cells == pooling.cells


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max:all", f"pooling 'max:all'; nothing follows 'max'. Poolings are written {FORMS}."),
        ("cls:", f"pooling 'cls:'; nothing follows 'cls'. Poolings are written {FORMS}."),
        ("mean:some", "pooling 'mean:some'; write mean:all."),
        ("grid", "pooling 'grid'; write grid:HxW, H rows and W columns of cells, from 1 on, as in grid:4x4."),
        *(
            (f"last:{n}", f"pooling 'last:{n}'; write last:N, N the number of tokens, from 1 on, as in last:4.")
            for n in ("0", "-1", "", "4.5", "4 ", "four", "٤")
        ),
        *(
            (text, f"pooling {text!r}; write grid:HxW, H rows and W columns of cells, from 1 on, as in grid:4x4.")
            for text in ("grid:4", "grid:4x0", "grid:4X4", "grid:4x4x4x4", "grid:x")
        ),
        *(
            (
                text,
                f"pooling {text!r}; write project:D@SEED, D the number of units and SEED a whole number from 0 on, "
                "as in project:4096@0.",
            )
            for text in ("project", "project:64", "project:64@-1", "project:0@1", "project:64@1.0")
        ),
    ],
)
def test_numbers_that_are_none_are_refused(text, message):
    with pytest.raises(InvalidValue, match=f"^{re.escape(message)}$"):
        Pooling.of(text)


def test_other_words_are_refused_with_the_nearest():
    message = (
        "unknown pooling 'weigthed'; nearest: weighted. There are: cls, first, flatten, grid, last, max, mean, "
        f"project, weighted. They are written {FORMS}."
    )
    with pytest.raises(UnknownName, match=f"^{re.escape(message)}$"):
        Pooling.of("weigthed")
    with pytest.raises(InvalidType, match=f"^pooling of type list; give a word, one of {re.escape(FORMS)}.$"):
        Pooling.of(["mean"])  # type: ignore[arg-type]
