"""A plan says what a search takes: operations and bytes by their formulas, seconds by constants that are measured."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import layerscape as ls
from layerscape.cli import cli
from layerscape.core.interval import Z95
from layerscape.errors import InvalidType, InvalidValue
from layerscape.search import Machine

ABLE = Machine(per_search=0.0, per_query=1e-6, per_product=1e-11, per_byte=1e-9)


@pytest.fixture
def able(monkeypatch):
    """A machine of known speed."""
    monkeypatch.setattr("layerscape.pipeline.plan.machine", lambda *_: ABLE)


def test_all_samples_take_what_the_formulas_say(able):
    found = ls.plan((100_000, 50, 3), k=20)
    assert found.whole.n_operations == 3 * 100_000**2 * 50
    assert found.whole.computing == pytest.approx(3 * (1e-11 * 100_000**2 * 50 + 1e-6 * 100_000))
    assert found.vectors == 3 * 100_000 * 50 * 4
    assert found.whole.disk == pytest.approx(found.vectors * 1e-9)  # a layer of 20 MB is read once
    assert found.whole.network == 0
    assert found.whole.graphs == 3 * 100_000 * 20 * 12
    assert found.n_units == {"layer 1": 50, "layer 2": 50, "layer 3": 50}


def test_queries_cost_two_products_each_and_are_as_many_as_the_precision_needs(able):
    found = ls.plan((10**6, 64), precision=0.01)
    assert found.shares.n_queries == int(np.ceil((Z95 / 0.02) ** 2)) == 9604
    assert found.dimension.n_queries == int(np.ceil((Z95 / 0.01) ** 2)) == 38415
    assert found.shares.n_operations == 2 * 9604 * 10**6 * 64
    assert found.shares.seconds < found.dimension.seconds < found.whole.seconds


def test_time_is_linear_in_samples_for_queries_and_square_for_all(able):
    small, large = ls.plan((10**6, 256)), ls.plan((10**7, 256))
    assert large.shares.computing / small.shares.computing == pytest.approx(10, rel=1e-3)
    assert large.whole.computing / small.whole.computing == pytest.approx(100, rel=0.01)


def test_data_beyond_the_memory_are_read_again_for_every_panel(able):
    found = ls.plan((10**6, 256), memory=2**28)
    assert found.whole.disk == pytest.approx(4 * found.vectors * 1e-9)  # 1,024 MB in panels of 256 MiB
    assert found.shares.disk == pytest.approx(found.vectors * 1e-9)  # the queries fit


def test_several_machines_share_the_work_and_wait_for_the_network(able):
    alone, many = ls.plan((10**5, 64)), ls.plan((10**5, 64), workers=100, network=1e6)
    assert many.whole.n_operations == 2 * alone.whole.n_operations  # a pair is looked at from both of its samples
    assert many.whole.computing == pytest.approx((1e-11 * 2 * 10**10 * 64 + 1e-6 * 10**5) / 100)
    assert many.whole.network == pytest.approx(many.vectors * 0.99 / 1e6)
    assert (alone.whole.bound, many.whole.bound) == ("computing", "network")
    assert many.whole.seconds == many.whole.network


def test_where_few_are_no_fewer_all_are_searched(able):
    found = ls.plan((3000, 8))
    assert (found.shares, found.dimension) == (None, None)
    assert str(found).count("all samples, which are no more than this needs") == 2


def test_of_a_run_its_own_layers_count(able):
    x = np.random.default_rng(0).standard_normal((400, 6))
    found = ls.plan(ls.from_arrays({"a": x, "b": x[:, :2]}), k=5)
    assert found.n_units == {"a": 6, "b": 2}
    assert found.whole.n_operations == 400**2 * 8
    assert found.vectors == 400 * 8 * x.itemsize


def test_the_intervals_of_so_many_queries_are_as_narrow_as_asked():
    rng = np.random.default_rng(1)
    z = rng.standard_normal((2500, 4))
    x = z @ rng.standard_normal((4, 10))
    run = ls.from_arrays(
        {"a": x, "b": x + rng.standard_normal(x.shape)}, labels={"half": np.where(z[:, 0] > 0, "u", "d")}
    )
    found = ls.plan(run, k=10, precision=0.04)
    table = ls.measure(run, ["overlap", "label_overlap"], k=10, n_queries=found.shares.n_queries, progress=False)
    assert ((table.high - table.low) / 2 <= 0.04).all()
    wider = ls.plan(run, k=10, precision=0.08)
    dimension = ls.measure(run, ["twonn"], n_queries=wider.dimension.n_queries, progress=False)
    width = (dimension.high - dimension.low) / 2 / dimension.value
    assert width.to_numpy() == pytest.approx(0.08, rel=0.35)  # of one dimension, so that 1 / √M is its relative error


@pytest.mark.parametrize(
    ("data", "more", "error", "said"),
    [
        ((100, 8), {"k": 100}, InvalidValue, "k=100 neighbors asked of 100 samples; k must lie in 1..99."),
        ((100, 8), {"precision": 0.0}, InvalidValue, "precision=0; give half the width of an interval"),
        ((100, 8), {"precision": float("nan")}, InvalidValue, "precision=nan; give a finite number."),
        ((100, 8), {"workers": 0}, InvalidValue, "workers=0; give 1 or more."),
        ((100, 8), {"network": 0.0}, InvalidValue, "network=0 bytes a second; give more than 0."),
        ((100, 0), {}, InvalidValue, "(100, 0): samples, units and layers are whole numbers of 1 or more."),
        ((100, 8.5), {}, InvalidValue, "(100, 8.5): samples, units and layers are whole numbers of 1 or more."),
        ((2, 8), {}, InvalidValue, "2 samples; there is nothing to plan of fewer than 3."),
        ((100,), {}, InvalidType, "tuple to plan for; give a run, or (samples, units, layers)."),
        ("runs/a", {}, InvalidType, "str to plan for; give a run, or (samples, units, layers)."),
    ],
    ids=lambda given: given[:40] if isinstance(given, str) else "",
)
def test_bad_input_is_one_line(able, data, more, error, said):
    with pytest.raises(error) as raised:
        ls.plan(data, **more)
    assert str(raised.value).startswith(said)


def test_the_command_says_what_python_does(able):
    said = CliRunner().invoke(cli, ["plan", "1000000,768,13", "--workers", "8"]).output
    assert said.strip() == str(ls.plan((10**6, 768, 13), workers=8))
    assert "2,401 queries, enough for ±0.02 of any overlap" in said
    known = json.loads(CliRunner().invoke(cli, ["plan", "5000,8", "--json"]).output)
    assert known["whole"]["bound"] == "computing"
    assert known["machine"]["per_product"] == ABLE.per_product
