"""From a model and its samples to representations of every layer, in one pass. Importing this loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layerscape.extraction.info import LayerInfo as LayerInfo
from layerscape.extraction.opening import check_model as check_model
from layerscape.extraction.opening import open_model as open_model

if TYPE_CHECKING:
    from layerscape.extraction.check import prove as prove
    from layerscape.extraction.network import Network as Network
    from layerscape.extraction.saved import read_tensors as read_tensors


def __getattr__(name: str) -> Any:
    """`Network`, `prove` and `read_tensors` on first use, since they bring torch with them."""
    if name == "Network":
        from layerscape.extraction.network import Network

        return Network
    if name == "prove":
        from layerscape.extraction.check import prove

        return prove
    if name == "read_tensors":
        from layerscape.extraction.saved import read_tensors

        return read_tensors
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
