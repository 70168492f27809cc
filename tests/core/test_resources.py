"""What a computation may use: what is refused, and that it is no part of what is near."""

import re

import numpy as np
import pytest

from layerscape.core.resources import MEMORY, Resources
from layerscape.errors import InvalidType, InvalidValue, UnknownName


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        ({"device": "gpu"}, UnknownName, "unknown device 'gpu'; nearest: cpu. There are: auto, cpu, cuda, cuda:1."),
        (
            {"device": "cuda:"},
            UnknownName,
            "unknown device 'cuda:'; nearest: cuda:1, cuda, cpu. There are: auto, cpu, cuda, cuda:1.",
        ),
        (
            {"device": "cuda:0\n"},
            UnknownName,
            "unknown device 'cuda:0\\n'; nearest: cuda:1, cuda. There are: auto, cpu, cuda, cuda:1.",
        ),
        ({"device": None}, UnknownName, "unknown device 'None'. There are: auto, cpu, cuda, cuda:1."),
        (
            {"device": "mps"},
            InvalidValue,
            "device='mps': Apple's float32 products can be wrong without an error (pytorch issues 193487 and 195163), "
            "so that nothing could be proven from them; use device='cpu'.",
        ),
        ({"memory": 2.0**24}, InvalidType, "memory=16777216.0 is no whole number; give how many bytes to work with."),
        ({"memory": True}, InvalidType, "memory=True is no whole number; give how many bytes to work with."),
        ({"memory": None}, InvalidType, "memory=None is no whole number; give how many bytes to work with."),
        ({"memory": 0}, InvalidValue, "memory=0 bytes; give at least 1."),
        ({"threads": 1.0}, InvalidType, "threads=1.0 is no whole number; give how many may run at a time."),
        ({"threads": True}, InvalidType, "threads=True is no whole number; give how many may run at a time."),
        ({"threads": 0}, InvalidValue, "threads=0; at least 1 must run."),
    ],
)
def test_what_cannot_be_used_is_refused(given, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        Resources(**given)


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:17"])
def test_every_device_may_be_named_whether_it_is_there_or_not(device):
    assert Resources(device).device == device


def test_left_out_they_are_chosen_by_what_the_machine_has(monkeypatch):
    monkeypatch.setattr("layerscape.core.threads._allowed", lambda: 6)
    monkeypatch.setenv("OMP_NUM_THREADS", "3,1")
    assert Resources().n_threads == 3
    assert Resources(threads=np.int64(2)).n_threads == 2
    assert Resources(threads=99).n_threads == 6
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert Resources().n_threads == 6
    assert Resources() == Resources("auto", MEMORY, None)
    assert Resources(memory=np.int64(9)).memory == 9
