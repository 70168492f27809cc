from __future__ import annotations

import numpy as np
import pytest

from layerscape.errors import InvalidType, InvalidValue
from layerscape.pipeline.samples import as_samples

torch = pytest.importorskip("torch")


def test_a_list_may_hold_arrays_of_any_length_and_dicts_of_them(rng):
    ragged = as_samples([rng.normal(size=(2 + i, 3)) for i in range(4)])
    assert [each.shape for each in ragged.read([3, 0])] == [(5, 3), (2, 3)]
    assert (len(ragged), ragged.kind) == (4, "array")
    dicts = as_samples([{"x": torch.ones(2), "name": "a", "pair": (1.5, None)}, {"x": torch.zeros(2)}])
    first, second = dicts.read([0, 1])
    assert first["name"] == "a"
    assert first["pair"] == (1.5, None)
    np.testing.assert_array_equal(second["x"], [0, 0])


def test_what_is_told_apart(rng):
    x = rng.normal(size=(4, 3))
    given = [x, list(x.astype(np.float32)), [{"x": row} for row in x], [{"y": row} for row in x]]
    given += [[(row, row) for row in x], [x[:2], x[2:]], list(x[::-1])]
    prints = [as_samples(each).fingerprint for each in given]
    assert len(set(prints)) == len(given)
    assert prints == [as_samples(each).fingerprint for each in given]
    assert as_samples(list(x)).fingerprint == as_samples(torch.from_numpy(x)).fingerprint == prints[0]
    assert as_samples([[1.0, 2.0], [3.0, 4.0]]).read([1])[0].tolist() == [3.0, 4.0]


def test_tensors_of_any_kind_are_arrays():
    x = torch.arange(6.0).reshape(3, 2)
    for given in (x, x.bfloat16(), x.clone().requires_grad_()):
        np.testing.assert_array_equal(as_samples(given).read([2])[0], [4, 5])
        np.testing.assert_array_equal(as_samples(list(given)).read([2])[0], [4, 5])


def test_what_is_no_list_of_samples_is_refused():
    give = "give a path, an array with one sample per row, or a list of texts, of arrays or of dicts of arrays"
    data = torch.utils.data.TensorDataset(torch.zeros(3, 2))
    for given, text in (
        (data, f"inputs of type TensorDataset; {give}"),
        (torch.utils.data.DataLoader(data), f"inputs of type DataLoader; {give}"),
        (np.zeros(3), rf"inputs of type ndarray and shape \(3,\); {give}"),
        ([1.0, 2.0], f"a list of numbers; {give}"),
        ([object()], "sample 0 of the list is of type object, and no array"),
        (iter([1]), f"inputs of type list_iterator; {give}"),
    ):
        with pytest.raises(InvalidType, match=f"^{text}"):
            as_samples(given)
    with pytest.raises(InvalidValue, match=r"^an empty list; give a path"):
        as_samples([])
