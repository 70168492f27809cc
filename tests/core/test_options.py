"""Options: what their annotations allow is taken in Python's own types, all else is one line that names them."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import layerscape as ls
from layerscape.core.estimate import Estimate
from layerscape.core.options import checked, checking
from layerscape.core.representation import Representation
from layerscape.errors import InvalidType, InvalidValue, LayerscapeError, UnknownName
from layerscape.measures import catalog

X = np.random.default_rng(0).standard_normal((120, 4)) + 9 * (np.arange(120) % 2)[:, None]  # two clusters
OPTIONS = [(name, option) for name, measure in catalog().items() for option in measure.options]
NONE_OF_ANY = ["nonsense", b"3", [1], {}, 1 + 1j, object(), np.array([1, 2, 3]), Ellipsis]


@pytest.mark.parametrize(
    ("value", "hint", "found"),
    [
        (np.int64(3), int, 3),
        (np.uint8(3), int | None, 3),
        (np.array(3), int, 3),
        (3, float, 3.0),
        (np.float32(0.5), float, 0.5),
        (None, float | None, None),
        ("mle", Literal["mle", "fit"], "mle"),
        (np.str_("mle"), Literal["mle", "fit"], "mle"),
        ([1, np.float32(2)], tuple[float, float] | None, (1.0, 2.0)),
        (np.array([1, 2, 3]), tuple[int, ...], (1, 2, 3)),
        (np.True_, bool, True),
        ("side", str | Sequence[str] | None, "side"),
        (("side", "kind"), str | Sequence[str] | None, ["side", "kind"]),
        (np.array(["side", "kind"]), str | Iterable[str], ["side", "kind"]),
        (b"anything", list, b"anything"),
    ],
)
def test_what_is_allowed_is_of_pythons_own_type(value, hint, found):
    got = checked("x", value, hint)
    assert got == found
    assert type(got) is type(found)


@pytest.mark.parametrize(
    ("name", "value", "hint", "kind", "text"),
    [
        ("k", None, int, InvalidType, "k=None; give a whole number."),
        ("k", "3", int, InvalidType, "k='3'; give a whole number."),
        ("k", 3.0, int, InvalidType, "k=3.0; give a whole number."),
        ("k", True, int, InvalidType, "k=True; give a whole number."),
        ("k", 2**64, int, InvalidValue, f"k={2**64}; give a whole number that 64 bits can hold."),
        ("z", True, float, InvalidType, "z=True; give a number."),
        ("z", "3", float | None, InvalidType, "z='3'; give a number or None."),
        ("z", float("nan"), float, InvalidValue, "z=nan; give a finite number."),
        ("z", 10**400, float, InvalidValue, "z=inf; give a finite number."),
        ("prior", [1, 2, 3], tuple[float, float] | None, InvalidType, "prior=[1, 2, 3]; give 2 numbers or None."),
        ("method", 1, Literal["mle", "fit"], InvalidType, "method=1; give 'mle' or 'fit'."),
        (
            "method",
            "mlee",
            Literal["mle", "fit"],
            UnknownName,
            "unknown method of twonn 'mlee'; nearest: mle. There are: fit, mle.",
        ),
        ("influence", 1, bool, InvalidType, "influence=1; give True or False."),
        ("labels", [1, 2], str | Sequence[str] | None, InvalidType, "labels=[1, 2]; give a word or several or None."),
        (
            "by",
            np.arange(3),
            str | None,
            InvalidType,
            "by=array([0, 1, 2]); give a word or None: values of samples are a label column of a run, which has a name "
            "(run.add_labels).",
        ),
        ("seed", -1, int, InvalidValue, "seed=-1; give at least 0."),
        ("limit", 0, int | None, InvalidValue, "limit=0; give at least 1."),
    ],
)
def test_what_is_not_is_refused_in_one_line(name, value, hint, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        checked(name, value, hint, "twonn")


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_every_option_of_every_measure_says_what_it_takes(name, option):
    measure = catalog()[name]
    default = measure.options[option]
    assert measure.choose({option: default}) == {option: default}
    for value in NONE_OF_ANY:
        with pytest.raises(LayerscapeError, match=option) as caught:
            measure.choose({option: value})
        assert "\n" not in str(caught.value)
    if isinstance(default, int):
        assert type(measure.choose({option: np.int64(7)})[option]) is int
        nothing = () if name == "ndcg" else (None,)  # for ndcg all
        for value in (*nothing, "3", 1.5, True, np.float32(2)) if option != "scale" else ():
            with pytest.raises(InvalidType, match=f"^{option}=.*; give a whole number"):
                measure.choose({option: value})
    if isinstance(default, float):
        assert type(measure.choose({option: np.float32(0.5)})[option]) is float
        for value in (float("nan"), float("inf"), -float("inf")):
            with pytest.raises(InvalidValue, match=f"^{option}=.*; give a finite number"):
                measure.choose({option: value})


def _asked(name: str):
    """A measure on data that suit it."""
    measure = catalog()[name]
    x = (X > 0).astype(int) if measure.values == "binary" else np.round(3 * X) if measure.values == "whole" else X
    two = {"labels": np.arange(len(X)) % 3, "pairs": np.arange(len(X)) // 2, "graphs": [X]}.get(
        measure.data[-1], X[:, ::-1] + X**2
    )
    return lambda **options: ls.estimate(measure, *(x, two)[: len(measure.data)], **options)


@pytest.mark.parametrize(("name", "option"), [pair for pair in OPTIONS if pair[1] not in ("z", "dimension", "power")])
def test_a_number_below_all_that_are_allowed_is_refused_by_name(name, option):
    if isinstance(catalog()[name].options[option], str):
        return
    with pytest.raises(LayerscapeError, match=option):
        _asked(name)(**{option: [-3, -3] if option == "prior" else -3})


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.floats())))
def test_whatever_is_given_is_of_the_type_or_refused(value):
    for hint in (int, float, bool, str, int | None, Literal["a", "b"], tuple[float, ...]):
        try:
            found = checked("x", value, hint)
        except LayerscapeError as error:
            assert str(error)
        else:
            same = tuple(value) if isinstance(found, tuple) else value
            assert found == (float(same) if hint is float else same)


def test_a_number_of_numpys_makes_a_result_that_json_can_write():
    found = ls.estimate("gride", X, range_max=np.int64(4))
    assert json.loads(json.dumps(found.to_dict()))["options"] == {"range_max": 4}

    def scaled(x: Representation, /, *, by=1) -> Estimate:
        return Estimate(1.0, 1.0, 1.0, x.n_samples)

    assert json.dumps(ls.estimate(scaled, X, by=np.int64(2)).to_dict()["options"]) == '{"by": 2}'


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda run: ls.measure(run, ["overlap"], k="3"), "k='3'; give a whole number or None."),
        (lambda run: ls.measure(run, ["overlap"], k=1.5), "k=1.5; give a whole number or None."),
        (lambda run: ls.measure(run, ["overlap"], k=0), "k=0; give at least 1."),
        (lambda run: ls.measure(run, ["isomap"], n_landmarks=None), "n_landmarks=None; give a whole number."),
        (lambda run: ls.measure(run, seed=-1), "seed=-1; give at least 0."),
        (lambda run: ls.measure(run, by=3), "by=3; give a word or None."),
        (lambda run: ls.compare(run, run, ["overlap"], k=True), "k=True; give a whole number or None."),
        (lambda run: ls.differences(run, k="3"), "k='3'; give a whole number or None."),
        (lambda run: ls.recommend(run, seed=None), "seed=None; give a whole number."),
        (lambda run: ls.dimension_report(X, seed=0.5), "seed=0.5; give a whole number."),
        (lambda run: ls.controls("twonn", X, seed="0"), "seed='0'; give a whole number."),
        (lambda run: ls.estimate("twonn", X, influence="yes"), "influence='yes'; give True or False."),
        (lambda run: ls.find_neighbors(X, "3"), "k='3'; give a whole number."),
        (lambda run: run.graph("a", None), "k=None; give a whole number."),
        (lambda run: run.search(1.0), "k=1.0; give a whole number."),
        (lambda run: ls.extract("demo", "digits", out="x", limit=0), "limit=0; give at least 1."),
        (
            lambda run: ls.extract("demo", "digits", out="x", batch_size="8"),
            "batch_size='8'; give a whole number or None.",
        ),
    ],
)
def test_every_public_function_refuses_a_bad_option_before_it_begins(call, text):
    run = ls.from_arrays({"a": X, "b": X**2}, labels={"c": np.arange(len(X)) % 3})
    with pytest.raises(LayerscapeError, match=f"^{re.escape(text)}$"):
        call(run)


def test_a_checked_function_is_the_function_and_lets_it_say_what_is_missing():
    def double(x, *, times: int = 2, of: "Nobody" = None):  # noqa: F821
        """Twice."""
        return x * times, of

    wrapped = checking(double)
    assert wrapped(2, times=np.int64(3), of="any") == (6, "any")
    assert (wrapped.__name__, wrapped.__doc__) == ("double", "Twice.")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        wrapped()
