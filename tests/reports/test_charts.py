from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import vl_convert

import layerscape as ls
from layerscape.figures import drawn
from layerscape.figures.drawing import Axis, Drawing
from layerscape.figures.profile import Profile
from layerscape.reports import report
from layerscape.reports.charts import side_by_side, specification, words


def drawings(run, baseline=None):
    profiles = [Profile.of(each.table, each.layers) for each in (run, baseline) if each]
    return {name: each for own in drawn(*profiles).values() for name, each in own.items()}


def charts(run, baseline=None):
    return {name: specification(each) for name, each in drawings(run, baseline).items()}


def values(spec, **wanted):
    return [row for row in spec["data"]["values"] if all(row.get(key) == value for key, value in wanted.items())]


def menu(spec):
    return spec["params"][0].get("bind", {}).get("options")


def test_every_chart_is_a_vega_lite_specification_that_draws(make_run):
    run = make_run(n_samples=40, layers=4, dead="stage 2")
    specs = charts(run, make_run(n_samples=40, layers=4, trained=False, name="untrained"))
    assert list(specs) == [
        "dimension_depth",
        "dimension_map-gride",
        "dimension_scale-gride",
        "layer_steps-overlap",
        "layer_pairs-overlap",
        "layer_steps-cka",
        "layer_pairs-cka",
        "label_depth-label_overlap",
        "dimension_labels-label_overlap",
    ]
    for spec in specs.values():
        assert "<svg" in vl_convert.vegalite_to_svg(json.dumps(spec | {"width": 400}))


def test_the_dimension_can_be_chosen_at_every_scale(make_run):
    spec = charts(make_run(n_samples=40, layers=3))["dimension_depth"]
    assert menu(spec) == ["TwoNN", *(f"Gride, k = {k}" for k in (2, 4, 8, 16, 32, 64))]
    assert [row["said"] for row in values(spec, choice="TwoNN", layer="input")] == ["9.00 [8.73, 9.27]"]


def test_a_layer_that_cannot_be_measured_is_a_gap_at_every_scale(make_run):
    specs = charts(make_run(n_samples=40, layers=4, dead="stage 2"))
    gaps = values(specs["dimension_depth"], layer="stage 2")
    assert len(gaps) == len(menu(specs["dimension_depth"])) == 7
    assert not any("value" in row for row in gaps)


def test_maps_of_pairs_hold_both_directions_the_diagonal_and_what_chance_reaches(make_run):
    run = make_run(n_samples=40, layers=4, dead="stage 2")
    spec = charts(run)["layer_pairs-overlap"]
    assert len(values(spec)) == len(run.layers) ** 2
    assert len(values(spec, said="1 (itself)")) == len(run.layers)
    unclear = {(row["layer"], row["other_layer"]) for row in values(spec, unclear=True)}
    assert ("input", "stage 2") in unclear
    assert ("stage 2", "input") in unclear
    assert ("input", "stage 1") not in unclear


def test_steps_are_named_by_the_later_layer_whichever_way_a_pair_is_stored(make_run):
    run = make_run(n_samples=40, layers=4)
    before = values(charts(run)["layer_steps-overlap"])
    run.table = run.table.rename(columns={"layer": "other_layer", "other_layer": "layer"}).assign(
        layer=lambda table: table["layer"].where(table["measure"] == "overlap", table["other_layer"])
    )
    assert values(charts(run)["layer_steps-overlap"]) == before
    assert [row["layer"] for row in before] == ["stage 1", "stage 2", "stage 3"]


def test_the_raw_input_is_a_level_and_the_baseline_stays_beside(make_run):
    run, untrained = make_run(n_samples=40, layers=4), make_run(n_samples=40, layers=4, trained=False, name="untrained")
    spec = charts(run, untrained)["label_depth-label_overlap"]
    assert menu(spec) == ["digit", "writer"]
    assert [row["note"] for row in values(spec, choice="digit") if "note" in row] == ["raw input: 0.170"]
    assert {row["layer"] for row in values(spec, beside=True)} == {"stage 1", "stage 2", "stage 3"}


def test_a_baseline_that_answers_another_question_is_not_drawn(make_run):
    run, untrained = make_run(n_samples=40, layers=4), make_run(n_samples=40, layers=4, trained=False, name="untrained")
    untrained.table.loc[untrained.table["measure"] == "label_overlap", "k"] = 10
    assert values(charts(run, untrained)["label_depth-label_overlap"], beside=True) == []


def test_two_metrics_are_two_curves(make_run):
    run = make_run(n_samples=40, layers=3)
    second = run.table.assign(metric="cosine")
    run.table = type(second)(np.concatenate([run.table, second]), columns=second.columns)
    assert menu(charts(run)["layer_steps-overlap"]) == ["metric euclidean", "metric cosine"]
    assert {row["variant"] for row in Profile.of(run.table).rows("gride")} == {"metric euclidean", "metric cosine"}


