"""Networks that nobody has named: drawn at random, are their layers right, refused in words, or wrong?

Run:  python -m benchmarks.random_networks [--cases 1000] [--seed 0] [--case NUMBER] [--write]

A network reads token ids, texts (ids of unlike length, with a mask), series, pictures or vectors of random sizes, holds
its state in an order of axes of its own, with tokens of its own before and behind, and hands it from block to block in
its own way: as an argument by position or name, in a tuple, dict or dataclass, beside other tensors of which some have
the state's shape; blocks may be one module that runs several times, mix places or not, and leave the sum to the
network. Every draw is made again from its number.

The reference is what the network itself writes down as its state while it runs, sample by sample and pooled by a line
of NumPy. Right is a network whose `embedding`, `block_1`, … and `final_norm` are that state to 1e-5 of its length; of
some of these not all are layers ("left out"); refused is an error of layerscape; anything else is wrong.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import layerscape as ls
from benchmarks.publish import publish
from layerscape import LayerscapeError

N, EXACT = 6, 1e-5
READS = ("ids", "texts", "series", "pictures", "vectors")
MIXES = {"vectors": ("",), "texts": ("", "attention", "mean")}  # of unlike lengths nothing has a weight for each place
POOLED = {
    "mean": lambda real, content: content.mean(0),
    "mean:all": lambda real, content: real.mean(0),
    "max": lambda real, content: content.max(0),
    "first": lambda real, content: content[0],
    "last": lambda real, content: real[-1],
    "last:3": lambda real, content: real[-3:].mean(0),
    "weighted": lambda real, content: np.average(real, axis=0, weights=np.arange(1, len(real) + 1)),
}
STATE: list[torch.Tensor] | None = None  # where a network writes down its states, (samples, places, units)


@dataclass(frozen=True)
class Plan:
    """What is drawn of a network."""

    reads: str
    order: str
    pooling: str
    masked: bool
    size: int
    units: int
    front: int
    behind: int
    positions: bool
    mixes: str
    n_blocks: int
    kept: str
    takes: str
    gives: str
    extra: str
    adds: bool
    norm: bool
    head: str
    training: bool
    double: bool


def drawn(case: int, seed: int) -> Plan:
    rng = np.random.default_rng([seed, case])

    def of(*choices: Any) -> Any:
        return choices[rng.integers(len(choices))]

    reads = of(*READS)
    orders = {"pictures": ("btu", "tbu", "but", "bhwu", "buhw"), "vectors": ("bu",)}
    order = of(*orders.get(reads, ("btu", "tbu", "but")))
    tokens = order in ("btu", "tbu")
    kept = of("list", "list", "tied", "looped", "deep", "sequence")
    plain = kept == "sequence"
    return Plan(
        reads=reads,
        order=order,
        pooling=of(*(("mean", "max") if len(order) == 4 else POOLED)),
        masked=reads == "texts" and bool(rng.integers(2)),
        size=int(rng.integers(3, 9)),
        units=int(rng.integers(2, 9)),
        front=int(rng.integers(3)) if tokens else 0,
        behind=int(rng.integers(3)) if tokens else 0,
        positions=bool(rng.integers(2)) and reads not in ("vectors", "texts"),
        mixes=of(*MIXES.get(reads, ("", "attention", "matrix", "mean", "shift"))),
        n_blocks=int(rng.integers(2, 5)),
        kept=kept,
        takes="place" if plain else of("place", "place", "name", "second", "dict"),
        gives="state" if plain else of("state", "state", "tuple", "last of a tuple", "dict", "dataclass", "list"),
        extra=of("weights", "number", "state", "change", "none"),
        adds=not plain and not rng.integers(4),
        norm=bool(rng.integers(2)),
        head=of("none", "mean", "dict", "tuple"),
        training=bool(rng.integers(2)),
        double=bool(rng.integers(2)),
    )


@dataclass
class Put:
    """What a block may hand on."""

    notes: Any
    deep: dict[str, Any] = field(default_factory=dict)


class Block(nn.Module):
    """Takes and gives states of the order of its plan; without a kind of torch that says which axis is which."""

    def __init__(self, plan: Plan, places: int) -> None:
        super().__init__()
        self.plan = plan
        self.units = nn.Parameter(torch.randn(plan.units, plan.units) / plan.units**0.5)
        self.places = nn.Parameter(torch.randn(places, places) / places**0.5) if plan.mixes == "matrix" else None
        self.dropout = nn.Dropout(0.3)

    def change(self, state: torch.Tensor, real: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        plan, x = self.plan, canonical(state, self.plan.order)
        scores = x @ x.mT / plan.units**0.5
        weights = torch.softmax(scores if real is None else scores.masked_fill(~real[:, None], -1e9), -1)
        if plan.mixes == "attention":
            x = weights @ x
        elif plan.mixes == "matrix":
            x = torch.einsum("btu,ts->bsu", x, self.places)
        elif plan.mixes == "mean":
            every = torch.ones_like(x[..., :1]) if real is None else real[..., None]
            mean = (x * every).sum(1, keepdim=True) / every.sum(1, keepdim=True)
            x = x + mean
        elif plan.mixes == "shift":
            x = x + torch.roll(x, 1, dims=1)
        return turned(self.dropout(torch.tanh(x @ self.units)), plan.order, state), weights

    def forward(self, *args: Any, x: torch.Tensor | None = None, real: torch.Tensor | None = None) -> Any:
        state: Any = x if x is not None else args[-1]
        state = state["x"] if isinstance(state, dict) else state
        change, weights = self.change(state, real)
        out = change if self.plan.adds else state + change
        number = change.square().mean()
        extra = {"weights": weights, "number": number, "state": out.softmax(-1), "change": change, "none": None}
        return given(out, extra[self.plan.extra], self.plan.gives)


def given(out: torch.Tensor, extra: Any, gives: str) -> Any:
    return {
        "state": out,
        "tuple": (out, extra),
        "last of a tuple": (extra, out),
        "dict": {"aside": extra, "x": out},
        "dataclass": Put(extra, {"x": out}),
        "list": [[extra], [out]],
    }[gives]


def got(put: Any, gives: str) -> torch.Tensor:
    return {
        "state": lambda: put,
        "tuple": lambda: put[0],
        "last of a tuple": lambda: put[1],
        "dict": lambda: put["x"],
        "dataclass": lambda: put.deep["x"],
        "list": lambda: put[1][0],
    }[gives]()


def canonical(state: torch.Tensor, order: str) -> torch.Tensor:
    """As (samples, places, units)."""
    return {
        "btu": lambda x: x,
        "tbu": lambda x: x.transpose(0, 1),
        "but": lambda x: x.transpose(1, 2),
        "bhwu": lambda x: x.flatten(1, 2),
        "buhw": lambda x: x.flatten(2).transpose(1, 2),
        "bu": lambda x: x[:, None],
    }[order](state)


def turned(x: torch.Tensor, order: str, like: torch.Tensor) -> torch.Tensor:
    """From (samples, places, units) to an order, of the shape of another state."""
    return {
        "btu": lambda: x,
        "tbu": lambda: x.transpose(0, 1),
        "but": lambda: x.transpose(1, 2),
        "bhwu": lambda: x.reshape(like.shape),
        "buhw": lambda: x.transpose(1, 2).reshape(like.shape),
        "bu": lambda: x[:, 0],
    }[order]()


class Core(nn.Module):
    """Holds the blocks one level deeper."""

    def __init__(self, blocks: nn.Module) -> None:
        super().__init__()
        self.layers = blocks


class Net(nn.Module):
    """A network by plan, which writes down its states."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.n_places = {"vectors": 1, "pictures": plan.size**2}.get(plan.reads, plan.size) + plan.front + plan.behind
        self.stem = {
            "ids": lambda: nn.Embedding(11, plan.units),
            "texts": lambda: nn.Embedding(11, plan.units),
            "series": lambda: nn.Linear(3, plan.units),
            "pictures": lambda: nn.Conv2d(3, plan.units, 2, 2),
            "vectors": lambda: nn.Linear(7, plan.units),
        }[plan.reads]()
        self.front = nn.Parameter(torch.randn(1, plan.front, plan.units))
        self.behind = nn.Parameter(torch.randn(1, plan.behind, plan.units))
        self.position = nn.Parameter(torch.randn(1, self.n_places, plan.units)) if plan.positions else None
        count = 1 if plan.kept in ("tied", "looped") else plan.n_blocks
        blocks = [Block(plan, self.n_places) for _ in range(count)]
        self.blocks = self.held(blocks)
        self.norm = nn.LayerNorm(plan.units) if plan.norm else None
        self.head = nn.Linear(plan.units, 3)

    def held(self, blocks: list[Block]) -> nn.Module:
        return {
            "list": lambda: nn.ModuleList(blocks),
            "tied": lambda: nn.ModuleList(blocks * self.plan.n_blocks),
            "looped": lambda: blocks[0],
            "deep": lambda: Core(nn.ModuleList(blocks)),
            "sequence": lambda: nn.Sequential(*blocks),
        }[self.plan.kept]()

    def note(self, state: torch.Tensor) -> None:
        if STATE is not None:
            STATE.append(canonical(state, self.plan.order)[0].double())

    def start(self, x: torch.Tensor) -> torch.Tensor:
        plan, state = self.plan, self.stem(x)
        if plan.reads == "pictures":
            if plan.order == "buhw":
                return state if self.position is None else state + self.position.mT.reshape(1, *state.shape[1:])
            state = state.permute(0, 2, 3, 1)
            if plan.order == "bhwu":
                return state if self.position is None else state + self.position.reshape(1, *state.shape[1:])
            state = state.flatten(1, 2)
        if plan.reads == "vectors":
            return state
        state = torch.cat([self.front.expand(len(x), -1, -1), state, self.behind.expand(len(x), -1, -1)], 1)
        state = state if self.position is None else state + self.position
        return turned(state, plan.order, state)

    def calls(self) -> list[Block]:
        blocks: Any = self.blocks.layers if self.plan.kept == "deep" else self.blocks
        return [blocks] * self.plan.n_blocks if self.plan.kept == "looped" else list(blocks)

    def forward(self, x: torch.Tensor, attention_mask: torch.Tensor | None = None) -> Any:
        plan, state = self.plan, self.start(x)
        real = None if attention_mask is None else self.real(attention_mask.bool())
        self.note(state)
        if plan.kept == "sequence" and STATE is None and real is None:
            state = self.blocks(state)
        else:
            for block in self.calls():
                put = self.call(block, state, {} if real is None else {"real": real})
                state = state + got(put, plan.gives) if plan.adds else got(put, plan.gives)
                self.note(state)
        last = plan.order.endswith("u")
        x = state if last else canonical(state, plan.order)
        if self.norm is not None:
            x = self.norm(x)
            self.note(x if last else turned(x, plan.order, state))
        x = canonical(x, plan.order) if last else x
        return {
            "none": lambda: x,
            "mean": lambda: self.head(x.mean(1)),
            "dict": lambda: {"logits": self.head(x.mean(1)), "last": x},
            "tuple": lambda: (self.head(x), x.mean(1)),
        }[plan.head]()

    def real(self, mask: torch.Tensor) -> torch.Tensor:
        own = [mask.new_ones(len(mask), n) for n in (self.plan.front, self.plan.behind)]
        return torch.cat([own[0], mask, own[1]], 1)

    def call(self, block: Block, state: torch.Tensor, more: dict[str, torch.Tensor]) -> Any:
        return {
            "place": lambda: block(state, **more),
            "name": lambda: block(x=state, **more),
            "second": lambda: block(state.cumsum(-1), state, **more),
            "dict": lambda: block({"x": state}, **more),
        }[self.plan.takes]()


