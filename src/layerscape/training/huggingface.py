"""The callback for the Trainer of Hugging Face."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from layerscape.errors import require
from layerscape.inputs.trainer_log import logged_numbers
from layerscape.training.driven import Driven

_Base: Any = require("transformers", "models").TrainerCallback


class TrainerCallback(_Base):
    """A `Monitor` for the Trainer of Hugging Face.

    It looks at the model after the steps of the optimizer that ``every`` names, before the first and after the last;
    what the Trainer logs or evaluates at such a step (loss, learning_rate, eval_accuracy, …) is kept with it.

    Parameters
    ----------
    probe
        As in `Monitor`. A list of texts is read by the tokenizer of the Trainer (its ``processing_class``), padded and
        cut at its greatest length, and pooled as `layerscape.extract` would from the saved checkpoint, unless
        ``make_inputs`` says how they are read.
    out
        Folder of the series; ``layerscape`` in the Trainer's ``output_dir`` when left out.
    options
        Those of `Monitor`: every, layers, pooling, labels, measures, log, max_overhead, ….

    Attributes
    ----------
    monitor
        The monitor, once the training has begun.

    Raises
    ------
    LayerscapeError
        At once, at wrong options; when the training begins, at a model or probe that cannot be looked at.

    Examples
    --------
    >>> import numpy as np
    >>> from layerscape.training import TrainerCallback
    >>> callback = TrainerCallback(np.eye(20, 8), every=100, measures=["twonn"])
    >>> callback.monitor is None  # Trainer(model, arguments, train_dataset=data, callbacks=[callback]).train()
    True
    """

    def __init__(self, probe: Any, *, out: str | Path | None = None, **options: Any) -> None:
        self._driven = Driven(probe, out, options)

    @property
    def monitor(self) -> Any:
        return self._driven.monitor

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        from layerscape.extraction.huggingface import is_causal

        tokenizer, probe = kwargs.get("processing_class"), self._driven.probe
        texts = isinstance(probe, (list, tuple)) and all(isinstance(each, str) for each in probe)
        model, more = kwargs["model"], {}
        if texts and callable(tokenizer) and "make_inputs" not in self._driven.options:
            more = {"make_inputs": partial(_tokenized, tokenizer), "kind": "text"}
            more |= {"pooling": "last"} if is_causal(model.config) else {}
        self._driven.begin(model, Path(args.output_dir) / "layerscape", state.global_step, **more)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._driven.at(state.global_step, last=state.global_step >= state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if logs and "train_runtime" not in logs:  # which sums the training up
            self._driven.told(state.global_step, logged_numbers(logs))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if not args.load_best_model_at_end:  # by which the weights are others than those of the last step
            self._driven.at(state.global_step, last=True)
        self._driven.end()


def _tokenized(tokenizer: Any, texts: Sequence[str]) -> dict[str, Any]:
    """What a model takes of texts, and which tokens are special."""
    made = tokenizer(list(texts), return_tensors="pt", padding=True, truncation=True, return_special_tokens_mask=True)
    return dict(made)
