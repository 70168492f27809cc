"""The engine for CUDA, in the words of `layerscape.search.engine`."""

from layerscape.search.gpu.device import available as available
from layerscape.search.gpu.engine import search as search