def samples_of(plan: Plan, rng: np.random.Generator) -> Any:
    if plan.reads == "texts":
        return [rng.integers(0, 11, rng.integers(2, plan.size + 4)) for _ in range(N)]
    if plan.reads == "ids":
        return rng.integers(0, 11, (N, plan.size))
    shape = {"series": (plan.size, 3), "pictures": (3, 2 * plan.size, 2 * plan.size), "vectors": (7,)}[plan.reads]
    return rng.standard_normal((N, *shape))


def padded(rows: list[np.ndarray]) -> dict[str, torch.Tensor]:
    """Ids with a mask, for a forward that takes it."""
    width = max(map(len, rows))
    ids = [np.pad(row, (0, width - len(row))) for row in rows]
    mask = [np.arange(width) < len(row) for row in rows]
    return {"x": torch.from_numpy(np.stack(ids)), "attention_mask": torch.from_numpy(np.stack(mask)).long()}


class Unmasked(nn.Module):
    """The same network, whose forward knows no mask."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> Any:
        return self.net(x)


def states(net: Net, samples: Any) -> list[np.ndarray]:
    """The embedding, what follows each block, and the norm; of each sample alone."""
    global STATE
    found, plan = [], net.plan
    for one in samples:
        STATE = []
        x = torch.from_numpy(one[None])
        with torch.no_grad():
            net(x if plan.reads in ("ids", "texts") else x.to(next(net.parameters()).dtype))
        own = [(state.numpy(), state[plan.front : len(state) - plan.behind].numpy()) for state in STATE]
        found.append([POOLED[plan.pooling](part if plan.reads == "texts" else whole, part) for whole, part in own])
    STATE = None
    return [np.stack(of) for of in zip(*found, strict=True)]


def outcome(case: int, seed: int) -> tuple[str, str, Plan]:
    """``right``, ``left out``, ``refused`` or ``wrong``, and why."""
    plan, rng = drawn(case, seed), np.random.default_rng([seed, case, 1])
    torch.manual_seed(case)
    net = Net(plan).train(plan.training)
    net = net.double() if plan.double else net
    samples = samples_of(plan, rng)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            given = {"make_inputs": padded} if plan.reads == "texts" else {}
            module = net if plan.masked or plan.reads != "texts" else Unmasked(net)
            run = ls.extract(module, samples, out=Path(folder) / "run", pooling=plan.pooling, progress=False, **given)
            layers = {layer: np.asarray(run[layer], dtype=float) for layer in run.layers}
        except LayerscapeError as error:
            return "refused", str(error), plan
        except Exception as error:
            return "wrong", f"{type(error).__name__}: {error}", plan
    return *judged(layers, states(net.eval(), samples), plan), plan


def judged(layers: dict[str, np.ndarray], right: list[np.ndarray], plan: Plan) -> tuple[str, str]:
    names = ["embedding", *(f"block_{i}" for i in range(1, plan.n_blocks + 1)), *(["final_norm"] if plan.norm else [])]
    where = {name.rsplit(".", 1)[-1]: x for name, x in layers.items()}
    off = {}
    for name, state in zip(names, right, strict=True):
        if name in where:
            x = where[name]
            size = np.linalg.norm(state, axis=1).max()
            off[name] = float(np.linalg.norm(x - state, axis=1).max() / size) if x.shape == state.shape else np.inf
    if worst := {name: size for name, size in off.items() if size > EXACT}:
        return "wrong", f"{worst} of {list(layers)}"
    if strange := [name for name in where if name.startswith("block_") and name not in names]:
        return "wrong", f"{strange} of {list(layers)}"
    missing = [name for name in names if name not in off]
    return ("left out", f"without {missing}: {list(layers)}") if missing else ("right", "")


def table(counted: dict[str, Counter[str]]) -> list[str]:
    """How many networks that read one kind of samples came out how."""
    kinds = ("right", "left out", "refused", "wrong")
    every = sum(counted.values(), Counter())
    rows = [*counted.items(), ("all", every)]
    return [
        f"`benchmarks/random_networks.py`: {every.total():,} networks, of which nobody has said what they are: right, "
        "right in the layers that there are (some are sums or orders of axes that no module takes, or blocks that are "
        "not told from steps of time), refused in words, or wrong.",
        "",
        "| reads | networks | right | layers left out | refused | wrong |",
        "|---|---|---|---|---|---|",
        *(f"| {reads} | {of.total()} | " + " | ".join(str(of[kind]) for kind in kinds) + " |" for reads, of in rows),
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="this one alone")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    counted = {reads: Counter[str]() for reads in READS}
    for case in range(asked.cases) if asked.case is None else [asked.case]:
        kind, why, plan = outcome(case, asked.seed)
        counted[plan.reads][kind] += 1
        if kind != "right":
            print(case, kind, why, plan, flush=True)
    publish("Networks drawn at random", table(counted))


if __name__ == "__main__":
    main()
