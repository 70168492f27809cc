"""Watch: a model that is being trained and its probe, opened once, and looked at as often as one likes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.measure import Measure
from layerscape.core.samples import Samples
from layerscape.errors import InvalidType, InvalidValue
from layerscape.extraction import open_model
from layerscape.pipeline.beforehand import check_choices, check_kind, first_look, samples_for
from layerscape.pipeline.passes import Pass
from layerscape.run import Run
from layerscape.search.asking import check_k
from layerscape.storage import SCALARS, StepFolder, as_json, tell_scalars

if TYPE_CHECKING:
    from layerscape.extraction import Network

OF_MODEL = ("make_inputs", "kind", "units_axis")
OF_SAMPLES = ("labels", "limit", "sample_seed")


class Watch:
    """What is looked at, with all that can be wrong with it found before the training begins.

    Parameters
    ----------
    model, probe, out
        As in `Monitor`.
    layers, pooling, store, compress, batch_size
        As in `layerscape.extract`.
    wish
        Options of `layerscape.extract` on the model and the samples.
    """

    def __init__(
        self,
        model: Any,
        probe: Any,
        out: Path,
        *,
        layers: Any,
        pooling: str | None,
        store: str,
        compress: bool,
        batch_size: int | None,
        **wish: Any,
    ) -> None:
        from layerscape.extraction.live import check_untouched, check_whole, versions_of

        if isinstance(model, (str, Path)):
            raise InvalidType(f"the model {str(model)!r}, and a monitor looks at one that is trained; give the module.")
        of_model = {name: wish[name] for name in OF_MODEL}
        check_choices(model, of_model, pooling, store)
        check_whole(model)
        probe = _own(probe)
        chosen = first_look(probe, wish["kind"], (), {name: wish[name] for name in OF_SAMPLES})
        network = open_model(model, **of_model)
        before = versions_of(model)
        samples = samples_for(network.kind, probe, wish["kind"], chosen, {name: wish[name] for name in OF_SAMPLES})
        check_kind(network, samples)
        options = {"store": store, "compress": compress, "batch_size": batch_size}
        self._pass = Pass.of(network, samples, layers, pooling, **options)
        self._proofs = self._pass.prove(lambda _: None)
        check_untouched(model, before)
        _check_odd(network, self._pass)
        self.path, self._steps = out, StepFolder(out)
        try:
            self._pass = replace(self._pass, series=self._steps.plan())
            self._steps.check(self._pass.plan(), self._pass.specs, len(samples), store)
            self._pass.check_disk(out, lambda _: None)
        except BaseException:
            self.close()
            raise

    def check(self, measures: Sequence[Measure], k: int | None) -> None:
        """Raise at what cannot be measured of these samples."""
        if measures and k is not None:
            check_k(k, len(self._pass.samples))
        for measure in measures:
            if "pairs" in measure.data:
                raise InvalidValue(
                    f"{measure.name} reads pairs, which a monitor does not have; measure the series that it writes."
                )
            if "labels" in measure.data and not self._pass.samples.labels:
                raise InvalidValue(f"{measure.name} reads labels, and the probe has none; give labels.")

    @property
    def there(self) -> list[int]:
        """Steps that have a run."""
        return self._steps.there()

    def has(self, step: int) -> bool:
        """Whether a step has a run."""
        return step in self._steps.there()

    def look(self, step: int, scalars: Mapping[str, float]) -> tuple[Run, list[int]]:
        """The run of a step, and which steps of an earlier training were set aside for it."""
        from layerscape.extraction.live import anew

        work = replace(self._pass, network=anew(self._pass.network))
        there, aside = self._steps.clear(step, work.network.fingerprint)
        with work.create(self._steps.place(step) if there else self._steps.begin(step)) as folder:
            if not there:
                told = {"command": None, "proofs": self._proofs, "read_with": None, "step": step}
                work.fill(folder, told | {SCALARS: as_json(scalars)})
                self._steps.finish(step)
        if there and scalars:
            self.tell(step, scalars)
        return Run(folder), aside

    def tell(self, step: int, scalars: Mapping[str, float]) -> None:
        """Add numbers that came to be known later to the run of a step."""
        tell_scalars(self._steps.place(step), scalars)

    def close(self) -> None:
        self._steps.close()


def _own(probe: Any) -> Any:
    """An array of its own, since a training may write into the one that was given."""
    if hasattr(probe, "detach"):
        return probe.detach().clone()
    return probe.copy() if type(probe) is np.ndarray else probe


def _check_odd(network: Network, work: Pass) -> None:
    """Raise where samples that hold NaN or infinite numbers, if there are any, give such vectors."""
    samples = work.samples
    if samples.kind != "array":
        return
    odd = [row for row in range(len(samples)) if not all(map(_finite, _arrays(samples.read([row])[0])))][:8]
    if odd:
        ids = tuple(samples.ids[row] for row in odd)
        few = Samples(ids, samples.kind, lambda rows: samples.read([odd[row] for row in rows]), "")
        list(network.blocks(few, work.layers, work.pooling, block_rows=len(odd), batch_size=1))


def _finite(array: np.ndarray) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _arrays(content: Any) -> Iterator[np.ndarray]:
    """All arrays of a sample."""
    if isinstance(content, Mapping):
        content = tuple(content.values())
    if isinstance(content, tuple):
        for part in content:
            yield from _arrays(part)
    elif isinstance(content, np.ndarray):
        yield content
