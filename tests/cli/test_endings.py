"""How a command ends when the machine has no more: no memory, no disk; or when it is told to end."""

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import click
import numpy as np
import pytest

from layerscape.cli import HOMES, main

OUT = ["--out", "run"]
GIVEN = {
    **{"run": ["model", "inputs", *OUT], "extract": ["model", "inputs", *OUT], "layers": ["model"]},
    **{"compare": ["run", "run"], "estimate": ["twonn", "x.npy"], "dimension": ["x.npy"], "demo": [], "list": []},
}
LAYERSCAPE = [sys.executable, "-m", "layerscape"]
FULL = Path("/dev/full")
on_linux = pytest.mark.skipif(not FULL.exists(), reason="/dev/full is of Linux")


@pytest.mark.parametrize("command", HOMES)
def test_no_memory_is_one_line_at_every_command(command, monkeypatch, capsys):
    def invoke(*_, **__):
        raise MemoryError("Unable to allocate 7.45 GiB")

    monkeypatch.setattr(click.Context, "invoke", invoke)
    assert main([command, *GIVEN.get(command, ["run"])]) == 2
    shown = capsys.readouterr()
    assert shown.err == (
        "error: this needs more memory than there is (Unable to allocate 7.45 GiB); "
        "give fewer samples or layers, or end other programs\n"
    )
    assert shown.out == ""


@pytest.fixture(autouse=True)
def heard():
    """A shell that starts something in the background has it ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not hasattr(os, "kill") or os.name != "posix", reason="signals are of POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_is_one_line(name, monkeypatch, capsys):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setattr(click.Context, "invoke", lambda *_, **__: signal.raise_signal(getattr(signal, name)))
    assert main(["list"]) == 2
    # The empty line is click's: a terminal has written ^C.
    assert capsys.readouterr().err == "\nerror: interrupted; the same command goes on where it stopped\n"
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_what_a_library_leaves_undone_is_no_news(monkeypatch, capsys):
    async def work():
        pass

    def begin(*_, **__):
        left = work()
        signal.raise_signal(signal.SIGINT)
        return left

    monkeypatch.setattr(click.Context, "invoke", begin)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert main(["list"]) == 2
    assert told == []
    assert capsys.readouterr().err.strip().startswith("error: interrupted; ")


@on_linux
def test_a_result_that_cannot_be_printed_is_one_line():
    with FULL.open("wb") as full:
        done = subprocess.run([*LAYERSCAPE, "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert done.stderr == (
            "error: standard output cannot be written: No space left on device; give it a place, and run this again\n"
        )
        assert done.returncode == 2
        done = subprocess.run([*LAYERSCAPE, "no"], stdout=subprocess.PIPE, stderr=full, check=False)
        assert (done.returncode, done.stdout) == (2, b"")


LITTLE = """
import resource, sys
from layerscape.cli import main
main(["estimate", "pca", sys.argv[2]])
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 2**28, taken + 2**28))
sys.exit(main(["estimate", "pca", sys.argv[1]]))
"""


@pytest.mark.more
@on_linux
def test_a_file_that_does_not_fit_memory_is_one_line(tmp_path):
    np.save(tmp_path / "small.npy", np.random.default_rng(0).standard_normal((60, 3)))
    large = np.lib.format.open_memmap(tmp_path / "large.npy", "w+", np.float64, (10_000, 10_000))
    large.flush()
    command = [sys.executable, "-c", LITTLE, str(tmp_path / "large.npy"), str(tmp_path / "small.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert "needs more memory than there is (" in done.stderr
