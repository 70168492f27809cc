"""A run on disk: vectors in Zarr v3, samples and estimates in Parquet, graphs, and how they came to be in JSON."""

from layerscape.storage.blocks import layout_at, write_elsewhere
from layerscape.storage.files import file_problems, in_words
from layerscape.storage.folder import RunFolder
from layerscape.storage.foreign import read_zarr
from layerscape.storage.layout import LayerSpec, check_store, disk_needed
from layerscape.storage.manifest import check_place, finished_at, holds_run, plan_at, runs_inside
from layerscape.storage.samples import SampleTable
from layerscape.storage.steps import SCALARS, StepFolder, as_json, scalars_in, tell_scalars
from layerscape.storage.vectors import check_space

__all__ = [
    "SCALARS",
    "LayerSpec",
    "RunFolder",
    "SampleTable",
    "StepFolder",
    "as_json",
    "check_place",
    "check_space",
    "check_store",
    "disk_needed",
    "file_problems",
    "finished_at",
    "holds_run",
    "in_words",
    "layout_at",
    "plan_at",
    "read_zarr",
    "runs_inside",
    "scalars_in",
    "tell_scalars",
    "write_elsewhere",
]
