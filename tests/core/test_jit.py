"""Machine code that cannot be kept on the disk is used all the same."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np

from layerscape.core import jit


def test_a_full_disk_costs_no_more_than_compiling_again(monkeypatch):
    from numba.core.caching import IndexDataCacheFile

    tried = []

    def full(*_):
        tried.append(1)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "save", full)

    @jit.compiled
    def total(x):
        found = 0.0
        for value in x:
            found += value
        return found

    assert total(np.arange(4.0)) == 6
    assert tried == [1]


class OfAnEarlierVersion:
    """A class that is gone when what was kept is read."""


def test_kept_code_that_cannot_be_read_is_compiled_and_kept_anew(monkeypatch, tmp_path):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))

    def made():
        def double(x):
            return 2 * x

        return jit.compiled(double)

    first = made()
    assert first(1.5) == 3
    index = Path(first._cache._cache_file._index_path)
    whole = index.read_bytes()
    gone = pickle.dumps(OfAnEarlierVersion()).replace(b"OfAnEarlierVersion", b"OfAnEarlierVersioX")
    with index.open("rb") as file:
        pickle.load(file)  # numba's version
        version = whole[: file.tell()]
    for damaged in (version + gone, version + whole[len(version) : -7], b"", b"\x00" * 80):
        index.write_bytes(damaged)
        again = made()
        assert again(2.5) == 5
        assert sum(again.stats.cache_hits.values()) == 0
        kept = made()
        assert kept(3.5) == 7
        assert sum(kept.stats.cache_hits.values()) == 1  # it was kept again


def test_kept_code_is_not_used_when_what_it_calls_or_a_constant_of_another_file_has_changed(monkeypatch, tmp_path):
    """In fresh processes, as the file itself stays what it was."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kept"))
    home = tmp_path / "stamped"
    home.mkdir()
    (home / "__init__.py").touch()
    (home / "sums.py").write_text(
        "from layerscape.core.jit import compiled\nfrom stamped import parts\nfrom stamped.parts import SHIFT, grown\n"
        "@compiled\ndef total(x):\n    return grown(x) + SHIFT + parts.MORE\n"
    )

    def write(name: str, words: str) -> None:
        if not (home / name).exists() or (home / name).read_text() != words:
            (home / name).write_text(words)

    def total(step: int, shift: int, more: int, within: str) -> list[str]:
        write(
            "parts.py",
            f"from layerscape.core.jit import {within} as made\nfrom stamped.steps import step\n"
            f"SHIFT = {shift}\nMORE = {more}\n@made\ndef grown(x):\n    return step(x)\n",
        )
        write(
            "steps.py",
            f"from layerscape.core.jit import compiled\n@compiled\ndef step(x):\n    return {step} * x\n",
        )
        words = "from stamped.sums import total; print(total(1), sum(total.stats.cache_hits.values()))"
        run = [sys.executable, "-B", "-c", words]
        return subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.split()

    for within in ("compiled_within", "compiled"):
        assert total(20, 300, 4000, within) == ["4320", "0"]
        assert total(20, 300, 4000, within) == ["4320", "1"]
        assert total(21, 300, 4000, within) == ["4321", "0"]
        assert total(21, 301, 4000, within) == ["4322", "0"]
        assert total(21, 301, 4001, within) == ["4323", "0"]


def test_what_numba_asks_for_is_asked_for_too():
    """Of a cell of a notebook, which is in no file, it is the text."""

    @jit.compiled
    def half(x):
        return x / 2

    kept = half._cache
    assert kept._cache_file._source_stamp[0] == kept._impl.locator.get_source_stamp()
