"""layerscape: point it at a model and some data; see the shape of every layer."""

__version__ = "0.1.0"
from layerscape.search import find_neighbors
