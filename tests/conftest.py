"""Fixtures that every test folder shares."""

from __future__ import annotations

import gc
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from layerscape.errors import EXTRAS, MissingExtra

settings.register_profile("untimed", deadline=None)  # machines are noisy, and no test is of speed
settings.load_profile("untimed")
# Its fixtures are networks.
collect_ignore = [] if find_spec("torch") else ["extraction"]
NO_SKIPS = os.environ.get("LAYERSCAPE_NO_SKIPS") == "1"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, or a skip that says so."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LAYERSCAPE_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no data at {folder}; set LAYERSCAPE_DATA to the folder that holds mnist/, text/ and proteins/")
    return folder


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder of real networks that ``tools/real_models.py`` makes, or a skip that says so."""
    folder = os.environ.get("LAYERSCAPE_MODELS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("no real networks; make them with tools/real_models.py and set LAYERSCAPE_MODELS to their folder")
    return Path(folder)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is there once all tests are collected stays: looking through it for garbage took an eighth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


LIBRARIES = {library for libraries in EXTRAS.values() for library in libraries}


def lacks_an_extra(call):
    """Whether something ended because the library of an extra is not installed."""
    error = call.excinfo and call.excinfo.value
    absent = isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in LIBRARIES
    return absent or isinstance(error, MissingExtra)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Where nothing may be missing, a skip is a failure; a test that needs a GPU is the exception."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and lacks_an_extra(call):  # in an install of some extras each test runs that can
        report.outcome, report.longrepr = "skipped", (str(item.path), item.location[1], str(call.excinfo.value))
    if NO_SKIPS and report.skipped and not item.get_closest_marker("gpu") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where a skip is a failure: {report.longrepr}"
