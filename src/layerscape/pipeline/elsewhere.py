"""A pass by the workers of a cluster: each opens the model and the samples, and writes its blocks into the one store.

Why the arrays are those of one machine: batches never cross a block, so that a block depends on nothing but its
samples; a worker shows that model, samples and rules are those of the run before it writes. The ledger is kept by the
client: a block counts once its digests have come, and one whose worker was killed is written again.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from layerscape.core.names import as_names
from layerscape.errors import ClusterProblem, InvalidType, InvalidValue
from layerscape.extraction import open_model
from layerscape.pipeline.beforehand import first_look, samples_for, with_features
from layerscape.pipeline.previews import Previewing
from layerscape.search.same import MODELS, check_code, code
from layerscape.storage import layout_at, plan_at, write_elsewhere

if TYPE_CHECKING:
    from layerscape.pipeline.passes import Pass

AHEAD = 2  # blocks for each thread that are under way


@dataclass(frozen=True)
class Recipe:
    """What a worker is told of a pass: all by name, since each opens it for itself.

    Attributes
    ----------
    model, inputs, kind, wish, choice, features, layers, pooling, sizes
        As `extract` was given them.
    out
        The folder of the run, which all machines see.
    code
        What tells the version of the code that all must run.
    call
        What tells this call from any other, since files of the same names may hold something else at the next.
    """

    model: str
    inputs: str
    kind: Any
    wish: Mapping[str, Any]
    choice: Mapping[str, Any]
    features: tuple[str, ...]
    layers: Any
    pooling: str | None
    sizes: Mapping[str, Any]
    out: Path
    code: str = field(default_factory=code)
    call: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True)
class Written:
    """A block that a worker has written: digests of its files, previews, and where a batch did not fit into memory."""

    entries: Mapping[str, Any]
    previews: Any
    fitted: int | None


def recipe_of(model: Any, inputs: Any, out: str | Path, **given: Any) -> Recipe:
    """What can be told to workers.

    Raises
    ------
    InvalidType, InvalidValue
        If the model, the samples or a function lie in the memory of this process, or losses are asked for.
    """
    for what, value in (("model", model), ("inputs", inputs)):
        if not isinstance(value, (str, Path)):
            raise InvalidType(
                f"{what} of type {type(value).__name__} with cluster=: workers open it themselves; give a name or path."
            )
    wish = given["wish"]
    for name in ("make_inputs", "factory"):
        if wish[name] is not None and not isinstance(wish[name], str):
            raise InvalidType(f"{name} with cluster=: the workers do not have that function; extract here.")
    if wish["loss"]:
        raise InvalidValue("loss with cluster=: losses are taken where the run is kept; leave one of the two out.")
    features = given.pop("features") or ()
    names = (features,) if isinstance(features, str) else tuple(as_names(features))
    return Recipe(str(model), str(inputs), out=Path(out).absolute(), features=names if features else (), **given)


class Elsewhere:
    """The blocks of a pass, by workers."""

    def __init__(self, workers: Any, recipe: Recipe) -> None:
        self.workers, self.recipe = workers, recipe

    def check(self) -> None:
        """Raise unless the workers can do it; the folder is that in which the run will be made."""
        there = next(each for each in (self.recipe.out, *self.recipe.out.parents) if each.exists())
        self.workers.check(there, MODELS)

    def blocks(self, left: list[tuple[int, slice]], advance: Callable[[int], None]) -> Iterator[tuple[int, Written]]:
        """Every block that is left, as it comes."""
        told = pickle.dumps(self.recipe)
        waiting, running = iter(left), {}
        asked = self.workers.resources(self.recipe.wish["device"])
        more = {"resources": asked} if asked else {}
        kept = f"; what was finished is kept in {self.recipe.out}: run the same again"
        with self.workers.problems(kept):
            try:
                while True:
                    while len(running) < AHEAD * self.workers.n_threads and (one := next(waiting, None)) is not None:
                        name = f"layerscape-extract-{self.recipe.call}-{one[0]}"
                        future = self.workers.client.submit(write_block, told, one[0], key=name, pure=False, **more)
                        running[future] = one
                    if not running:
                        return
                    for future in self.workers.wait(running):
                        found = future.result()
                        number, rows = running.pop(future)
                        yield number, found
                        advance(rows.stop - rows.start)
            finally:
                self.workers.cancel(running)


_opened: dict[bytes, Pass] = {}  # of the process of a worker: the pass that it is at
_one_at_a_time = threading.Lock()  # of the threads of a worker, since a network has one pass at a time


def write_block(told: bytes, number: int) -> Written:
    """Put a block through the network, and write its vectors; done by a worker."""
    recipe: Recipe = pickle.loads(told)
    check_code(recipe.code)
    with _one_at_a_time:
        if told not in _opened:
            _opened.clear()
            _opened[told] = _open(recipe)
        work = _opened[told]
        layout, plan = layout_at(recipe.out), plan_at(recipe.out)
        seen = Previewing(work.samples)
        others = set(range(layout.n_blocks)) - {number}
        blocks = work.network.blocks(
            seen.samples,
            work.layers,
            work.pooling,
            block_rows=layout.block_rows,
            batch_size=plan["batching"],
            skip=others,
        )
        ((_, vectors),) = blocks
        rows = layout.rows(number)
        entries = write_elsewhere(recipe.out, number, vectors)
        shown = seen.previews(range(rows.start, rows.stop))
        return Written(entries, shown and shown[:], work.network.fitting.most)


def _open(recipe: Recipe) -> Pass:
    """The pass, which is shown to be that of the run."""
    from layerscape.pipeline.passes import Pass

    chosen = first_look(recipe.inputs, recipe.kind, recipe.features, dict(recipe.choice))
    network = open_model(recipe.model, **recipe.wish)
    samples = samples_for(network.kind, recipe.inputs, recipe.kind, chosen, dict(recipe.choice))
    network.look(samples)
    samples = with_features(samples, recipe.features, False)
    work = Pass.of(network, samples, recipe.layers, recipe.pooling, **recipe.sizes)
    work.prove(lambda _: None)
    there, here = plan_at(recipe.out), work.plan(plan_at(recipe.out))
    for name in there:
        if here.get(name) != there[name]:
            raise ClusterProblem(
                f"a worker finds other {name} than this machine did when the run at {recipe.out} was begun; give all "
                "machines the same model and files, and the same kind of device."
            )
    return work
