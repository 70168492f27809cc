"""The callback for Lightning, under either of the names by which it is imported."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from layerscape.errors import InvalidValue, MissingExtra
from layerscape.training.driven import Driven

_NAMES = {"lightning": "lightning.pytorch", "pytorch_lightning": "pytorch_lightning"}


class LightningCallback:
    """A `Monitor` for the Trainer of Lightning: of ``lightning.pytorch`` and of ``pytorch_lightning`` alike.

    It looks at the module after the steps of the optimizer that ``every`` names, before the first and after the last;
    what was logged by then (``self.log``) is kept with the step. A step is one of ``trainer.global_step``, which counts
    those of all optimizers.

    Parameters
    ----------
    probe
        As in `Monitor`.
    module
        The path of the part of the LightningModule that is looked at, as ``"encoder"``; all of it, by its ``forward``,
        when left out.
    out
        Folder of the series; ``layerscape`` in the Trainer's ``default_root_dir`` when left out.
    options
        Those of `Monitor`: every, layers, pooling, labels, make_inputs, measures, log, max_overhead, ….

    Attributes
    ----------
    monitor
        The monitor, once the training has begun.

    Raises
    ------
    LayerscapeError
        At once, at wrong options, or if Lightning is not installed; when the training begins, at a module or probe that
        cannot be looked at.
    """

    def __new__(cls, *_: Any, **__: Any) -> LightningCallback:
        """An instance that is a callback of Lightning too, which is imported here."""
        bases = _bases()
        whole = cls if issubclass(cls, bases) else type(cls.__name__, (cls, *bases), {"__module__": cls.__module__})
        return object.__new__(whole)

    def __init__(self, probe: Any, *, module: str = "", out: str | Path | None = None, **options: Any) -> None:
        self._module, self._driven = module, Driven(probe, out, options)
        self._known: dict[str, set[str]] = {}  # what is logged after batches, validation and epochs, by name

    def _tell(self, trainer: Any, when: str) -> None:
        """What is logged at such times: others that are there too were logged earlier, at other steps."""
        of_others = set().union(*(names for other, names in self._known.items() if other != when))
        own = self._known.setdefault(when, set())
        if when != "batch":
            own |= trainer.callback_metrics.keys() - of_others
        told = {name: value for name, value in trainer.callback_metrics.items() if name in own}
        self._driven.told(trainer.global_step, told)

    def __reduce__(self) -> Any:
        return _again, (self._driven.probe, self._module, self._driven.out, self._driven.options)

    @property
    def monitor(self) -> Any:
        return self._driven.monitor

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        try:
            part = pl_module.get_submodule(self._module)
        except AttributeError:
            names = ", ".join(name for name, _ in pl_module.named_children())
            raise InvalidValue(
                f"module={self._module!r} is no part of {type(pl_module).__name__}, which has: {names}."
            ) from None
        self._driven.begin(part, Path(trainer.default_root_dir) / "layerscape", trainer.global_step)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any, **__: Any) -> None:
        if not self._known:
            self._known["batch"] = set(trainer.callback_metrics)
        if self._driven.at(trainer.global_step):
            self._tell(trainer, "batch")

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if not trainer.sanity_checking:
            self._tell(trainer, "validation")

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._tell(trainer, "epoch")

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        if self._driven.at(trainer.global_step, last=True):
            self._tell(trainer, "batch")
        self._driven.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._driven.end()


def _again(probe: Any, module: str, out: Any, options: dict[str, Any]) -> LightningCallback:
    return LightningCallback(probe, module=module, out=out, **options)


def _bases() -> tuple[type, ...]:
    """The class of callbacks of the Lightning that is imported, or of those that are installed."""
    there = [name for name in _NAMES if name in sys.modules] or [name for name in _NAMES if find_spec(name)]
    if not there:
        raise MissingExtra("LightningCallback needs Lightning, which is not installed; run: pip install lightning")
    return tuple(dict.fromkeys(import_module(_NAMES[name]).Callback for name in there))