def test_many_groups_are_cut_to_the_first_and_all_samples_come_before_them(make_run, monkeypatch):
    monkeypatch.setattr("layerscape.reports.vegalite.MAX_POINTS", 100)
    run = make_run(n_samples=40, layers=5)
    pairs = run.table[run.table["measure"] == "overlap"]
    groups = [pairs.assign(group=name) for name in ("digit=1", "digit=2", "digit=3", "digit=4", "")]
    run.table = pairs.iloc[:0].merge(type(pairs)(np.concatenate(groups), columns=pairs.columns), how="outer")
    spec = charts(run)["layer_pairs-overlap"]
    assert menu(spec)[0] == "group all"
    assert spec["usermeta"] == {"left_out": 5 - len(menu(spec)), "every": 1} == {"left_out": 1, "every": 1}


def test_what_was_not_measured_has_no_chart(make_run):
    run = make_run(n_samples=40, layers=3)
    run.table = run.table[run.table["measure"] == "twonn"]
    assert list(charts(run)) == ["dimension_depth"]
    run.table = run.table.assign(value=np.nan)
    assert charts(run) == {}


@pytest.mark.parametrize("name", ["</script><b>", "\"quoted\" and 'quoted'", "back\\slash", "line\u2028break"])
def test_hostile_names_of_layers_draw(make_run, name):
    run = make_run(n_samples=40, layers=3)
    run.table = run.table.replace({"layer": {"stage 1": name}, "other_layer": {"stage 1": name}})
    run.layers = ("input", name, "stage 2")
    for spec in charts(run).values():
        assert "<svg" in vl_convert.vegalite_to_svg(json.dumps(spec | {"width": 400}))


def test_controls_are_grey_lines_of_their_own_and_no_choice_of_the_menu(make_run):
    run = make_run(n_samples=40, layers=3)
    own = run.table[run.table["measure"].isin(["twonn", "gride"])]
    plain = charts(run)
    run.table = pd.concat([run.table, own.assign(group="control=gaussian", value=own["value"] + 30)], ignore_index=True)
    specs = charts(run)
    for name, apart in {"dimension_depth": "controls_depth", "dimension_scale-gride": "controls_scale-gride"}.items():
        assert values(specs[name]) == values(plain[name])
        assert menu(specs[apart])[0] == menu(plain[name])[0]
        assert len(values(specs[apart], control="gaussian")) == len(values(specs[apart], control=None))
        assert "<svg" in vl_convert.vegalite_to_svg(json.dumps(specs[apart] | {"width": 400}))
    assert not {"controls_depth", "controls_scale-gride"} & set(plain)
    assert values(specs["dimension_map-gride"]) == values(plain["dimension_map-gride"])


def test_a_protocol_beside_the_profile_is_one_more_choice_and_takes_no_control_away(make_run):
    run = make_run(n_samples=40, layers=3)
    own = run.table[run.table["measure"].isin(["twonn", "gride"])]
    fit = own.assign(group="protocol=doimo2020", options='{"method": "fit"}')
    run.table = pd.concat([run.table, fit, own.assign(group="control=gaussian")], ignore_index=True)
    spec = charts(run)["dimension_depth"]
    assert menu(spec)[0] == "TwoNN · group all"
    assert "TwoNN · group protocol=doimo2020" in menu(spec)
    apart = charts(run)["controls_depth"]
    assert len(values(apart, control="gaussian", choice="TwoNN · group all")) == 3


def test_the_explorer_shows_dimension_against_scale_of_every_layer(make_run):
    run = make_run(n_samples=40, layers=3)
    spec = charts(run)["dimension_scale-gride"]
    assert menu(spec) == list(run.layers)
    assert [row["point"] for row in values(spec, layer="stage 1")] == [f"k = {k}" for k in (2, 4, 8, 16, 32, 64)]
    assert all(row["scale"] > 0 for row in values(spec))


def test_the_words_say_what_the_marks_of_a_chart_mean(make_run):
    run, untrained = make_run(n_samples=40, layers=4), make_run(n_samples=40, layers=4, trained=False, name="untrained")
    own = run.table[run.table["measure"] == "twonn"]
    run.table = pd.concat([run.table, own.assign(group="control=gaussian")], ignore_index=True)
    found = drawings(run, untrained)
    assert words(found["label_depth-label_overlap"], "untrained") == (
        "Share of the k nearest neighbors that have the sample's own label, averaged over the samples. Dotted: what "
        "chance gives. Long dashes: what the raw input scores. Grey and dashed: the baseline “untrained”."
    )
    cells = "Each cell compares the layer of its column with that of its row."
    assert words(found["layer_pairs-cka"]) == cells
    rings = "A ring marks a pair whose interval reaches what chance gives."
    assert words(found["layer_pairs-overlap"]) == f"{cells} {rings}"
    assert words(found["dimension_depth"], "untrained").endswith(
        "A gap means that no dimension can be given. Grey and dashed: the baseline “untrained”."
    )
    read = "on a logarithmic axis. Grey: controls, what simpler data read: "
    assert words(found["controls_depth"]).endswith(f"{read}a Gaussian of equal covariance.")
    shuffled = own.assign(group="control=columns")
    run.table = pd.concat([run.table, shuffled], ignore_index=True)
    assert words(drawings(run)["controls_depth"]).endswith(
        f"{read}a Gaussian of equal covariance, every unit shuffled on its own."
    )


