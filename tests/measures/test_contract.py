"""What every measure promises in its MEASURE, tried on one probe: float64, free of ties, with structure."""

import inspect
import math
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from layerscape.core.estimate import Estimate
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.measures import catalog, question
from layerscape.pipeline.estimate import estimate

DESIGN = Path(__file__).parents[2] / "docs" / "design.md"
UNCHANGED, CHANGED = map(float, re.search(r'"unchanged" is (\S+), "changed" above (\S+);', DESIGN.read_text()).groups())
N = 240
CHANGES = ("order", "rotation", "translation", "scaling", "linear")
MEASURES = list(catalog().values())
rng = np.random.default_rng(7)
LABELS = np.arange(N) % 4
CENTERS = rng.standard_normal((4, 12))
X = CENTERS[LABELS] + rng.standard_normal((N, 12)) * np.linspace(0.3, 1.5, 12)
Y = np.tanh(X @ rng.standard_normal((12, 9))) + 0.3 * rng.standard_normal((N, 9))
ROTATION = np.linalg.qr(rng.standard_normal((12, 12)))[0]
ORDER = rng.permutation(N)
WIDER = np.random.default_rng(8).standard_normal((9, 12))
PAIRS = [(row, row + 4) for row in range(N) if row % 8 < 4]  # of samples of one label
PROBES = {"real": X, "whole": rng.integers(0, 12, (N, 6)).astype(float), "binary": rng.integers(0, 2, (N, 32)) * 1.0}
SMALL = {"k": 8, "k_max": 40, "max_width": 6, "steps": 400, "z": 0.0}


def options(measure):
    return {name: value for name, value in SMALL.items() if name in measure.options}


def arguments(measure, x=None, y=Y, labels=LABELS, pairs=PAIRS):
    x = PROBES[measure.values] if x is None else x
    if measure.same_units:
        y = y @ WIDER[:, : x.shape[1]]
    second = {"labels": labels, "pairs": pairs}.get(measure.data[-1], y)
    return [x, second][: len(measure.data)]


@cache
def found(name):
    """What a measure says of the probe as it is, which many tests start from; one of them asks again."""
    return estimate(name, *arguments(catalog()[name]), **options(catalog()[name]))


def changed(measure, change):
    """The arguments after one change of the first representation (and of the order, in both)."""
    if change == "order":
        return arguments(measure, PROBES[measure.values][ORDER], Y[ORDER], LABELS[ORDER], np.argsort(ORDER)[PAIRS])
    if measure.values != "real":
        assert change == "translation"
        return arguments(measure, PROBES[measure.values] + 3)
    x = {
        "rotation": X @ ROTATION,
        "translation": X + 3 * X[0],
        "scaling": 250.0 * X,
        "linear": X @ (ROTATION * np.geomspace(0.05, 20, 12)),
    }[change]
    return arguments(measure, x)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.name)
