"""Samples of a path, as the tests of this folder ask for them."""

from typing import Any

from layerscape.core.samples import Samples
from layerscape.inputs import choose_inputs


def opened(source: Any, **options: Any) -> Samples:
    return choose_inputs(source, **options).samples()
