"""The engine for CUDA: torch multiplies matrices on the device, which keeps the smallest bounds of every query."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from layerscape.errors import require
from layerscape.search import compiled
from layerscape.search.again import again
from layerscape.search.engine import Candidates, Found, Job
from layerscape.search.engines import GPU_WORK
from layerscape.search.finish import finish, looked_up
from layerscape.search.gpu import trials
from layerscape.search.gpu.device import full_products, place_of, within
from layerscape.search.gpu.distances import DeviceDistances
from layerscape.search.gpu.halves import Halves
from layerscape.search.gpu.singles import Singles
from layerscape.search.gpu.sweep import DeviceSweep

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "models")


def search(job: Job, device: str) -> Found:
    """The k nearest of all points for each query.

    Parameters
    ----------
    device
        What `available` gave; any device of torch will do.

    Raises
    ------
    InvalidValue
        If the device runs out of memory, or cannot multiply at full precision.
    """
    place = place_of(device)
    with full_products(place):
        halves = within(place, job.memory, lambda _: trials.halves_hold(str(place), job.points.n_units))
        return _search_by(job, place, Halves if halves else Singles)


def _search_by(job: Job, device: torch.device, kind: type[Halves | Singles]) -> Found:
    """The same by bounds of one arithmetic; what these cannot prove is searched again."""
    if kind is Singles:
        within(device, job.memory, lambda _: trials.try_singles(device))

    def sweep(free: int) -> tuple[Candidates, torch.Tensor | None]:
        one = DeviceSweep(job, kind(job, device, free), device, free)
        return one.candidates(), one.values

    candidates, values = within(device, job.memory, sweep)
    look_up = looked_up
    if values is not None and within(device, job.memory, lambda _: trials.distances_hold(str(device))):
        look_up = DeviceDistances(values, job.memory)
    del values
    around = partial(_other, device=device, kind=kind)
    finer = partial(_other, device=device, kind=Singles) if kind is Halves else None
    return finish(job, candidates, partial(again, search=around, finer=finer), look_up)


def _other(job: Job, device: torch.device, kind: type[Halves | Singles]) -> Found:
    """A part of a search, on the device where it is large."""
    work = job.queries.n_points * job.points.n_points * job.points.n_units
    return compiled.search(job) if work < GPU_WORK else _search_by(job, device, kind)
