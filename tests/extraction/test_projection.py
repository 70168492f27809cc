"""Random projections: their numbers, and what becomes of distances."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import hadamard

from layerscape.extraction import projection
from layerscape.extraction.projection import project


@settings(max_examples=20, deadline=None)
@given(n_values=st.integers(1, 70), n_units=st.integers(1, 64), seed=st.integers(0, 2**63))
def test_it_is_signs_a_hadamard_matrix_and_a_choice_of_its_rows(n_values, n_units, seed):
    x = torch.from_numpy(np.random.default_rng(0).integers(-9, 10, (3, n_values)).astype(np.float32))
    found = project(x, n_units, seed).numpy()
    if n_values <= n_units:
        assert (found == x.numpy()).all()
        return
    size = 2 ** int(np.ceil(np.log2(n_values)))
    rows = projection._rows(size, n_units, seed)
    assert len(set(rows)) == n_units
    assert set(rows) <= set(range(size))
    signed = np.pad(x.numpy() * projection._signs(n_values, seed), ((0, 0), (0, size - n_values)))
    np.testing.assert_allclose(found, (signed @ hadamard(size))[:, rows] / np.sqrt(n_units), rtol=1e-6, atol=1e-6)


def test_a_seed_gives_the_same_numbers_everywhere():
    assert projection._signs(8, 0).tolist() == [-1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0]
    assert projection._rows(1024, 4, 0).tolist() == [374, 869, 101, 448]
    assert project(torch.arange(100.0)[None], 3, seed=0)[0].tolist() == [
        346.41015625,
        252.87940979003906,
        -84.29313659667969,
    ]


def test_distances_are_kept_whatever_the_vectors():
    rng = np.random.default_rng(0)
    dense, sparse = rng.standard_normal((30, 5000)), np.zeros((30, 5000))
    sparse[np.arange(30), rng.integers(0, 5000, 30)] = 1
    x = np.vstack([dense, 100 * sparse, np.cumsum(dense, 1)]).astype(np.float32)
    right = torch.pdist(torch.from_numpy(x))
    ratios = torch.stack([(torch.pdist(project(torch.from_numpy(x), 256, seed)) / right) ** 2 for seed in range(20)])
    assert float((ratios - 1).square().mean().sqrt()) < np.sqrt(2 / 256)
    assert float((ratios.mean(0) - 1).abs().max()) < 5 * np.sqrt(2 / 256 / 20)


def test_batches_and_precision_change_nothing(monkeypatch):
    x = torch.randn(7, 300, generator=torch.Generator().manual_seed(0)).half()
    whole = project(x, 32, seed=5)
    monkeypatch.setattr(projection, "_AT_ONCE", 1024)
    assert torch.equal(project(x, 32, seed=5), whole)
    assert torch.equal(project(x.float(), 32, seed=5), whole)
    assert torch.equal(project(x[2:3], 32, seed=5), whole[2:3])
    assert not torch.equal(project(x, 32, seed=6), whole)
