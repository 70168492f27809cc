"""Rows: in the order of the layers, with the question that each answers and its point on a curve."""

from __future__ import annotations

import pandas as pd
import pytest

from layerscape.figures.profile import Profile
from layerscape.figures.rows import (
    alongside,
    both_ways,
    consecutive,
    first_variant,
    variants,
    with_ceiling,
    within_chance,
)


def test_points_of_a_curve_over_samples_are_named_by_them_finest_first(run, profile):
    rows = [row for row in profile.rows("decimation") if row["layer"] == "stage 1"]
    assert [(row["point"], row["order"]) for row in rows] == [("N = 240", 0), ("N = 120", 1)]
    assert {row["variant"] for row in rows} == {""}


def test_points_of_a_curve_over_k_are_named_by_it(run, profile):
    rows = [row for row in profile.rows("gride") if row["layer"] == "input"]
    assert [row["point"] for row in rows] == [f"k = {2**n}" for n in range(1, len(rows) + 1)]
    assert [row["scale"] for row in rows] == sorted(row["scale"] for row in rows)


def test_a_measure_of_one_point_has_none(run, profile):
    assert {row["point"] for row in profile.rows("twonn")} == {""}


@pytest.mark.parametrize("measure", ["twonn", "overlap", "information_imbalance", "neighbor_survival"])
def test_a_table_gives_the_order_of_its_layers(run, profile, measure):
    table = run.table
    assert Profile.of(table[table["measure"] == measure]).layers == tuple(run.layers)


def test_questions_that_differ_in_an_option_are_told_apart_by_it(run, profile):
    table = run.table[run.table["measure"] == "twonn"]
    fit = table.assign(options='{"method": "fit", "discard": null, "prior": null}')
    both = Profile.of(pd.concat([table, fit], ignore_index=True))
    assert {row["variant"] for row in both.rows("twonn")} == {"method mle", "method fit"}


def test_questions_of_another_nearness_are_told_apart_by_it(run, profile):
    table = run.table[run.table["measure"] == "overlap"]
    both = Profile.of(pd.concat([table, table.assign(standardize="units")], ignore_index=True))
    assert {row["variant"] for row in both.rows("overlap")} == {"standardize none", "standardize units"}
    assert alongside(both.rows("overlap"), profile.rows("overlap"))


def test_pairs_go_both_ways_and_steps_are_named_by_the_later_layer(run, profile):
    rows = profile.rows("overlap")
    assert len(both_ways(rows)) == 2 * len(rows) == 12
    assert [(row["other_layer"], row["layer"]) for row in consecutive(profile.steps, rows)] == [
        ("input", "stage 1"),
        ("stage 1", "stage 2"),
        ("stage 2", "stage 3"),
    ]


def test_chance_is_reached_from_above_or_from_below():
    row = {"low": 0.4, "high": 0.6, "chance": 0.5, "chance_low": 0.45, "chance_high": 0.55}
    assert within_chance(row)
    assert within_chance(row, "low")
    assert not within_chance({**row, "low": 0.56})
    assert not within_chance({**row, "high": 0.44}, "low")
    assert not within_chance({**row, "chance": None, "chance_high": None})


def test_an_interval_stands_beside_chance_where_the_samples_do_that_chance_is_of():
    row = {"value": 0.2, "low": 0.1, "high": 0.3, "chance": 0.5, "held": 0.8}
    assert not within_chance(row)
    assert within_chance({**row, "held": 0.55})
    assert within_chance({**row, "held": None})


def test_a_p_says_whether_chance_gives_as_much_and_not_how_well_the_value_is_known():
    row = {"low": 0.4, "high": 0.6, "chance": 0.3, "chance_low": 0.2, "chance_high": 0.41}
    assert not within_chance({**row, "p": 2e-12})
    assert not within_chance({**row, "p": 0.01}, of=4)
    assert within_chance({**row, "p": 0.01}, of=5)
    assert within_chance({**row, "p": 0.3})


def test_what_was_asked_of_one_layer_only_stands_behind(run, profile):
    """A last token may have 7 distinct embeddings, whose curve ends at another k than that of all other layers."""
    table = run.table[run.table["measure"] == "gride"]
    first = table["layer"] == table["layer"].iloc[0]
    table = table.assign(options=[f'{{"range_max": {6 if own else 64}}}' for own in first])
    rows = Profile.of(table).rows("gride")
    assert rows[0]["variant"] == "range_max 6"
    assert variants(rows) == ["range_max 64", "range_max 6"]
    assert {row["layer"] for row in first_variant(rows)} == set(run.layers[1:])


def test_a_row_with_a_ceiling_says_it_and_the_value_over_it():
    ends = {"ceiling": 0.8, "ceiling_low": 0.7, "ceiling_high": 0.9, "over_ceiling": 0.5}
    row = {"value": 0.4, **ends, "over_ceiling_low": 0.25, "over_ceiling_high": 0.75}
    assert with_ceiling(row) == {**row, "reach": "0.80 [0.70, 0.90]", "over": "0.50 [0.25, 0.75]"}
    assert with_ceiling({"value": 0.4, "ceiling": None}) == {"value": 0.4, "ceiling": None}
