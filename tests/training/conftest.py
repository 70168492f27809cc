"""Small trainings, with and without a monitor."""

import numpy as np
import pytest
import torch
from torch import nn

N, D = 60, 12


@pytest.fixture
def probe():
    return np.random.default_rng(0).standard_normal((N, D)).astype(np.float32)


class Net(nn.Module):
    """Dropout, batch norm, and blocks of one kind."""

    def __init__(self, width=16):
        super().__init__()
        self.stem, self.norm = nn.Linear(D, width), nn.BatchNorm1d(width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Dropout(0.3)) for _ in range(2)
        )
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = self.norm(self.stem(x))
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


@pytest.fixture
def net():
    return Net


@pytest.fixture
def states():
    """All that a training carries on: weights, buffers, gradients, modes, and random numbers to come."""

    def of(model):
        tensors = {name: each.clone() for name, each in model.state_dict().items()}
        tensors |= {
            f"grad {name}": each.grad.clone() for name, each in model.named_parameters() if each.grad is not None
        }
        tensors["rng"] = torch.get_rng_state()
        return tensors, [part.training for part in model.modules()], np.random.get_state()[1].tolist()  # noqa: NPY002

    return of
