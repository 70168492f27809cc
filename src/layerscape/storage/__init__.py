"""A run on disk: vectors in Zarr v3, samples and estimates in Parquet, graphs, and how they came to be in JSON."""

from layerscape.storage.files import check_space, in_words
from layerscape.storage.folder import RunFolder
from layerscape.storage.layout import LayerSpec, disk_needed
from layerscape.storage.samples import SampleTable

__all__ = ["LayerSpec", "RunFolder", "SampleTable", "check_space", "disk_needed", "in_words"]
