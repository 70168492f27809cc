"""No operation mixes numbers of the processor with those of the device, which only a card would refuse.

On torch's processor device everything is in one place. So every tensor is noted as of the host or of the device: what
was made with a ``device`` or moved there is of the device, what comes of such is too, and numpy reads of the host only.
"""

import numpy as np
import pytest

from layerscape.search import find_neighbors
from tests.search.gpu.devices import FREE, MODULES, assert_same, on_torch
from tests.search.reference import cloud

torch = pytest.importorskip("torch")
from torch.overrides import TorchFunctionMode  # noqa: E402
from torch.utils._pytree import tree_leaves, tree_map  # noqa: E402

Tensor = torch.Tensor


class Places(TorchFunctionMode):
    """Notes where each tensor is, and fails where two places meet."""

    def __init__(self):
        super().__init__()
        self.on_device, self.n_calls = {}, 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", str(func))
        made = func(*args, **kwargs)
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        places = {self.place(x) for x in given if x.dim()}
        moved = any(isinstance(x, torch.device) for x in tree_leaves((args, kwargs)))
        if name in ("to", "cpu"):
            if moved or name == "cpu":
                return self.noted(made.clone(), moved)
        elif name == "numpy":
            assert places == {False}, "numpy reads what is on the device"
        elif name == "__setitem__" and not isinstance(args[2], Tensor):
            return made
        assert len(places) <= 1, f"{name} meets tensors of both places"
        self.n_calls += bool(given)
        if not any(isinstance(x, Tensor) for x in tree_leaves(made)):
            return made
        here = moved or places == {True}
        return tree_map(lambda x: self.noted(x, here) if isinstance(x, Tensor) else x, made)

    def place(self, x):
        return self.on_device.get(id(x), (None, False))[1]

    def noted(self, x, here):
        self.on_device[id(x)] = (x, here)  # which keeps it, so that no other gets its number
        return x


@pytest.mark.parametrize("free", FREE)
@pytest.mark.parametrize("kind", ["Halves", "Singles"])
@pytest.mark.parametrize("options", [{}, {"queries": [4, 40]}, {"lag": 2}], ids=["all", "some", "lag"])
def test_no_operation_meets_tensors_of_both_places(free, kind, options, monkeypatch):
    x = cloud("float32", 60, 20, 1)
    monkeypatch.setattr(MODULES["engine"].trials, "halves_hold", lambda *_: kind == "Halves")
    expected = find_neighbors(x, 6, device="cpu", **options)
    with Places() as places:
        assert_same(on_torch(x, 6, free=free, **options), expected)
    assert places.n_calls > 100


def test_trials_too():
    with Places():
        assert MODULES["trials"]._sums_hold(torch.device("cpu"), 40) == ""
        assert MODULES["trials"]._same_bits(torch.device("cpu")) == ""
        MODULES["trials"].try_singles(torch.device("cpu"))


def test_a_mixture_is_seen():
    device = torch.device("cpu")
    with Places():
        here, there = torch.from_numpy(np.ones(3)), torch.ones(3, dtype=torch.float64, device=device)
        with pytest.raises(AssertionError, match="mul meets tensors of both places"):
            _ = torch.mul(here, there)
        with pytest.raises(AssertionError, match="numpy reads what is on the device"):
            there.numpy()
        assert (there * here.to(device)).cpu().numpy().tolist() == [1, 1, 1]


def test_what_a_card_is_asked_for_exists_in_this_torch():
    """Shapes and kinds of numbers only: `torch.mm` to float32 is there for CUDA, and for nothing at all."""
    a, b = (torch.ones((n, 16), dtype=torch.float16, device="meta") for n in (3, 5))
    made = MODULES["halves"].multiply(a[:, :8], b[:, :8])
    assert (made.shape, made.dtype) == ((3, 5), torch.float32)
