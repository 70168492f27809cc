"""Logs: where the values of a look are written beside the series, whoever keeps them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from layerscape.errors import InvalidType, InvalidValue, MissingExtra, unknown_name

Values = Mapping[str, float]
Sink = Callable[[int, Values], Any]
_WANDB_STEP = "layerscape/step"


def sinks(log: Any, out: Path) -> list[Sink]:
    """Functions of a step and its values, of what a user gives: one of them, or several in a list.

    Raises
    ------
    InvalidType, InvalidValue, UnknownName, MissingExtra
        If something is no log, its library is not installed, or no run of it is open.
    """
    given = log if isinstance(log, (list, tuple)) else () if log is None else (log,)
    return [_sink(each, out) for each in given]


def _sink(log: Any, out: Path) -> Sink:
    if isinstance(log, str):
        if log not in _BY_NAME:
            raise unknown_name("log", log, _BY_NAME)
        return _BY_NAME[log](out)
    if hasattr(log, "add_scalar"):  # a writer of TensorBoard
        return lambda step, values: [log.add_scalar(name, value, step) for name, value in values.items()]
    if getattr(log, "__name__", "") == "mlflow":
        return _of_mlflow(log)
    if hasattr(log, "log_metrics"):  # a logger of Lightning
        return lambda step, values: log.log_metrics(dict(values), step=step)
    if hasattr(log, "define_metric"):
        return _of_wandb(log)
    if callable(log):
        return log
    raise InvalidType(
        f"a log of type {type(log).__name__}; give a function of (step, values), 'tensorboard', 'wandb', 'mlflow', or "
        "a writer or run of one of these."
    )


def _library(name: str) -> Any:
    if find_spec(name) is None:
        raise MissingExtra(f"log={name!r} needs {name}, which is not installed; run: pip install {name}")
    return import_module(name)


def _tensorboard(out: Path) -> Sink:
    _library("tensorboard")
    writer = import_module("tensorboard.summary").Writer(str(out / "tensorboard"))

    def write(step: int, values: Values) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    return write


def _wandb(_: Path) -> Sink:
    run = _library("wandb").run
    if run is None:
        raise InvalidValue("log='wandb' and no run of it is open; call wandb.init(…) first, or give its run.")
    return _of_wandb(run)


def _of_wandb(run: Any) -> Sink:
    """Over an axis of its own, so that the steps that the training itself counts there are of no account."""
    run.define_metric(_WANDB_STEP, hidden=True)
    run.define_metric("layerscape/*", step_metric=_WANDB_STEP)

    def write(step: int, values: Values) -> None:
        run.log({**{f"layerscape/{name}": value for name, value in values.items()}, _WANDB_STEP: step})

    return write


def _mlflow(_: Path) -> Sink:
    return _of_mlflow(_library("mlflow"))


def _of_mlflow(mlflow: Any) -> Sink:
    """In the run that is open, or a new one at the user's tracking URI."""

    def write(step: int, values: Values) -> None:
        plain = {re.sub(r"[^\w\-. /]", "_", name): value for name, value in values.items()}
        mlflow.log_metrics(plain, step=step)

    return write


_BY_NAME: Mapping[str, Callable[[Path], Sink]] = {"tensorboard": _tensorboard, "wandb": _wandb, "mlflow": _mlflow}


def values_of(table: Any) -> dict[str, float]:
    """The values of a table by measure, label and layer, of a curve its finest point; without those that have none.

    >>> import numpy as np, layerscape as ls
    >>> list(values_of(ls.measure(ls.from_arrays({"a": np.eye(20)[:, :3]}), ["pca", "hubness"], k=3)))
    ['pca/a', 'hubness/a']
    """
    found: dict[str, float] = {}
    for row in table[table["value"].notna()].to_dict("records"):
        parts: Sequence[str] = [row["measure"], row["label"], row["layer"], row["other_layer"]]
        found.setdefault("/".join(part for part in parts if part), float(row["value"]))
    return found
