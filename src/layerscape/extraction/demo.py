"""The demo's network: small, trained without labels by ``tools/train_demo.py``, its weights inside the package."""

from __future__ import annotations

from importlib.resources import files

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, relu

from layerscape.errors import unknown_name

CHECKPOINTS = {"untrained": 0, "step_0050": 50, "step_0150": 150, "step_0400": 400, "final": 1500}  # name to step
WIDTHS = (24, 24, 24, 32, 40, 48, 64, 72)  # channels of the embedding and of the seven stages


class Stage(nn.Module):
    """Two convolutions beside a shortcut, then a map that is one row and one column smaller.

    Maps shrink a little at every stage, not by half at some, so that place is forgotten as gradually as depth grows.
    """

    def __init__(self, width: int, new_width: int) -> None:
        super().__init__()
        self.convolve_1 = nn.Conv2d(width, new_width, 3, padding=1, bias=False)
        self.norm_1 = nn.GroupNorm(new_width // 8, new_width)
        self.convolve_2 = nn.Conv2d(new_width, new_width, 3, padding=1, bias=False)
        self.norm_2 = nn.GroupNorm(new_width // 8, new_width)
        same = width == new_width
        self.shortcut = nn.Identity() if same else nn.Conv2d(width, new_width, 1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """From (batch, width, s, s) to (batch, new_width, s − 1, s − 1)."""
        inner = relu(self.norm_1(self.convolve_1(maps)))
        summed = self.shortcut(maps) + self.norm_2(self.convolve_2(inner))
        return avg_pool2d(relu(summed), 2, stride=1)


class DemoNetwork(nn.Module):
    """Residual network for grey pictures of 16 × 16 pixels: 8 × 8 maps of the embedding, then 7 × 7 … 1 × 1.

    >>> DemoNetwork()(torch.zeros(2, 16, 16)).shape
    torch.Size([2, 72])
    """

    def __init__(self) -> None:
        super().__init__()
        first = WIDTHS[0]
        convolution = nn.Conv2d(1, first, 3, stride=2, padding=1, bias=False)
        self.embedding = nn.Sequential(convolution, nn.GroupNorm(first // 8, first), nn.ReLU())
        self.blocks = nn.ModuleList(map(Stage, WIDTHS, WIDTHS[1:]))

    def forward(self, pictures: Tensor) -> Tensor:
        """Output of the last stage, (batch, 72), of pictures (batch, 16, 16) in 0…1."""
        maps = self.embedding(pictures[:, None])
        for block in self.blocks:
            maps = block(maps)
        return maps.flatten(1)


def load_demo(checkpoint: str = "final") -> DemoNetwork:
    """The demo's network as it was at a checkpoint, in float32 and ready to be asked.

    Parameters
    ----------
    checkpoint
        One of `CHECKPOINTS`, which are in the order of training.

    Raises
    ------
    UnknownName
        If there is no such checkpoint.

    Examples
    --------
    >>> load_demo("untrained").training
    False
    """
    if checkpoint not in CHECKPOINTS:
        raise unknown_name("checkpoint", checkpoint, CHECKPOINTS)
    stored = files("layerscape.extraction") / "demo_weights" / f"{checkpoint}.safetensors"
    weights = {name: tensor.float() for name, tensor in load(stored.read_bytes()).items()}
    with torch.device("meta"):  # initial weights are not drawn: they would only be overwritten
        network = DemoNetwork()
    network.load_state_dict(weights, assign=True)
    return network.eval()