class TestEveryMeasure:
    def test_lives_in_a_file_of_its_name_under_its_question(self, measure):
        assert measure.compute.__module__ == f"layerscape.measures.{question(measure)}.{measure.name}"

    def test_is_an_estimate_within_bounds_inside_its_interval(self, measure):
        result = found(measure.name)
        assert isinstance(result, Estimate)
        low, high = measure.bounds
        assert low <= result.low <= result.value <= result.high <= high
        assert result.low < result.high
        assert result.measure == measure.name
        assert result.n_samples == N
        assert result.n_units in (PROBES[measure.values].shape[1], None)
        assert set(result.options) == set(measure.options)

    @pytest.mark.parametrize("change", CHANGES)
    def test_is_unchanged_by_what_it_says_and_changed_by_the_rest(self, measure, change):
        if measure.values != "real" and change not in measure.unchanged_by:
            return  # rotated counts are no counts
        before = found(measure.name).value
        after = estimate(measure, *changed(measure, change), **options(measure)).value
        if change in measure.unchanged_by:
            assert after == pytest.approx(before, rel=UNCHANGED, abs=UNCHANGED)
        else:
            assert abs(after - before) > CHANGED

    def test_real_numbers_are_refused_by_what_counts(self, measure):
        if measure.values != "real":
            with pytest.raises(InvalidValue, match=r"gride|binary"):
                estimate(measure, *arguments(measure, X), **options(measure))

    @pytest.mark.parametrize("scale", [1e-20, 1e20])
    def test_does_not_care_for_the_unit_of_the_data(self, measure, scale):
        """One whose value has that unit, which scaling changes, is a number all the same."""
        if measure.values != "real":
            return
        before = found(measure.name).value
        after = estimate(measure, *arguments(measure, X * scale, Y * scale), **options(measure))
        if "scaling" in measure.unchanged_by:
            assert after.value == pytest.approx(before, rel=UNCHANGED)
        low, high = measure.bounds
        assert low <= after.low <= after.value <= after.high <= high
        assert math.isfinite(after.value)

    def test_copies_of_samples_are_said_or_change_nothing(self, measure):
        again = np.r_[0:N, 0:40]
        x = PROBES[measure.values][again]
        result = estimate(measure, *arguments(measure, x, Y[again], LABELS[again]), **options(measure))
        assert math.isfinite(result.value)
        if measure.distinct:
            assert result.value == found(measure.name).value
            assert "40 exact copies left out; 240 samples remain" in result.warnings

    def test_a_comparison_says_what_chance_gives(self, measure):
        result = found(measure.name)
        if measure.has_chance:
            assert result.chance is not None
            assert result.chance.low < result.chance.value < result.chance.high
            assert 0 <= result.chance.p <= 1
        else:
            assert result.chance is None

    def test_a_comparison_without_chance_says_why(self, measure):
        result = found(measure.name)
        told = [words for words in result.warnings if measure.chance and words.endswith(measure.chance)]
        assert len(told) == bool(measure.chance)
        assert not measure.chance or len(measure.data) == 2

    def test_a_comparison_says_which_way_is_closer(self, measure):
        assert measure.closer in ("", "high", "low")
        assert measure.closer or not measure.has_chance
        assert not measure.closer or len(measure.data) == 2

    def test_constant_data_are_refused_or_are_chance(self, measure):
        """Or, of what has the unit of the data, give an end of what is possible: a length of 0."""
        try:
            result = estimate(measure, *arguments(measure, np.ones((N, 3))), **options(measure))
        except LayerscapeError as error:
            assert "constant" in str(error)
        else:
            has_unit = "scaling" not in measure.unchanged_by
            assert result.value == pytest.approx(result.chance.value) if result.chance else has_unit
            assert result.chance or result.value in measure.bounds

    def test_a_value_that_is_not_finite_is_named(self, measure):
        x = PROBES[measure.values].copy()
        x[17, 3] = np.nan
        with pytest.raises(
            InvalidValue, match=r"sample '17'( of the first array)? has a value that is NaN or infinite"
        ):
            estimate(measure, *arguments(measure, x), **options(measure))

    def test_two_samples_are_too_few_and_that_is_said(self, measure):
        x = PROBES[measure.values][:2]
        with pytest.raises(LayerscapeError):
            estimate(measure, *arguments(measure, x, Y[:2], LABELS[:2], [(0, 1)]), **options(measure))

    def test_reads_no_global_state(self, measure):
        np.random.seed(0)  # noqa: NPY002 (the global state is what is tested)
        state = np.random.get_state()[1].copy()  # noqa: NPY002
        again = estimate(measure, *arguments(measure), **options(measure))
        assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
        assert (again.value, again.low, again.high) == (
            found(measure.name).value,
            found(measure.name).low,
            found(measure.name).high,
        )

    def test_docstring_says_what_it_is_with_source_and_example(self, measure):
        text = inspect.getdoc(measure.compute)
        for part in ("Parameters", "Returns", "Raises", "References", "Examples", ">>>"):
            assert part in text
        assert measure.source
        assert measure.unit
        assert len(measure.options) <= 5

    def test_data_are_positional_and_options_have_defaults(self, measure):
        for parameter in inspect.signature(measure.compute).parameters.values():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                assert parameter.default is not inspect.Parameter.empty
                assert not isinstance(parameter.default, bool)
            else:
                assert parameter.kind is inspect.Parameter.POSITIONAL_ONLY

    def test_a_graph_may_be_given_in_place_of_the_data(self, measure):
        if not set(measure.data) <= {"graph", "subsets"}:
            return
        from layerscape.search import find_neighbors

        graphs = [find_neighbors(x, N - 1) for x in arguments(measure)]
        assert all(isinstance(graph, Neighbors) for graph in graphs)
        by_graph = estimate(measure, *graphs, **options(measure))
        assert by_graph.value == found(measure.name).value


@pytest.mark.parametrize("measure", [m for m in MEASURES if "graph" in m.data], ids=lambda m: m.name)
def test_a_graph_of_some_queries_will_do(measure):
    """Averages over the queries: the same value for all rows by name, and near it for a third of them; or refused."""
    from layerscape.search import find_neighbors

    def graphs(queries):
        data = zip(measure.data, arguments(measure), strict=True)
        return [find_neighbors(x, 64, queries=queries) if kind in ("graph", "graphs") else x for kind, x in data]

    whole = estimate(measure, *graphs(None), **options(measure))
    try:
        estimate(measure, *graphs(np.arange(N)), **options(measure))
    except InvalidValue as error:
        assert "give the graph of all samples" in str(error)
        return
    assert estimate(measure, *graphs(np.arange(N)), **options(measure)).value == pytest.approx(whole.value, rel=1e-12)
    some = estimate(measure, *graphs(np.arange(0, N, 3)), **options(measure))
    assert some.low < some.value < some.high
    assert abs(some.value - whole.value) < 2 * (some.high - some.low)


def test_the_contract_can_fail():
    """A measure that is not what it says is caught."""
    overlap = catalog()["overlap"]
    before = estimate(overlap, X, Y, k=8).value
    assert abs(estimate(overlap, *changed(overlap, "linear"), k=8).value - before) > 1e-3
