"""LiDAR against its formula written out, a known law, chance, and what strangers bring."""

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidValue

Q, N, D = 5, 300, 10
SIGNAL, NOISE = np.linspace(2, 0.1, D), np.linspace(0.2, 1, D)


def views(rng, signal=SIGNAL, n=N, q=Q):
    """Shape (q, n, D): views of n samples, and the column that says of which."""
    return signal * rng.standard_normal((n, D)) + NOISE * rng.standard_normal((q, n, D))


def flat(x):
    return x.reshape(-1, x.shape[2]), np.tile(np.arange(x.shape[1]), x.shape[0])


def rank(values):
    p = values / values.sum() + 1e-7
    return np.exp(-(p * np.log(p)).sum())


def test_is_the_formula_written_out():
    x = views(np.random.default_rng(0))
    means = x.mean(axis=0)
    within = np.mean([np.outer(row, row) for row in (x - means).reshape(-1, D)], axis=0) + 1e-4 * np.eye(D)
    between = np.cov(means.T)
    found = ls.estimate("lidar", *flat(x))
    assert found.value == pytest.approx(rank(np.linalg.eigvals(np.linalg.solve(within, between)).real), rel=1e-10)
    assert found.details["n_objects"] == N
    assert found.details["n_views"] == Q
    assert len(found.details["eigenvalues"]) == D


def test_intervals_hold_the_value_of_the_law():
    """B is the signal and the noise of means over views, each direction measured by its noise."""
    rng, truth = np.random.default_rng(1), rank(SIGNAL**2 / NOISE**2 + 1 / Q)
    every = [ls.estimate("lidar", *flat(views(rng))) for _ in range(100)]
    assert np.mean([each.details["extrapolated"] for each in every]) == pytest.approx(truth, abs=0.03)
    assert np.mean([each.low <= truth <= each.high for each in every]) >= 0.9


def test_without_a_signal_all_directions_count():
    found = ls.estimate("lidar", *flat(views(np.random.default_rng(2), signal=0.0 * SIGNAL, n=2000)))
    assert found.value == pytest.approx(D, abs=0.1)
    assert found.chance is None


def test_pairs_in_any_form_and_unequal_numbers_of_views():
    x, column = flat(views(np.random.default_rng(3), q=2))
    listed = [(row, row + N) for row in range(N)]
    assert ls.estimate("lidar", x, listed).value == pytest.approx(ls.estimate("lidar", x, column).value, rel=1e-12)
    more, who = np.vstack([x, x[:50] + 0.1]), np.r_[column, column[:50]]
    found = ls.estimate("lidar", more, who)
    assert found.details["n_views"] == pytest.approx((2 * N + 50) / N)
    alone = np.vstack([x, np.full((3, D), 7.0)])
    with_alone = ls.estimate("lidar", alone, [*column.tolist(), None, None, None])
    assert with_alone.value == pytest.approx(ls.estimate("lidar", x, column).value, rel=1e-9)
    assert "3 of 603 samples have no partner" in with_alone.warnings[0]


def test_says_when_the_added_constant_decides():
    x, column = flat(views(np.random.default_rng(4)))
    assert not any("delta" in words for words in ls.estimate("lidar", x, column).warnings[:-1])
    small = ls.estimate("lidar", 1e-3 * x, column)
    assert any(words.startswith("delta is more than 1 % of the variance between views") for words in small.warnings)
    assert ls.estimate("lidar", 1e-3 * x, column, delta=1e-10).value == pytest.approx(
        ls.estimate("lidar", x, column).value, rel=1e-9
    )


def test_says_when_there_are_fewer_samples_than_units():
    x, column = flat(views(np.random.default_rng(5), n=8, q=2))
    found = ls.estimate("lidar", x, column)
    assert any(words.startswith("8 samples and 8 differences between views of 10 units") for words in found.warnings)


@pytest.mark.parametrize(
    ("data", "pairs", "options", "words"),
    [
        ("views", "column", {"delta": -1.0}, r"delta=-1.0; give a number of at least 0\."),
        ("views", "two", {}, r"2 samples with views of their own; lidar needs at least 3, and hundreds to mean "),
        (
            "same",
            "column",
            {},
            r"the data is constant over the samples but for views: no direction tells samples apart",
        ),
        ("copies", "column", {"delta": 0.0}, r"views of one sample differ in fewer than 10 directions and delta=0 is "),
        ("wide", "column", {}, r"4097 units; lidar takes at most 4096"),
    ],
    ids=["delta", "two", "same", "copies", "wide"],
)
def test_refusals_are_one_line(data, pairs, options, words):
    x, column = flat(views(np.random.default_rng(6), n=20))
    x = {
        "views": x,
        "same": x - np.tile(x.reshape(Q, 20, D).mean(axis=0), (Q, 1)),
        "copies": np.tile(x[:20], (Q, 1)),
        "wide": np.zeros((len(x), 4097)),
    }[data]
    with pytest.raises(InvalidValue, match=words):
        ls.estimate("lidar", x, column if pairs == "column" else column % 2, **options)


def test_is_measured_in_a_run_by_a_column_of_views():
    x, column = flat(views(np.random.default_rng(7)))
    ids = [f"view {row}" for row in range(len(x))]
    run = ls.from_arrays({"a": x, "b": 0 * x + x[:, :1]}, labels={"picture": column.astype(str)}, ids=ids)
    table = ls.measure(run, ["lidar"], pairs="picture").set_index("layer")
    assert table.value["a"] == pytest.approx(ls.estimate("lidar", x, column).value, rel=1e-9)
    assert 1 <= table.value["b"] < 1.01
