"""A training ends as it would have without a monitor, to the bit, and every step is what `extract` makes of it."""

import contextlib
import random
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import layerscape as ls
from layerscape.errors import InvalidType, InvalidValue, LayerscapeError, MissingExtra
from layerscape.training import Monitor

STEPS = 6


def batches(size=24):
    generator = torch.Generator().manual_seed(1)
    while True:
        x = torch.randn(size, 12, generator=generator)
        yield x, (x[:, 0] > 0).long() + (x[:, 1] > 0).long()


def train(net, out, probe, *, prepare=lambda model: model, accumulate=1, precise=contextlib.nullcontext, **options):
    """The model at the end, and its weights at every step, of a training with a monitor or, of None, without."""
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    model = net()
    ready = prepare(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    monitor = out and Monitor(ready, probe, out=out, **{"every": 2, "max_overhead": None} | options)
    saved, given = {}, batches()
    for step in range(STEPS + 1):
        for _ in range(accumulate if step else 0):
            x, y = next(given)
            with precise():
                loss = cross_entropy(ready(x + 0.1 * torch.randn_like(x) * np.random.rand()), y)  # noqa: NPY002
            (loss / accumulate).backward()
        if step:
            optimizer.step()
        if out:
            with precise():
                monitor.step(step, **({"loss": loss} if step else {}))
        saved[step] = {name: each.clone() for name, each in model.state_dict().items()}
        if step < STEPS:
            optimizer.zero_grad()
    if out:
        assert monitor.failed == ""
        assert monitor.steps == tuple(range(0, STEPS + 1, 2))
        monitor.close()
    return model, saved


def check(net, tmp_path, probe, states, **options):
    """The same with and without a monitor, and every step what `extract` makes of the checkpoint."""
    alone = states(train(net, None, probe, **options)[0])
    model, saved = train(net, tmp_path / "series", probe, **options)
    with_it = states(model)
    assert alone[0].keys() == with_it[0].keys()
    assert [name for name in alone[0] if not torch.equal(alone[0][name], with_it[0][name])] == []
    assert alone[1:] == with_it[1:]
    series = ls.series(tmp_path / "series")
    assert series.steps == tuple(range(0, STEPS + 1, 2))
    for step, run in zip(series.steps, series, strict=True):
        fresh = net()
        fresh.load_state_dict(saved[step])
        expected = ls.extract(fresh, probe, out=tmp_path / f"extracted_{step}", step=step)
        assert run.layers == expected.layers
        for layer in run.layers:
            np.testing.assert_allclose(run[layer].matrix[:], expected[layer].matrix[:], rtol=0, atol=1e-6)
        assert run.record["model"] == expected.record["model"]
    return series


def test_dropout_and_batch_norm(net, tmp_path, probe, states):
    series = check(net, tmp_path, probe, states)
    assert {"block_1", "block_2"} <= set(series.layers)
    assert list(series.scalars["loss"]) == [2, 4, 6]


def test_gradient_accumulation(net, tmp_path, probe, states):
    check(net, tmp_path, probe, states, accumulate=3)


def test_mixed_precision_around_the_step(net, tmp_path, probe, states):
    check(net, tmp_path, probe, states, precise=lambda: torch.autocast("cpu", torch.bfloat16))


@pytest.mark.parametrize("prepare", ["around", "in place"])
def test_compiled(net, tmp_path, probe, states, prepare):
    torch.compiler.reset()

    def compiled(model):
        if prepare == "around":
            return torch.compile(model, backend="eager")
        model.compile(backend="eager")
        return model

    check(net, tmp_path, probe, states, prepare=compiled)


@pytest.mark.more
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what torch itself imports
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiled_by_other_means(net, tmp_path, probe, states, backend):
    torch.compiler.reset()
    check(net, tmp_path, probe, states, prepare=lambda model: torch.compile(model, backend=backend))


def test_wrapped_for_several_devices(net, tmp_path, probe, states):
    check(net, tmp_path, probe, states, prepare=nn.DataParallel)


def test_measures_and_their_log(net, tmp_path, probe, states):
    told = []
    series = check(
        net, tmp_path, probe, states, measures=["twonn", "participation_ratio"], log=lambda *each: told.append(each)
    )
    assert [step for step, _ in told] == [0, 2, 4, 6]
    assert told[-1][1]["twonn/block_2"] == ls.estimate("twonn", series[-1]["block_2"]).value
    table = series.table
    assert set(table.measure) == {"twonn", "participation_ratio"}
    assert table.loss[table.step == 4].nunique() == 1


def test_frozen_parts_and_modes_stay(net, tmp_path, probe, states):
    class Frozen(net):
        def __init__(self):
            super().__init__()
            self.stem.requires_grad_(False)
            self.norm.eval()

    check(Frozen, tmp_path, probe, states)


def test_checkpointed_gradients(net, tmp_path, probe, states):
    class Saves(net):
        def forward(self, x):
            x = self.norm(self.stem(x))
            for block in self.blocks:
                x = x + torch.utils.checkpoint.checkpoint(block, x, use_reentrant=False)
            return self.head(x)

    check(Saves, tmp_path, probe, states)


def test_a_network_that_holds_a_generator_of_its_own(net, tmp_path, probe, states):
    class Draws(net):
        def __init__(self):
            super().__init__()
            self.generator = torch.Generator().manual_seed(3)

        def forward(self, x):
            noise = torch.randn(x.shape, generator=self.generator)
            return super().forward(x + noise * self.training)

    check(Draws, tmp_path, probe, states)


def test_recurrent(tmp_path, states):
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = nn.LSTM(4, 8, num_layers=2, dropout=0.2, batch_first=True), nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.lstm(x.reshape(len(x), 3, 4))[0][:, -1])

    probe = np.random.default_rng(0).standard_normal((30, 12)).astype(np.float32)
    check(Recurrent, tmp_path, probe, states)


