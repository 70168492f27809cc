"""Machine code that cannot be kept on the disk is used all the same."""

import pickle
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
