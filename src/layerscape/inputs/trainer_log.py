"""What a trainer wrote beside a checkpoint: the numbers that it logged at that step."""

from __future__ import annotations

import json
from numbers import Real
from pathlib import Path
from typing import Any

NAME = "trainer_state.json"  # of Hugging Face's Trainer
_OF_TIME = ("_runtime", "_per_second")


def logged_numbers(log: dict[str, Any]) -> dict[str, float]:
    """The numbers of an entry of a log that say something of the network.

    >>> logged_numbers({"loss": 2.5, "step": 10, "eval_runtime": 3.0, "note": "a"})
    {'loss': 2.5}
    """
    return {
        name: float(value)
        for name, value in log.items()
        if isinstance(value, Real) and not isinstance(value, bool) and name != "step" and not name.endswith(_OF_TIME)
    }


def logged_at(checkpoint: Path) -> dict[str, float]:
    """What was logged at the step of a checkpoint, its loss, say; empty where nobody wrote it, or it cannot be read."""
    try:
        state = json.loads((checkpoint / NAME).read_text())
        entries = [entry for entry in state["log_history"] if entry["step"] == state["global_step"]]
        return {name: value for entry in entries for name, value in logged_numbers(entry).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