def test_two_networks_that_train_each_other(tmp_path, probe):
    def play(out):
        torch.manual_seed(0)
        maker, judge = (
            nn.Sequential(nn.Linear(4, 12), nn.Tanh()),
            nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 1)),
        )
        optimizers = [torch.optim.Adam(each.parameters()) for each in (maker, judge)]
        seeds = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
        with contextlib.ExitStack() as stack:
            monitors = out and [
                stack.enter_context(Monitor(each, given, out=out / name, every=1, max_overhead=None))
                for each, given, name in ((maker, seeds, "maker"), (judge, probe, "judge"))
            ]
            for step in (1, 2, 3):
                for optimizer, sign in zip(optimizers, (-1, 1), strict=True):
                    loss = sign * judge(maker(torch.randn(16, 4))).mean()
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                for monitor in monitors or ():
                    monitor.step(step)
        return [each.detach() for model in (maker, judge) for each in model.parameters()]

    assert all(map(torch.equal, play(None), play(tmp_path)))
    assert ls.series(tmp_path / "maker").steps == ls.series(tmp_path / "judge").steps == (1, 2, 3)


def test_inference_mode_around_and_a_shuffled_state(net, tmp_path, probe):
    model = net()
    with torch.inference_mode(), Monitor(model, probe, out=tmp_path / "s", every=1) as monitor:
        monitor.step(0)
        assert torch.is_inference_mode_enabled()
        assert monitor.failed == ""
    model.train()
    cross_entropy(model(torch.randn(5, 12)), torch.zeros(5).long()).backward()
    assert model.head.weight.grad is not None


