"""Controls: what they keep of the data, what they take, and how a run shows them."""

import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.representation import Representation
from layerscape.errors import InvalidType, InvalidValue, UnknownName
from layerscape.supply.controls import columns, gaussian


@pytest.fixture
def roll(rng):
    """A surface in eight units, far from the origin."""
    t = 1.5 * np.pi * (1 + 2 * rng.random(1500))
    x = np.c_[t * np.cos(t), 21 * rng.random(1500), t * np.sin(t)]
    return x @ rng.standard_normal((3, 8)) + 100


@pytest.mark.parametrize("n", [2000, 30])
def test_the_gaussian_has_mean_and_covariance_of_the_data(n, rng):
    x = Representation(rng.exponential(size=(n, 40)) @ rng.standard_normal((40, 40)))
    before = x.matrix.copy()
    draws = np.stack([gaussian(x, seed).matrix for seed in range(20)])
    assert (x.matrix == before).all()
    wanted = np.cov(x.matrix.T)
    spread = np.sqrt(np.outer(np.diag(wanted), np.diag(wanted)))
    error = (np.mean([np.cov(draw.T) for draw in draws], axis=0) - wanted) / spread
    assert np.abs(error).max() < 6 / np.sqrt(20 * n)
    assert np.abs((draws.mean(axis=(0, 1)) - x.matrix.mean(axis=0)) / np.sqrt(np.diag(wanted))).max() < 6 / np.sqrt(
        20 * n
    )


def test_shuffled_columns_have_the_same_values_in_another_order(rng):
    x = Representation(rng.standard_normal((200, 5)).astype(np.float32))
    shuffled = columns(x, 3).matrix
    assert shuffled.dtype == np.float32
    assert (np.sort(shuffled, axis=0) == np.sort(x.matrix, axis=0)).all()
    assert np.abs(np.corrcoef(x.matrix.T, shuffled.T)[:5, 5:]).max() < 0.3
    assert (columns(x, 3).matrix == shuffled).all()
    assert (columns(x, 4).matrix != shuffled).any()


def test_a_surface_reads_below_its_controls(roll):
    found = ls.controls("twonn", roll)
    assert list(found) == ["data", "gaussian", "columns"]
    assert found["data"].high < 2.3 < found["gaussian"].low
    assert found["gaussian"].high < 4 < found["columns"].low


def test_a_run_shows_them_as_groups_and_keeps_only_its_own_graphs(roll):
    run = ls.from_arrays({"a": roll, "b": np.tanh(roll - 100)}, labels={"side": roll[:, 0] > 100})
    table = ls.measure(run, ["twonn", "decimation", "label_overlap"], k=5, controls=["gaussian"])
    twins = table[table.group == "control=gaussian"]
    assert set(twins.measure) == {"twonn", "decimation"}
    assert set(twins.layer) == {"a", "b"}
    expected = ls.controls("twonn", run["a"], kinds=["gaussian"])["gaussian"].value
    assert twins[(twins.layer == "a") & (twins.measure == "twonn")].value.item() == pytest.approx(expected, rel=1e-6)
    assert run.graph("a", 5, metric="euclidean").distances[0, 0] == ls.find_neighbors(roll, 5).distances[0, 0]


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda x: ls.controls("twonn", x, kinds=["normal"]),
            UnknownName,
            "unknown control 'normal'. There are: columns, gaussian.",
        ),
        (
            lambda x: ls.controls("overlap", x),
            InvalidValue,
            "overlap compares two things and has its own chance; controls are for dimensions.",
        ),
        (
            lambda x: ls.controls("twonn", ls.find_neighbors(x, 3)),
            InvalidType,
            "controls are made from the vectors; give the array and not its graph.",
        ),
        (
            lambda x: ls.measure(ls.from_arrays({"a": x}, labels={"y": x[:, 0] > 0}), by="y", controls=["columns"]),
            InvalidValue,
            "by='y' and controls at once; measure the groups in one call, the controls in another.",
        ),
    ],
)
def test_errors(call, kind, text, rng):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        call(rng.standard_normal((60, 4)))
