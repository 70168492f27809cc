"""What blocks are worth: a network of which it is known, the numbers by hand, and what is refused."""

import re
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

import layerscape as ls
from layerscape.errors import InvalidType, InvalidValue, UnknownName

torch = pytest.importorskip("torch")
N = 60
X = np.random.default_rng(0).standard_normal((N, 6)).astype("f4")
SIZES = (0.0, 0.1, 0.3, 1.0, 3.0)


class Step(torch.nn.Module):
    """A block that moves samples by as much as its size says, each unit by that of the next."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return x + self.size * torch.tanh(torch.roll(x, 1, -1))


def made(*sizes):
    return torch.nn.Sequential(*(Step(size) for size in sizes))


def of_output(net):
    """How far it is from what the whole network puts out."""
    with torch.no_grad():
        whole = net(torch.from_numpy(X))
    return lambda output, rows: ((output - whole[rows]) ** 2).sum(1)


@pytest.fixture(scope="module")
def found():
    net = made(*SIZES)
    return ls.ablate(net, X, loss=of_output(net), k=5, progress=False)


def test_the_more_a_block_moves_the_more_it_costs_and_all_measures_say_so(found):
    assert found.table.increase.is_monotonic_increasing
    assert found.table.increase[0] == 0.0
    assert found.table.p_holm[0] == 1.0
    assert (found.table.p_holm[1:] < 0.05).all()
    told = found.correlations.set_index("measure").value
    assert told["angular_distance"] == told["depth"] == pytest.approx(1)
    assert told["overlap"] == pytest.approx(0.9)
    assert found.table.block.tolist() == [f"block_{n}" for n in range(1, 6)]
    assert found.table.depth.tolist() == [0.2, 0.4, 0.6, 0.8, 1.0]


def test_increase_and_interval_are_those_of_a_paired_t_test(found):
    expected = stats.ttest_rel(found.without[3], found.whole)
    low, high = expected.confidence_interval(0.95)
    row = found.table.iloc[3]
    assert (row.low, row.high) == pytest.approx((low, high))
    assert row.increase == pytest.approx(found.without[3].mean() - found.whole.mean())
    assert row.loss == pytest.approx(found.without[3].mean())


def test_values_are_those_of_the_layers_before_and_after(found):
    layers = [torch.from_numpy(X)]
    for block in made(*SIZES):
        layers.append(block(layers[-1]))
    layers = [layer.numpy() for layer in layers]
    for name, options in (("overlap", {"k": 5}), ("cka", {}), ("angular_distance", {})):
        expected = [ls.estimate(name, a, b, **options).value for a, b in pairwise(layers)]
        np.testing.assert_allclose(found.table[name], expected, rtol=1e-5)
    graphs = [ls.find_neighbors(layer, k=6) for layer in layers]
    expected = [ls.estimate("neighbor_survival", graphs[n], tuple(graphs[n + 1 :]), k=5).value for n in range(5)]
    np.testing.assert_allclose(found.table.neighbor_survival, expected, rtol=1e-5)
    assert {"low", "high", "chance", "p"} <= set(found.measured)


def test_what_it_says_in_words(found):
    assert found.sentence.startswith("Without block_1 the loss changes least, by +0 [0, 0]; without block_5 most, by +")
    assert found.warnings == ("5 blocks are few: the intervals say how little they tell",)
    assert repr(found).startswith("5 blocks, loss 0 over 60 samples\n")


def test_one_block_has_no_correlation_and_all_else():
    class One(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = torch.nn.ModuleList([Step(1.0), Step(0.5)])

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    net = One()
    found = ls.ablate(net, X, "overlap", loss=of_output(net), k=5, progress=False)
    assert len(found.table) == 2
    assert len(found.correlations) == 0
    assert found.warnings == ("no correlation of 2 blocks with overlap and depth; there is one of 4 or more",)
    assert found.sentence.endswith(".")


def test_losses_that_are_not_finite_are_left_out_or_named():
    net = made(*SIZES)
    whole = of_output(net)

    def loss(output, rows):
        values = whole(output, rows).clone()
        values[torch.from_numpy(rows) < 3] = torch.nan  # of three samples there is none
        values[values > 200] = torch.inf  # and far off it breaks
        return values

    found = ls.ablate(net, X, "overlap", loss=loss, k=5, progress=False)
    assert found.warnings[0] == "3 samples without a loss are left out, as texts of one token are"
    broken = found.table.increase.isna()
    for row in found.table[broken].itertuples():
        assert re.fullmatch(r"without it the loss of \d+ samples is not finite", row.warnings)
    assert found.table.increase[1] == pytest.approx((found.without[1] - found.whole)[3:].mean())


def test_a_run_is_kept_where_it_is_asked_for_and_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    net = made(1.0, 0.5, 0.2, 0.1)
    ls.ablate(net, X, "overlap", loss=of_output(net), k=5, progress=False)
    assert list((tmp_path / "tmp").iterdir()) == []
    ls.ablate(net, X, "overlap", loss=of_output(net), k=5, out=tmp_path / "run", progress=False)
    assert list(ls.open(tmp_path / "run").layers) == ["embedding", "block_1", "block_2", "block_3", "block_4"]


NET = made(1.0, 0.5, 0.2, 0.1)


@pytest.mark.parametrize(
    ("ask", "kind", "text"),
    [
        (
            lambda: ls.ablate(NET, X),
            InvalidValue,
            "the Sequential has no loss of its own; give one: loss=lambda output, rows: cross_entropy(output, y[rows], "
            "reduction='none'), or a causal language model by name or folder.",
        ),
        (
            lambda: ls.ablate("demo", "digits"),
            InvalidValue,
            "'demo' has no loss of its own; give one: loss=lambda output, rows: cross_entropy(output, y[rows], "
            "reduction='none'), or a causal language model by name or folder.",
        ),
        (
            lambda: ls.ablate(NET, X[:1], loss=of_output(NET)),
            InvalidValue,
            "1 sample; what a block is worth is a mean over samples: give hundreds.",
        ),
        (
            lambda: ls.ablate("no/model", ["the cat", "a dog ran"], k=2),
            InvalidValue,
            "k=2 neighbors asked of 2 samples; k must lie in 1..1.",
        ),
        (
            lambda: ls.ablate(NET, X, loss=1.0),
            InvalidType,
            "loss=1.0; give a function of what the model puts out for a batch and of the numbers of its samples, which "
            "returns one number of each sample.",
        ),
        (
            lambda: ls.ablate(NET, X, "twonn", loss=of_output(NET)),
            InvalidValue,
            "twonn does not say how alike two layers are, before a block and after it.",
        ),
        (
            lambda: ls.ablate(NET, X, "overlap", loss=of_output(NET), depth=3),
            UnknownName,
            "unknown option 'depth'",
        ),
        (
            lambda: ls.ablate(NET, X, "overlap", loss=of_output(NET), groups=np.arange(len(X)) % 5),
            InvalidValue,
            "ablate with groups: it takes samples to be independent, as texts of many authors; give one of each that "
            "belong together, or take the losses of each sample, .whole and .without, to groups of your own.",
        ),
    ],
    ids=["no loss", "demo", "one sample", "k", "number", "one layer", "option", "groups"],
)
def test_what_cannot_be_asked_is_refused_in_one_line(ask, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}"):
        ask()