def test_constructing_one_draws_nothing(net, tmp_path, probe):
    class Draws(torch.utils.data.Dataset):
        def __len__(self):
            return 20

        def __getitem__(self, row):
            torch.rand(1), np.random.rand(), random.random()  # noqa: NPY002
            return probe[row], row % 2

    model, before = net(), (torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate())  # noqa: NPY002
    loader = torch.utils.data.DataLoader(Draws(), batch_size=8)
    with Monitor(model, loader, out=tmp_path / "s") as monitor:
        monitor.step(0)
        assert monitor.failed == ""
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (np.random.get_state()[1].tolist(), random.getstate())  # noqa: NPY002
    assert ls.open(tmp_path / "s" / "step_0").samples.labels["label"].tolist() == [0, 1] * 10


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"every": 0}, InvalidValue, "every=0; it must be 1 or more."),
        ({"every": 1.5}, InvalidType, "every=1.5; give a whole number of steps, or the steps themselves."),
        ({"every": []}, InvalidValue, "every=[]; give a number of steps, or the steps themselves."),
        (
            {"max_overhead": 5},
            InvalidValue,
            "max_overhead=5; give a share of the training's time, above 0 to 1, or None.",
        ),
        ({"measures": "overlap", "k": 60}, InvalidValue, "k=60 neighbors asked of 60 samples; k must lie in 1..59."),
        (
            {"measures": "label_overlap"},
            InvalidValue,
            "label_overlap reads labels, and the probe has none; give labels.",
        ),
        ({"measures": "recall"}, InvalidValue, "recall reads pairs, which a monitor does not have; measure the series"),
        ({"measures": ["twon"]}, LayerscapeError, "unknown measure 'twon'; nearest: twonn."),
        ({"layers": "blok_*"}, LayerscapeError, "unknown layer 'blok_*'"),
        ({"log": print}, InvalidValue, "log without measures; name what is to be logged, as measures=['twonn']."),
        ({"log": 3, "measures": "twonn"}, InvalidType, "a log of type int; give a function of (step, values)"),
        (
            {"log": "tensorbord", "measures": "twonn"},
            LayerscapeError,
            "unknown log 'tensorbord'; nearest",
        ),
        ({"store": "int8"}, LayerscapeError, "unknown dtype to store 'int8'"),
        ({"labels": {"a": [1]}}, InvalidValue, "label column 'a' has 1 values for 60 samples"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_arguments_are_raised_at_once(net, tmp_path, probe, options, error, words):
    with pytest.raises(error, match=re.escape(words)):
        Monitor(net(), probe, out=tmp_path / "s", **options)
    assert not list(tmp_path.rglob("run.json"))


def test_wrong_probes_and_models_are_raised_at_once(net, tmp_path, probe):
    out = tmp_path / "s"
    loader = torch.utils.data.DataLoader(probe, shuffle=True)
    with pytest.raises(InvalidType, match="a DataLoader whose order may be another each time"):
        Monitor(net(), loader, out=out)
    holed = probe.copy()
    holed[41, 3] = np.nan
    with pytest.raises(InvalidValue, match=r"^sample '41' holds NaN or infinite values"):
        Monitor(net(), holed, out=out)
    with pytest.raises(InvalidValue, match=r"Net fails on inputs of shape \(2, 5\)"):
        Monitor(net(), probe[:, :5], out=out)
    with pytest.raises(InvalidValue, match="weights on the meta device"), torch.device("meta"):
        Monitor(net(), probe, out=out)
    with pytest.raises(InvalidValue, match="has parameters of no shape yet; run it once on a batch"):
        Monitor(nn.Sequential(nn.LazyLinear(3), nn.ReLU()), probe, out=out)
    with pytest.raises(InvalidType, match="a monitor looks at one that is trained; give the module"):
        Monitor("demo", probe, out=out)

    class Changes(net):
        def __init__(self):
            super().__init__()
            self.n_calls = nn.Parameter(torch.zeros(1))

        def forward(self, x):
            with torch.no_grad():
                self.n_calls.add_(1)
            return super().forward(x)

    with pytest.raises(InvalidValue, match=r"Changes changes its weight 'n_calls' whenever it is called"):
        Monitor(Changes(), probe, out=out)

    class Random(net):
        def forward(self, x):
            return super().forward(x + torch.rand_like(x))

    with pytest.raises(InvalidValue, match="is another each time that the network sees the same batch"):
        Monitor(Random(), probe, out=out)


def test_steps_without_a_score_are_left_out_of_what_is_held_against_it(net, tmp_path, probe):
    model = net()
    with Monitor(model, probe, out=tmp_path / "s", every=1, max_overhead=None) as monitor:
        for step in range(7):
            with torch.no_grad():
                model.stem.weight.add_(torch.randn_like(model.stem.weight))
            monitor.step(step, **({"loss": 1 / step if step < 6 else float("nan")} if step else {}))
    found = ls.against(ls.series(tmp_path / "s"), "loss", "participation_ratio")
    assert found.score == "loss"
    assert found.table.step.tolist() == [1, 2, 3, 4, 5]
    assert found.table.score.tolist() == [1 / step for step in range(1, 6)]
    assert found.warnings[0] == "'step_0', 'step_6' left out, of which the trainer's log says no loss"


def test_a_model_that_is_split_over_processes_is_refused(net, tmp_path, probe):
    class FullyShardedDataParallel(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

    with pytest.raises(InvalidType, match="is split over processes, so that one alone cannot run it; save checkpoints"):
        Monitor(FullyShardedDataParallel(net()), probe, out=tmp_path / "s")


def test_the_folder_is_where_it_was_when_the_training_went_elsewhere(net, tmp_path, probe, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Monitor(net(), probe, out="s", every=1, max_overhead=None) as monitor:
        monitor.step(0)
        (tmp_path / "other").mkdir()
        monkeypatch.chdir(tmp_path / "other")
        monitor.step(1)
    assert ls.series(tmp_path / "s").steps == (0, 1)


def test_another_process_than_the_first_does_not_look(net, tmp_path, probe, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with Monitor(net(), probe, out=tmp_path / "s", every=1) as monitor:
        monitor.step(0)
        assert monitor.steps == ()
    assert not (tmp_path / "s").exists()


def test_without_the_libraries_it_says_which_extra_brings_them(net, tmp_path, probe, monkeypatch):
    monkeypatch.setattr("layerscape.errors.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=re.escape("pip install 'layerscape[models]'")):
        Monitor(net(), probe, out=tmp_path / "s")
