from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import layerscape as ls
from layerscape.extraction.failures import NoRoom
from layerscape.extraction.readers import Encoded
from layerscape.extraction.sizing import Fitting, doubled, fastest


def _room_for(most: int, seen: list[int]):
    def run(batch):
        cells = len(batch) * max(one.length for one in batch)
        seen.append(cells)
        if cells > most:
            raise NoRoom("too many")
        return {"layer": torch.tensor([[float(one.content)] for one in batch])}

    return run


def test_a_batch_without_room_is_cut_and_the_next_ones_at_once():
    seen: list[int] = []
    fitting, run = Fitting(), _room_for(6, seen)
    batch = [Encoded(i, length=2) for i in range(10)]
    assert fitting(run, batch)["layer"][:, 0].tolist() == list(range(10))
    assert fitting.most == 5
    assert seen[:3] == [20, 10, 4]
    seen.clear()
    assert fitting(run, batch)["layer"][:, 0].tolist() == list(range(10))
    assert max(seen) <= 5


def test_one_sample_without_room_is_refused():
    with pytest.raises(NoRoom, match="too many"):
        Fitting()(_room_for(6, []), [Encoded(0, length=7), Encoded(1)])


@pytest.mark.parametrize(("most", "size"), [(1, 1), (9, 8), (10**6, 128)])
def test_batches_are_doubled_as_long_as_they_fit_and_are_faster(most, size, monkeypatch):
    clock, seen = [0.0], []
    monkeypatch.setattr("layerscape.extraction.sizing.perf_counter", lambda: clock[0])
    room = _room_for(most, seen)

    def run(batch):
        clock[0] += 1 + len(batch) / 1000  # most of which is spent whatever the size
        return room(batch)

    first = min(4, most)
    found = fastest(run, Encoded(0), first)
    assert found == size
    assert doubled({"tokens": 4}, _room_for(10**6, []), Encoded(0, length=2))["tokens"] >= 4


class Small(nn.Module):
    """Has no room for more than three samples, once it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.block, self.full = nn.Linear(4, 3), False

    def forward(self, x):
        if self.full and len(x) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        return self.block(x)


def test_a_run_goes_on_where_a_batch_has_no_room_and_says_so(rng, tmp_path, monkeypatch):
    x = rng.standard_normal((40, 4)).astype(np.float32)
    module = Small()
    plain = ls.extract(module, x, out=tmp_path / "plain", batch_size=10)
    assert plain.record["warnings"] == []
    module.full = True
    module.eval()  # proofs and dry runs look at three samples at most here
    monkeypatch.setattr("layerscape.extraction.check.N_CHECKED", 3)
    with pytest.warns(UserWarning, match="did not fit into memory") as said:
        run = ls.extract(module, x, out=tmp_path / "cut", batch_size=10)
    assert "at most 2 samples times tokens" in str(said[0].message)
    assert run.record["warnings"] == [str(said[0].message)]
    for name in plain.layers:
        assert np.abs(run[name].read(slice(None)) - plain[name].read(slice(None))).max() < 1e-6


def test_an_interrupted_run_keeps_its_rule_for_batches(rng, tmp_path, monkeypatch):
    x, module = rng.standard_normal((40, 4)).astype(np.float32), Small()
    monkeypatch.setattr("layerscape.extraction.batches.SAMPLES", 16)
    first = ls.extract(module, x, out=tmp_path / "run").folder.plan["batching"]
    monkeypatch.setattr("layerscape.extraction.batches.SAMPLES", 8)  # as on another device
    assert first == {"samples": 16}
    assert ls.extract(module, x, out=tmp_path / "run").folder.plan["batching"] == first
    assert ls.extract(module, x, out=tmp_path / "run", batch_size=16).folder.plan["batching"] == first
    with pytest.raises(ls.LayerscapeError, match=r"batching\.samples=16, now batching\.samples=5"):
        ls.extract(module, x, out=tmp_path / "run", batch_size=5)


def test_autocast_multiplies_in_half_and_keeps_the_weights(rng, tmp_path):
    x, module = rng.standard_normal((40, 4)).astype(np.float32), nn.Sequential(nn.Linear(4, 64), nn.Linear(64, 3))
    plain = ls.extract(module, x, out=tmp_path / "plain")
    fast = ls.extract(module, x, out=tmp_path / "fast", dtype="autocast")
    assert fast.folder.plan["model"]["dtype"] == "float32, autocast to bfloat16"
    assert all(weight.dtype == torch.float32 for weight in module.parameters())
    a, b = (run[run.layers[-1]].read(slice(None)) for run in (plain, fast))
    assert 1e-5 < np.abs(a - b).max() < 0.05
