"""Two processes that train together: the first looks, and both end as without."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import layerscape as ls

SCRIPT = """
import os, sys, numpy as np, torch
from layerscape.training import Monitor
from tests.training.conftest import Net

def work(rank, folder, watched):
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": sys.argv[2], "RANK": str(rank), "WORLD_SIZE": "2"}
    torch.distributed.init_process_group("gloo")
    torch.manual_seed(0)
    model = Net()
    both = torch.nn.parallel.DistributedDataParallel(model)
    torch.manual_seed(1 + rank)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    probe = np.random.default_rng(0).standard_normal((60, 12)).astype("f4")
    monitor = Monitor(both, probe, out=folder + "/series", every=2, max_overhead=None) if watched else None
    for step in range(1, 7):
        x = torch.randn(16, 12)
        loss = torch.nn.functional.cross_entropy(both(x), (x[:, 0] > 0).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if watched:
            monitor.step(step, loss=loss)
            assert monitor.failed == "", monitor.failed
            if rank == 0:
                torch.save(model.state_dict(), f"{folder}/at_{step}.pt")
    if watched:
        assert monitor.steps == ((2, 4, 6) if rank == 0 else ()), monitor.steps
        monitor.close()
    torch.save((model.state_dict(), torch.get_rng_state()), f"{folder}/{watched}_{rank}.pt")
    torch.distributed.destroy_process_group()

if __name__ == "__main__":
    for watched in (False, True):
        torch.multiprocessing.spawn(work, (sys.argv[1], watched), nprocs=2)
"""


@pytest.mark.more
def test_two_processes(net, probe, tmp_path):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]  # of the network that all tests share
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run([sys.executable, script, tmp_path, port], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    for rank in (0, 1):
        (one, drawn), (other, drawn_too) = (torch.load(tmp_path / f"{watched}_{rank}.pt") for watched in (False, True))
        assert [name for name in one if not torch.equal(one[name], other[name])] == []
        assert torch.equal(drawn, drawn_too)
    series = ls.series(tmp_path / "series")
    assert series.steps == (2, 4, 6)
    for step, run in zip(series.steps, series, strict=True):
        fresh = net()
        fresh.load_state_dict(torch.load(tmp_path / f"at_{step}.pt"))
        expected = ls.extract(fresh, probe, out=tmp_path / f"extracted_{step}")
        for layer in run.layers:
            np.testing.assert_allclose(run[layer].matrix[:], expected[layer].matrix[:], rtol=0, atol=1e-6)
