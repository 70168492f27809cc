"""Machine code that cannot be kept on the disk is used all the same."""

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
