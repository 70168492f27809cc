"""CKNNA against the N × N formula, on data of a known answer, and what it refuses."""

import numpy as np
import pytest

from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.similarity.cknna import _with_itself
from layerscape.measures.similarity.edges import Edges
from layerscape.pipeline.estimate import estimate


def cloud(seed, n=150, d=6):
    return np.random.default_rng(seed).standard_normal((n, d))


def dense(x, y, k):
    """Masks, products and sums of whole matrices, as the paper's authors compute it."""

    def kernel(z):
        z = z / np.linalg.norm(z, axis=1, keepdims=True)
        return z @ z.T

    def mask(matrix):
        matrix = matrix - np.diag(np.full(len(matrix), np.inf))
        return np.argsort(np.argsort(-matrix, axis=1), axis=1) < k

    def align(p, q):
        both = mask(p) & mask(q)
        p, q, m = p * both, q * both, len(p)
        total = (p * q.T).sum() + p.sum() * q.sum() / ((m - 1) * (m - 2)) - 2 * (p @ q).sum() / (m - 2)
        return total / (m * (m - 3))

    p, q = kernel(x), kernel(y)
    return align(p, q) / np.sqrt(align(p, p) * align(q, q))


@pytest.mark.parametrize("k", [2, 10, 149])
@pytest.mark.parametrize("noise", [0.3, 1.0, 30.0])
def test_is_the_n_by_n_formula(k, noise):
    x = cloud(0)
    y = x + noise * cloud(1)
    found = estimate("cknna", x, y, k=k, permutations=19)
    assert found.value == pytest.approx(dense(x, y, k), abs=1e-12)
    order = np.random.default_rng(0).permutation(150)
    assert found.details["null"][0] == pytest.approx(dense(x, y[order], k), abs=1e-12)


def test_rotations_read_1_and_unrelated_data_chance():
    x = cloud(2)
    same = estimate("cknna", x, 1e-9 * x @ np.linalg.qr(cloud(3, 6))[0], permutations=19)
    assert same.value == pytest.approx(1, abs=1e-9)
    assert same.low < same.value < same.high
    assert same.details["shared"] == 1
    for d in (6, 400):
        unrelated = estimate("cknna", cloud(4, d=d), cloud(5, d=d))
        assert unrelated.chance.low < unrelated.value < unrelated.chance.high
        assert abs(unrelated.details["corrected"]) < 0.05


def test_it_falls_with_noise():
    x = cloud(6)
    values = [estimate("cknna", x, x + s * cloud(7), permutations=19).value for s in (0.05, 0.2, 0.8, 3.0)]
    assert values == sorted(values, reverse=True)


def test_a_draw_of_the_samples_is_said_and_is_near_the_rest():
    x = cloud(8, 400)
    y = x + 0.2 * cloud(9, 400)
    found = estimate("cknna", x, y, sample=300, permutations=19)
    assert found.warnings == ("measured on 300 of 400 samples, drawn at random (sample=300, seed=0)",)
    assert found.n_samples == 400
    assert found.low < estimate("cknna", x, y, permutations=19).value < found.high


def zeros():
    x = cloud(0)
    x[7] = 0
    return x


def test_neighbors_that_are_not_mutual_are_refused():
    # Samples 6…19 see sample 0, which sees samples 1…5: many ways through it, none back.
    edges = Edges(20, np.r_[1:6, 120:400:20], np.ones(19))
    with pytest.raises(InvalidValue) as error:
        _with_itself(edges, Representation(cloud(0)))
    assert str(error.value).startswith("the data has so few mutual neighbors that its alignment with itself is -")


REFUSED = [
    (cloud(0)[:, :1], {}, "the first array has one unit: all cosines are 1 or -1; cknna needs at least 2 units."),
    (
        zeros(),
        {},
        "sample '7' of the first array is 0 in every unit: it has no cosine; leave it out, or choose another metric.",
    ),
    (np.outer(np.arange(1, 151), [1, 2]), {}, "the first array is constant in direction: all its cosines are equal; "),
    (cloud(0), {"k": 1}, "k=1; give a number of neighbors from 2 to 149."),
    (cloud(0), {"k": 150}, "k=150; give a number of neighbors from 2 to 149."),
    (cloud(0), {"sample": 5}, "sample=5; give at least 20."),
    (cloud(0, 149), {}, "representations of 149 and 150 samples; both must be of the same samples."),
]


@pytest.mark.parametrize(("x", "options", "words"), REFUSED)
def test_what_it_cannot_compare_is_refused(x, options, words):
    with pytest.raises(InvalidValue) as error:
        estimate("cknna", x, cloud(1), **options)
    assert str(error.value).startswith(words)


def test_float16_and_an_outlier_will_do():
    x = cloud(0)
    x[3] *= 1e4
    found = estimate("cknna", x.astype(np.float16), x, permutations=19)
    assert 0.95 < found.value <= 1 + 1e-9
