"""`plan`: what a search will take on this machine and on several like it, and how few queries are enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from layerscape.core.interval import Z95
from layerscape.core.keywords import Search, chosen, door
from layerscape.core.representation import Representation
from layerscape.errors import InvalidType, InvalidValue
from layerscape.pipeline.forecast import duration
from layerscape.run import Run
from layerscape.search import Machine, machine
from layerscape.search.asking import check_k
from layerscape.storage import in_words

NETWORK = 1.25e9  # bytes a second, of 10 Gbit/s
NOISE = 12_000  # samples that stand for those that are not there yet
OF_GRAPH, WHILE = 12, 46  # bytes for each neighbor: on disk, and in memory until a layer is done


@dataclass(frozen=True)
class Step:
    """One way to search all layers.

    Attributes
    ----------
    n_queries
        How many samples are asked for their neighbors among all.
    n_operations
        N²·D for all samples on one machine, where a distance serves both of a pair; 2·M·N·D for M queries, and on
        several machines; summed over layers.
    computing, disk, network
        Seconds on each machine: of its share of the operations, of the vectors that it reads, and of those that reach
        it from elsewhere, where there are several.
    graphs
        Bytes of the graphs, on disk.
    memory
        Bytes of the largest layer's lists while it is searched, beside ``memory=``.
    """

    n_queries: int
    n_operations: float
    computing: float
    disk: float
    network: float
    graphs: int
    memory: int

    @property
    def seconds(self) -> float:
        """How long it takes: as long as what takes longest, since the rest goes on meanwhile."""
        return max(self.computing, self.disk, self.network)

    @property
    def bound(self) -> str:
        """What takes longest: ``"computing"``, ``"disk"`` or ``"network"``."""
        return max(("computing", "disk", "network"), key=lambda name: getattr(self, name))


@dataclass(frozen=True)
class Plan:
    """What a search of all layers will take.

    Attributes
    ----------
    n_samples, n_units, k, workers
        N, D by layer, the number of neighbors, and how many machines like this one share the work.
    vectors
        Bytes of all layers.
    whole
        The search of all samples.
    shares, dimension
        The search of as few queries as give an interval of ``precision`` to each side: for an average of values
        between 0 and 1 (overlap, label overlap, a share of neighbors), whatever they are; and of this part of its
        value for a dimension by TwoNN. None where N is no more.
    precision
        As it was asked for.
    machine
        What was measured of this machine.
    """

    n_samples: int
    n_units: dict[str, int]
    k: int
    workers: int
    vectors: int
    whole: Step
    shares: Step | None
    dimension: Step | None
    precision: float
    machine: Machine

    def told(self) -> dict[str, Any]:
        """As plain values."""
        steps = {"whole": self.whole, "shares": self.shares, "dimension": self.dimension}
        more = {name: {"seconds": step.seconds, "bound": step.bound} for name, step in steps.items() if step}
        found = asdict(self)
        for name, known in more.items():
            found[name] |= known
        return found

    def __str__(self) -> str:
        units = sorted(set(self.n_units.values()))
        wide = f"{units[0]:,}" if len(units) == 1 else f"{units[0]:,} to {units[-1]:,}"
        layers = f"{len(self.n_units)} layers" if len(self.n_units) > 1 else "1 layer"
        each = "this machine" if self.workers == 1 else f"each of {self.workers} machines like this one"
        lines = [
            f"{self.n_samples:,} samples, {layers} of {wide} units: {in_words(self.vectors)} of vectors; k = {self.k}; "
            f"times are estimates, of {each} as busy as now",
            _line("all samples", self.whole),
        ]
        for step, what in (
            (self.shares, f"±{self.precision:g} of any overlap or share of neighbors"),
            (self.dimension, f"±{self.precision:.2g} times its value of a dimension by TwoNN"),
        ):
            if step is None:
                lines.append(f"{what}: all samples, which are no more than this needs")
            else:
                lines.append(_line(f"{step.n_queries:,} queries, enough for {what}", step))
        if self.shares or self.dimension:
            lines.append("queries: layerscape measure RUN --n-queries N, or ls.measure(run, n_queries=N)")
        return "\n".join(lines)


def _line(what: str, step: Step) -> str:
    others = {"computing": step.computing, "disk": step.disk, "network": step.network}
    rest = ", ".join(
        f"{name} {duration(seconds)}" for name, seconds in others.items() if seconds and name != step.bound
    )
    return (
        f"{what}: about {duration(step.seconds)}, bound by {'the ' * (step.bound != 'computing')}{step.bound}"
        f"{f' ({rest})' if rest else ''}; {step.n_operations:.2g} operations, graphs {in_words(step.graphs)}, "
        f"memory {in_words(step.memory)}"
    )


@door
def plan(
    data: Run | Sequence[int],
    /,
    *,
    k: int = 30,
    precision: float = 0.02,
    workers: int = 1,
    network: float = NETWORK,
    **search: Unpack[Search],
) -> Plan:
    """What a search of all layers will take, before it is run, and how few queries would be enough.

    Constants are measured in about two seconds: two searches of some of the samples (of Gaussian noise where there are
    none), and a file that is written and read. Times are therefore those of this machine as busy as it is now; they are
    of exact searches. An average over samples needs few queries: one of values between 0 and 1 has a variance of at
    most 1/4, so that (1.96 / 2p)² queries give an interval of ±p whatever the values are, and TwoNN's relative error
    is 1/√M (Facco et al. 2017), so that (1.96 / p)² queries give ± that part of the dimension.

    Parameters
    ----------
    data
        A run, or what it would hold: (samples, units), or (samples, units, layers), in float32.
    k
        Number of neighbors.
    precision
        Half the width of the 95 % interval that is wanted.
    workers
        How many machines like this one share the work (``cluster=`` of `find_neighbors`). They look at a pair once for
        each of its samples, and vectors that are not its own reach each of them over the network.
    network
        Bytes a second that reach a machine; it cannot be measured here, 10 Gbit/s when left out.
    search
        The keywords of a search, as in `find_neighbors`.

    Returns
    -------
    Plan
        ``str()`` of it is what the command line says.

    Raises
    ------
    InvalidValue, InvalidType
        If a number is out of its range, or the data are neither a run nor two or three numbers.

    Examples
    --------
    >>> import layerscape as ls
    >>> found = ls.plan((1_000_000, 64), k=10, precision=0.02)
    >>> found.shares.n_queries, found.dimension.n_queries, found.whole.n_operations
    (2401, 9604, 64000000000000.0)
    """
    _, how = chosen(search)
    _check(precision, workers, network)
    n, units, itemsize, x, folder = _held(data)
    check_k(k, n)
    able = machine(x, min(k, x.n_samples - 1), search, folder)

    def step(n_queries: int | None) -> Step:
        asked = n if n_queries is None else n_queries
        alone = n_queries is None and workers == 1  # where a distance serves both of its samples
        each = np.array(list(units.values()), float) * n * (n if alone else 2 * asked)
        sizes = np.array(list(units.values()), float) * n * itemsize
        passes = np.maximum(1, np.ceil(sizes * asked / n / how.memory))  # of data that do not fit, a panel at a time
        seconds = sum(able.computing(one, asked) for one in each)
        return Step(
            asked,
            float(each.sum()),
            float(seconds) / workers,
            float((sizes * passes).sum()) * able.per_byte / workers,
            float(sizes.sum()) * (1 - 1 / workers) / network,
            len(units) * asked * k * OF_GRAPH,
            ceil(asked / workers) * k * WHILE,
        )

    few = [ceil(float(f"{(Z95 / spread) ** 2:.9g}")) for spread in (2 * precision, precision)]
    shares, dimension = (step(each) if each < n / 2 else None for each in few)  # of more, all cost no more
    vectors = sum(units.values()) * n * itemsize
    return Plan(n, units, k, workers, vectors, step(None), shares, dimension, precision, able)


def _check(precision: float, workers: int, network: float) -> None:
    if not 0 < precision < 1:
        raise InvalidValue(f"precision={precision:g}; give half the width of an interval, above 0 and below 1.")
    if workers < 1:
        raise InvalidValue(f"workers={workers}; give 1 or more.")
    if not network > 0:
        raise InvalidValue(f"network={network:g} bytes a second; give more than 0.")


def _held(data: Any) -> tuple[int, dict[str, int], int, Representation, Path | None]:
    """N, D by layer, the bytes of a number, some of the samples, and the folder of a run."""
    if isinstance(data, Run):
        units = {name: data.vectors(name).n_units for name in data.layers if name not in data.given}
        if not units:
            raise InvalidValue("there is nothing to search: all layers of the run were given as graphs.")
        x = data.vectors(max(units, key=lambda name: units[name]))
        return data.n_samples, units, x.matrix.dtype.itemsize, x, data.path
    if not isinstance(data, (tuple, list)) or not 2 <= len(data) <= 3:
        raise InvalidType(f"{type(data).__name__} to plan for; give a run, or (samples, units, layers).")
    if any(isinstance(each, bool) or not isinstance(each, (int, np.integer)) or each < 1 for each in data):
        raise InvalidValue(f"{tuple(data)}: samples, units and layers are whole numbers of 1 or more.")
    n, wide, layers = (*data, 1)[:3]
    if n < 3:
        raise InvalidValue(f"{n} samples; there is nothing to plan of fewer than 3.")
    noise = np.random.default_rng(0).standard_normal((min(n, NOISE), wide), np.float32)
    return n, {f"layer {place}": wide for place in range(1, layers + 1)}, 4, Representation(noise), None
