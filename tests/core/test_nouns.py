"""The nouns check themselves."""

import json
import math
import re

import numpy as np
import pytest

from layerscape.core.estimate import Chance, Estimate, Point
from layerscape.core.measure import Measure, as_measure
from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation
from layerscape.core.samples import Samples
from layerscape.errors import InvalidType, InvalidValue, MissingExtra, UnknownName, require, unknown_name
from layerscape.search import find_neighbors


def test_representation_reads_blocks_of_any_source_as_float64(monkeypatch, rng):
    monkeypatch.setattr("layerscape.core.representation.BLOCK_BYTES", 100)
    x = rng.standard_normal((20, 3)).astype(np.float16)
    blocks = [block for _, block in Representation(x).blocks()]
    assert len(blocks) == 5
    assert blocks[0].dtype == np.float64
    np.testing.assert_array_equal(np.concatenate(blocks), x)


def test_representation_names_the_sample_that_is_not_finite():
    x = np.ones((4, 2))
    x[2, 1] = np.inf
    with pytest.raises(InvalidValue, match="sample 'c' of layer 'top' has a value that is NaN or infinite"):
        Representation(x, "top", tuple("abcd")).read(slice(1, 4))
    with pytest.raises(InvalidValue, match="sample 'c' of layer 'top'"):
        Representation(x, "top", tuple("abcd")).read([3, 2])


def test_representation_takes_tables_and_parts():
    pandas = pytest.importorskip("pandas")
    x = Representation(pandas.DataFrame({"u": [1, 2, 3], "v": [4.0, 5, 6]}), ids=("a", "b", "c"))
    part = x.take(np.array([2, 0]))
    assert part.ids == ("c", "a")
    np.testing.assert_array_equal(part.matrix, [[3, 6], [1, 4]])


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (
            lambda: Representation(np.ones((2, 2)), ids=("a",)),
            InvalidValue,
            "the data has 2 rows but 1 ids; give one id per row.",
        ),
        (
            lambda: Representation(np.ones((2, 2)), ids=("a", "a")),
            InvalidValue,
            "the id 'a' occurs 2 times; ids must be distinct: choose others.",
        ),
        (
            lambda: Samples((), "text", list, ""),
            InvalidValue,
            "no samples were found; give an input with at least one sample.",
        ),
        (
            lambda: Samples(("a", "b"), "text", list, "", {"y": np.zeros(3)}),
            InvalidValue,
            "label column 'y' has 3 values for 2 samples; give one value per sample, in the same order.",
        ),
        (
            lambda: Neighbors(np.zeros((2, 1)), np.zeros((2, 1)), 2),
            InvalidType,
            "indices of type float64; give row numbers as integers.",
        ),
        (
            lambda: Neighbors(np.array([[1], [0]]), np.ones((2, 1), np.float32), 2),
            InvalidType,
            "distances of type float32; give float64, computed from differences.",
        ),
        (
            lambda: Neighbors(np.array([[1], [5]]), np.ones((2, 1)), 2),
            InvalidValue,
            "an index lies outside 0..1; indices are row numbers.",
        ),
        (
            lambda: Representation([[1, 2], [3]]),
            InvalidValue,
            None,
        ),
    ],
)
def test_errors(make, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$" if text else "give rows of one length"):
        make()


def test_restrict_is_the_graph_of_the_rows_that_stay(rng):
    x = rng.standard_normal((60, 3))
    rows = np.sort(rng.permutation(60)[:50])
    cut, direct = find_neighbors(x, 30).restrict(rows, 8), find_neighbors(x[rows], 8)
    np.testing.assert_array_equal(cut.indices, direct.indices)
    np.testing.assert_array_equal(cut.distances, direct.distances)
    assert find_neighbors(x, 8).restrict(rows, 8) is None


def test_estimate_as_json_has_null_for_what_does_not_apply():
    estimate = Estimate(np.float64(1), -math.inf, math.nan, 5, chance=Chance(0.5), curve=(Point(1, 0, 2, 0.3, 4),))
    record = json.loads(json.dumps(estimate.to_dict(), allow_nan=False))
    assert record["low"] is None
    assert record["high"] is None
    assert record["chance"] == {"value": 0.5, "low": None, "high": None, "p": None}
    assert record["curve"] == [{"scale": 0.3, "k": 4, "value": 1.0, "low": 0.0, "high": 2.0}]
    assert float(estimate) == 1.0
    assert "curve" not in Estimate(1, 0, 2, 5).to_dict()


def test_a_function_of_the_users_is_a_measure():
    def reach(graph: Neighbors, /, *, k: int = 3) -> Estimate:
        """The mean distance to neighbor k."""
        value = graph.distances[:, k - 1].mean()
        return Estimate(value, value, value, graph.n_samples, k=k)

    measure = as_measure(reach)
    assert (measure.name, measure.says, measure.data) == ("reach", "The mean distance to neighbor k.", ("graph",))
    assert measure.neighbors_needed({"k": 5}, 100) == 5
    with pytest.raises(UnknownName, match="unknown option of reach 'kk'; nearest: k"):
        measure.choose({"kk": 1})


def test_a_function_that_is_no_measure_is_refused():
    with pytest.raises(InvalidType, match="its positional arguments must be one or two"):
        _ = Measure(lambda: None).data

    def half(x: Representation, /) -> Estimate:
        return 0.5  # type: ignore[return-value]

    with pytest.raises(InvalidType, match="returned float; it must return an Estimate"):
        Measure(half)(Representation(np.eye(2)))


def test_unknown_names_come_with_the_nearest():
    assert isinstance(unknown_name("layer", "blok_1", ["block_1", "block_2"]), LookupError)
    assert str(unknown_name("layer", "zzz", [])) == "unknown layer 'zzz'. There are: none."
    assert "… (30 in all)" in str(unknown_name("layer", "x", map(str, range(30))))


def test_a_missing_library_says_how_to_get_it():
    with pytest.raises(MissingExtra, match=r"^this needs no_such_library, .* run: pip install 'layerscape\[models\]'$"):
        require("no_such_library.part", "models")
