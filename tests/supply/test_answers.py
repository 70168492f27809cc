"""What every measure says of copies: that there are so many, or an interval of the samples that differ."""

import numpy as np
import pytest

import layerscape as ls
from layerscape.measures import catalog
from tests.core.test_copied import SAID

SIX = np.random.default_rng(0).standard_normal((2, 6, 5))
WHICH = np.repeat(np.arange(6), 20)
BOTH = (SIX[0][WHICH], (SIX[0] + 0.5 * SIX[1])[WHICH])
KIND = WHICH % 2
REFUSED = {  # too few that are different, or no data of theirs
    "abide", "autoencoder", "bid", "cluster_agreement", "correlation_dimension", "density_peaks", "hidalgo", "hubness",
    "i3d", "isomap", "mst", "nucleation", "spectrum_decay",
}  # fmt: skip


def data_of(measure):
    second = {"labels": KIND}.get(measure.data[-1], BOTH[1])
    return BOTH[0], *([second] if len(measure.data) == 2 else [])


@pytest.mark.parametrize("name", [name for name, one in catalog().items() if "pairs" not in one.data])
def test_copies_are_spoken_of_or_left_out(name):
    measure = catalog()[name]
    if name in REFUSED:
        with pytest.raises(ls.errors.LayerscapeError):
            ls.estimate(name, *data_of(measure))
        return
    found = ls.estimate(name, *data_of(measure))
    if measure.distinct:
        assert found.n_samples == 6
        assert SAID not in found.warnings
    else:
        assert found.warnings.count(SAID) == 1


def test_who_says_who_belongs_together_is_not_asked():
    groups = ls.find_neighbors(BOTH[0], 1).copies
    for given in ({"groups": groups}, {"repeats": WHICH}, {"groups": np.arange(120) // 2}):
        try:
            found = ls.estimate("cka", *BOTH, **given)
        except ls.errors.LayerscapeError:
            continue
        assert SAID not in found.warnings
    found = ls.estimate("effective_rank", BOTH[0], groups=groups)
    plain = ls.estimate("effective_rank", BOTH[0])
    assert found.high - found.low > 3 * (plain.high - plain.low)


def test_copies_of_one_side_are_copies():
    """As of stimuli that were shown several times, of which the network's vectors are equal and the brain's are not."""
    brain = BOTH[1] + np.random.default_rng(1).standard_normal((120, 5))
    for data in ((BOTH[0], brain), (brain, BOTH[0])):
        assert SAID in ls.estimate("linear_predictivity", *data).warnings
        assert SAID in ls.estimate("overlap", *(ls.find_neighbors(x, 10) for x in data), k=10).warnings
    assert SAID not in ls.estimate("cka", brain, brain).warnings