def test_beside_controls_ten_times_as_high_a_curve_is_seen(make_run):
    """On a logarithmic axis, on which a value or an end that is not above 0 has no place."""
    run = make_run(n_samples=40, layers=3)
    own = run.table[run.table["measure"] == "twonn"]
    own = own.assign(value=[4.0, 0.0, 6.0], low=[-1.0, 0.0, 5.0], high=[9.0, 1.0, 7.0])
    controls = own.assign(group="control=columns", value=100.0, low=90.0, high=110.0)
    run.table = pd.concat([run.table[run.table["measure"] != "twonn"], own, controls], ignore_index=True)
    spec = charts(run)["controls_depth"]
    rows = values(spec, control=None, choice="TwoNN")
    ends = [tuple(row.get(name) for name in ("value", "low", "high")) for row in rows]
    assert ends == [(4.0, 2.0, 9.0), (None, None, None), (6.0, 5.0, 7.0)]
    axes = [layer["encoding"]["y"]["scale"] for layer in spec["layer"] if "y" in layer.get("encoding", {})]
    assert axes
    assert all(axis["type"] == "log" for axis in axes)
    assert "<svg" in vl_convert.vegalite_to_svg(json.dumps(spec | {"width": 400}))


def test_charts_of_one_measure_stand_side_by_side_and_single_ones_with_single_ones(make_run):
    run = make_run(n_samples=40, layers=4)
    more = run.table[run.table["measure"] == "label_overlap"].assign(measure="knn_probe")
    run.table = pd.concat([run.table, more], ignore_index=True)
    drawings = {
        f"{name} {n}": Drawing("map", "", "", [], Axis("x"), Axis("y"), measure=measure)
        for name, measure, n in (
            *(("a", "one", n) for n in (1, 2, 3)),
            ("b", "two", 1),
            *(("c", "three", n) for n in (1, 2)),
            ("d", "four", 1),
        )
    }
    assert side_by_side(drawings) == [["a 1", "a 2"], ["a 3", "b 1"], ["c 1", "c 2"], ["d 1"]]
    assert [row for own in drawn(Profile.of(run.table)).values() for row in side_by_side(own)] == [
        ["dimension_depth"],
        ["dimension_map-gride", "dimension_scale-gride"],
        ["layer_steps-overlap", "layer_pairs-overlap"],
        ["layer_steps-cka", "layer_pairs-cka"],
        ["label_depth-label_overlap", "dimension_labels-label_overlap"],
        ["label_depth-knn_probe"],
    ]


def test_long_names_are_cut_so_that_they_stay_apart():
    from layerscape.figures.drawing import Axis
    from layerscape.reports.vegalite import axis

    def shown(names):
        words = axis(Axis("layer", names=names))["axis"].get("labelExpr")
        return words and list(json.loads(words.removesuffix("[datum.label]")).values())

    long = [f"{tower}.encoder.layers.{n}.output.dense" for tower in ("left", "right") for n in (1, 2)]
    assert shown(long) == ["left.…r.layers.1…", "left.…r.layers.2…", "right…r.layers.1…", "right…r.layers.2…"]
    assert shown(["block_1", "block_2"]) is None
    assert shown(["a" * 30 + "x" + "b" * 30, "a" * 30 + "y" + "b" * 31 + "'\"c"])[0].startswith("aaaaa…")


def test_a_linear_dimension_squashes_no_other(make_run, make_row):
    run = make_run(n_samples=40, layers=3)
    high = [make_row(layer=layer, measure="participation_ratio", metric=None, value=200.0) for layer in run.layers]
    run.table = pd.concat([run.table, pd.DataFrame(high)], ignore_index=True)
    spec = charts(run)["dimension_depth"]
    assert "participation ratio" in menu(spec)
    assert {row["choice"].split(",")[0] for row in values(spec, thin=True)} == {"TwoNN", "Gride"}


def test_a_map_of_more_layers_than_can_be_seen_draws_every_so_many_and_says_so(tmp_path):
    rng = np.random.default_rng(0)
    run = ls.from_arrays({f"block_{n}": rng.standard_normal((40, 3)) for n in range(1, 102)})
    ls.measure(run, ["twonn", "overlap"], k=5)
    spec = charts(run)["layer_pairs-overlap"]
    assert spec["usermeta"]["every"] == 2
    cells = values(spec)
    drawn = {f"block_{n}" for n in range(1, 102, 2)}  # the last among them
    assert {row["layer"] for row in cells} == {row["other_layer"] for row in cells} == drawn
    assert len(cells) == len(drawn) ** 2
    text = report(run, tmp_path / "page.html", n_queries=5).read_text("utf-8")
    assert text.count("One in 2 is drawn along the axes; the table has all.") == 1
    assert len(charts(run)["layer_steps-overlap"]["data"]["values"]) == 100
