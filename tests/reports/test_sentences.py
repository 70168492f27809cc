from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.core.decisive import REMEDY
from layerscape.core.exchange import NO_FINDING, NO_LESS
from layerscape.figures.profile import Profile
from layerscape.reports import findings
from layerscape.reports.cautions import changes
from layerscape.reports.chosen import NO_PLATEAU


def estimates(make_row, measure, values, *, width=0.1, **more):
    rows = []
    for n, value in enumerate(values):
        own = {key: each[n] if isinstance(each, list) else each for key, each in more.items()}
        ends = {"value": value, "low": value - width, "high": value + width}
        rows.append(make_row(measure=measure, **{"layer": f"stage {n}", **ends, **own}))
    return rows


@pytest.fixture
def run_of(make_run, make_row):
    """A function that makes a run of three layers with the given rows as its table."""

    def make(*rows, name="run", n_layers=3):
        run = make_run(n_samples=40, layers=n_layers + 1, name=name)
        run.layers = tuple(f"stage {n}" for n in range(n_layers))
        run.table = pd.DataFrame([each for group in rows for each in group])
        return run

    return make


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            [5.0, 9.0, 3.0],
            "rises from 5.00 [95 % interval 4.90, 5.10] at 'stage 0' to a peak of 9.00 [8.90, 9.10] at 'stage 1' and "
            "falls to 3.00 [2.90, 3.10] at 'stage 2'",
        ),
        (
            [5.0, 2.0, 3.0],
            "falls from 5.00 [95 % interval 4.90, 5.10] at 'stage 0' to 2.00 [1.90, 2.10] at 'stage 1' and rises to "
            "3.00 [2.90, 3.10] at 'stage 2'",
        ),
        (
            [5.0, 5.05, 9.0],
            "rises from 5.00 [95 % interval 4.90, 5.10] at 'stage 0' to 9.00 [8.90, 9.10] at 'stage 2'",
        ),
        (
            [9.0, 5.0, 4.95],
            "falls from 9.00 [95 % interval 8.90, 9.10] at 'stage 0' to 4.95 [4.85, 5.05] at 'stage 2'",
        ),
        (
            [5.0, 5.1, 5.15],
            "is 5.00 [95 % interval 4.90, 5.10] at 'stage 0' and 5.15 [5.05, 5.25] at 'stage 2'; no two layers are "
            "told apart, so that no change with depth can be claimed; if there is any, it is below 0.32",
        ),
    ],
)
def test_the_dimension_is_said_to_change_only_where_layers_are_told_apart(run_of, make_row, values, words):
    run = run_of(estimates(make_row, "twonn", values, k=2))
    assert findings(run) == [f"The intrinsic dimension (TwoNN) {words}."]


def test_a_change_between_ends_that_are_alike_names_what_is_told_and_both_ends(run_of, make_row):
    run = run_of(estimates(make_row, "twonn", [5.0, 5.15, 4.9, 5.0], k=2), n_layers=4)
    assert findings(run) == [
        "The intrinsic dimension (TwoNN) falls from 5.15 [95 % interval 5.05, 5.25] at 'stage 1' to 4.90 [4.80, 5.00] "
        "at 'stage 2'; it starts at 5.00 [4.90, 5.10] at 'stage 0' and ends at 5.00 [4.90, 5.10] at 'stage 3'; whether "
        "it turns back between 'stage 0' and 'stage 1', these intervals do not tell."
    ]


# The published profile of ESM-2 (Valeriani et al. 2023), two peaks, and up, down, up: all of their turns are said.
@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            [6, 8, 12, 12, 8, 5, 3, 2, 2, 2, 3, 4, 8],
            "rises from 6.0 [95 % interval 5.6, 6.4] at 'stage 0' to a peak of 12.0 [11.3, 12.7] at 'stage 3' (not "
            "told apart from 'stage 2'), falls to a plateau of 2.00 ('stage 7' to 'stage 9') and rises to 8.0 "
            "[7.5, 8.5] at 'stage 12'",
        ),
        (
            [4, 8, 12, 8, 4, 8, 11, 8, 3],
            "rises from 4.00 [95 % interval 3.76, 4.24] at 'stage 0' to a peak of 12.0 [11.3, 12.7] at 'stage 2', "
            "falls to 4.00 [3.76, 4.24] at 'stage 4', rises to a peak of 11.0 [10.3, 11.7] at 'stage 6' and falls to "
            "3.00 [2.82, 3.18] at 'stage 8'",
        ),
        (
            [3, 8, 4, 9],
            "rises from 3.00 [95 % interval 2.82, 3.18] at 'stage 0' to a peak of 8.0 [7.5, 8.5] at 'stage 1', falls "
            "to 4.00 [3.76, 4.24] at 'stage 2' and rises to 9.0 [8.5, 9.5] at 'stage 3'",
        ),
        (
            [2, 2.02, 1.98, 2, 5, 8, 8, 8, 8],
            "rises from a plateau of 1.98 to 2.02 ('stage 0' to 'stage 3') to a plateau of 8.0 ('stage 5' to "
            "'stage 8')",
        ),
    ],
)
def test_all_turns_that_intervals_tell_are_said(run_of, make_row, values, words):
    width = [0.06 * value for value in values]
    run = run_of(
        *(
            estimates(make_row, "twonn", [v], k=2, width=w, layer=f"stage {n}")
            for n, (v, w) in enumerate(zip(values, width, strict=True))
        ),
        n_layers=len(values),
    )
    assert findings(run)[0] == f"The intrinsic dimension (TwoNN) {words}."


def test_a_shape_that_depends_on_the_scale_is_said_to_depend_on_it(run_of, make_row):
    run = run_of(
        estimates(make_row, "twonn", [5.0, 9.0, 3.0], k=2),
        estimates(make_row, "gride", [5.0, 9.0, 3.0], k=2, scale=1.0),
        estimates(make_row, "gride", [5.0, 4.0, 3.0], k=4, scale=1.5),
    )
    assert "rises from 5.00 [95 % interval 4.90, 5.10] at 'stage 0' to 9.00 [8.90, 9.10]" in findings(run)[0]
    assert findings(run)[0].endswith(
        " No peak is claimed: the shape holds at 1 of 2 scales of Gride, with the peak at 'stage 1'; it does not at "
        "k = 4, so that it depends on the scale at which one looks."
    )


def test_a_shape_of_all_scales_is_a_peak(run_of, make_row):
    peak = [5.0, 9.0, 3.0]
    run = run_of(
        estimates(make_row, "twonn", peak, k=2), *(estimates(make_row, "gride", peak, k=k, scale=k) for k in (2, 4))
    )
    assert "to a peak of 9.00 [8.90, 9.10] at 'stage 1'" in findings(run)[0]
    assert "The same shape holds at all 2 scales of Gride" in findings(run)[0]


def test_gride_alone_speaks_for_the_dimension(run_of, make_row):
    curve = [estimates(make_row, "gride", [5.0, 9.0, 3.0], k=k, scale=k) for k in (2, 4)]
    run = run_of(*curve)
    assert findings(run)[0].startswith(
        "No dimension is chosen at any layer: the run keeps no graph there to read it from (layerscape search makes "
        "one). Layers are compared at one scale. The intrinsic dimension (Gride, k = 2) rises from 5.00"
    )
    assert "The same shape holds at the other scale of Gride, with the peak at 'stage 1'." in findings(run)[0]


def test_high_dimensions_come_with_a_caution(run_of, make_row):
    run = run_of(estimates(make_row, "twonn", [5.0, 19.0, 30.0], k=2))
    assert findings(run)[1] == (
        "Dimensions above about 15 come out too low from 500 samples, the more so the higher they are: compare layers "
        "by them, and do not read them as counts."
    )


def test_a_layer_without_a_dimension_is_named_with_its_reason_and_left_out_of_the_steps(run_of, make_row):
    dimension = estimates(make_row, "twonn", [5.0, float("nan"), 3.0], k=2)
    dimension[1] |= {"k": None, "low": None, "warnings": "every row is equal."}
    first, other = ["stage 0", "stage 1", "stage 2"], ["stage 1", "stage 2", "stage 3"]
    steps = estimates(make_row, "overlap", [0.02, 0.02, 0.9], width=0.01, k=30, layer=first, other_layer=other)
    more = make_row(measure="twonn", layer="stage 3", value=3.0, low=2.9, high=3.1, k=2)
    assert findings(run_of(dimension, steps, [more], n_layers=4))[1:] == [
        "From 'stage 2' to 'stage 3' a sample keeps a share of 0.900 [0.890, 0.910] of its 30 nearest neighbors.",
        "No dimension can be given at 'stage 1', which the sentence on neighborhoods leaves out: every row is equal.",
    ]


def test_a_run_without_any_dimension_says_why(run_of, make_row):
    dead = estimates(make_row, "twonn", [float("nan")] * 3, warnings="every row is equal.")
    assert findings(run_of(dead)) == [
        "No dimension can be given at 'stage 0', 'stage 1', 'stage 2', which the sentence on neighborhoods leaves out: "
        "every row is equal."
    ]


def test_linear_dimensions_are_not_called_intrinsic(run_of, make_row):
    run = run_of(estimates(make_row, "participation_ratio", [5.0, 9.0, 3.0]))
    assert findings(run)[0].startswith("No dimension, overlap or label of run 'run' was measured.")


def test_the_first_measure_that_has_words_speaks_for_labels(run_of, make_row):
    more = {"label": "digit", "chance": 0.1, "chance_high": 0.12}
    probes = [
        estimates(make_row, name, [0.2, 0.5, 0.8], k=k, **more) for name, k in (("knn_probe", 20), ("nucleation", 9))
    ]
    assert findings(run_of(*probes[::-1])) == [
        "'stage 2' encodes 'digit' best: the majority of its 20 nearest neighbors names 'digit' best, with k-NN probe "
        "0.80 [0.70, 0.90] (chance gives 0.10; the most possible is 1)."
    ]


def test_wholes_are_compared_from_the_first_layer_to_the_last(run_of, make_row):
    pair = {"layer": "stage 0", "other_layer": "stage 2", "chance": 0.0}
    run = run_of([make_row(measure="cka", value=0.3, low=0.2, high=0.4, **pair)])
    assert findings(run) == [
        "Compared as wholes by CKA, 'stage 0' and 'stage 2' score 0.30 [0.20, 0.40] (chance gives 0; the most possible "
        "is 1)."
    ]


REACH = {"ceiling": 0.6, "ceiling_low": 0.5, "ceiling_high": 0.7}
OVER = {"over_ceiling": 0.52, "over_ceiling_low": 0.41, "over_ceiling_high": 0.63}


def test_how_far_noise_lets_wholes_be_alike_is_said(run_of, make_row):
    pair = {"measure": "cka", "layer": "stage 0", "other_layer": "stage 2", "chance": 0.0}
    plain = make_row(value=0.12, low=0.1, high=0.14, groups="", **pair)
    means = make_row(value=0.3, low=0.2, high=0.4, groups="40 conditions with 4 repeats", **pair, **REACH, **OVER)
    assert findings(run_of([plain, means])) == [
        "Compared as wholes by CKA, 'stage 0' and 'stage 2' score 0.30 [0.20, 0.40] (chance gives 0; the most possible "
        "is 1). Noise in the repeats lets that reach 0.60 [0.50, 0.70]; over this ceiling it is 0.52 [0.41, 0.63]."
    ]


def test_neighborhoods_change_most_where_the_interval_is_lowest(run_of, make_row):
    pairs = {"layer": ["stage 0", "stage 1"], "other_layer": ["stage 1", "stage 2"], "chance": 0.06, "k": 30}
    assert findings(run_of(estimates(make_row, "overlap", [0.3, 0.9], width=0.02, **pairs))) == [
        "Neighborhoods change most from 'stage 0' to 'stage 1': a sample keeps a share of 0.300 [0.280, 0.320] of its "
        "30 nearest neighbors (chance gives 0.060; the most possible is 1). They change least from 'stage 1' to "
        "'stage 2': 0.900 [0.880, 0.920]."
    ]
    assert findings(run_of(estimates(make_row, "overlap", [0.3, 0.31], width=0.02, **pairs))) == [
        "From layer to layer a sample keeps a share of 0.28 to 0.33 of its 30 nearest neighbors (chance gives 0.060; "
        "the most possible is 1); no two steps are told apart, so that none is seen to change neighborhoods most."
    ]


def test_labels_are_compared_with_chance_the_raw_input_and_the_baseline(run_of, make_row):
    more = {"label": "digit", "k": 30, "chance": 0.1, "chance_high": 0.12, "layer": ["input", "stage 1", "stage 2"]}
    more["warnings"] = ["", "", "2 of 10 classes have fewer than k+1=31 members: the highest value possible is 0.950"]
    run = run_of(estimates(make_row, "label_overlap", [0.2, 0.5, 0.8], width=0.02, **more))
    run.layers = ("input", "stage 1", "stage 2")
    untrained = run_of(estimates(make_row, "label_overlap", [0.2, 0.19, 0.79], width=0.02, **more), name="untrained")
    untrained.layers = run.layers
    sentence = (
        "'stage 2' encodes 'digit' best: its 30 nearest neighbors are most alike in 'digit', with label overlap 0.800 "
        "[0.780, 0.820] (chance gives 0.100; the most possible is 1). The raw input scores 0.200 [0.180, 0.220]. The "
        "baseline 'untrained' reaches 0.790 [0.770, 0.810] at 'stage 2', which the intervals do not tell apart from "
        "it. 2 of 10 classes have fewer than k+1=31 members: the highest value possible is 0.950."
    )
    assert findings(run, untrained) == [sentence]
    untrained.table.loc[2, ["value", "low", "high"]] = [0.9, 0.88, 0.92]
    assert (
        "The baseline 'untrained' reaches 0.900 [0.880, 0.920] at 'stage 2', which is higher."
        in findings(run, untrained)[0]
    )
    untrained.table["k"] = 10  # another question: not to be compared
    assert "baseline" not in findings(run, untrained)[0]


def test_what_is_within_chance_is_not_called_encoded(run_of, make_row):
    more = {"label": "coin", "k": 30, "chance": 0.5, "chance_high": 0.52, "p": [0.6, 0.6, 0.04]}
    assert findings(run_of(estimates(make_row, "label_overlap", [0.5, 0.5, 0.53], width=0.02, **more))) == [
        "No layer is seen to encode 'coin': at 'stage 2', the highest, label overlap 0.530 [0.510, 0.550] (chance "
        "gives 0.500; the most possible is 1) is not above chance."
    ]


def test_a_raw_input_that_scores_highest_is_said_to(run_of, make_row):
    more = {"label": "digit", "k": 30, "chance": 0.1, "layer": ["input", "stage 1", "stage 2"]}
    run = run_of(estimates(make_row, "label_overlap", [0.9, 0.5, 0.8], width=0.02, **more))
    run.layers = ("input", "stage 1", "stage 2")
    assert findings(run)[0].endswith(" That is the raw input: no layer is seen to add to it.")


def test_a_table_of_other_measures_says_what_to_run(run_of, make_row):
    run = run_of(estimates(make_row, "my_own", [1.0, 2.0, 3.0]))
    assert findings(run) == [
        f"No dimension, overlap or label of run 'run' was measured. Measure them with: layerscape measure {run.path}"
    ]


def test_questions_asked_in_several_ways_are_told_apart_all_samples_first(run_of, make_row):
    run = run_of(
        estimates(make_row, "twonn", [5.0, 9.0, 3.0], k=2, group="digit=7"),
        estimates(make_row, "twonn", [5.0, 9.0, 3.0], k=2, group=""),
    )
    assert {row["variant"] for row in Profile.of(run.table).rows("twonn")} == {"group digit=7", "group all"}
    assert findings(run)[0].startswith("The intrinsic dimension (TwoNN; group all) rises")


def test_what_p_tells_from_chance_is_encoded_though_the_interval_reaches_that_of_chance(run_of, make_row):
    more = {"label": "coin", "k": 30, "chance": 0.5, "chance_high": 0.52, "p": [0.6, 0.6, 2e-12]}
    said = findings(run_of(estimates(make_row, "label_overlap", [0.5, 0.5, 0.535], width=0.02, **more)))
    assert said[0].startswith("'stage 2' encodes 'coin' best")
    assert not any("not above chance" in sentence for sentence in said)


def test_a_unit_that_decides_who_is_near_is_said_in_what_it_changes_and_its_remedy_once(run_of, make_row):
    words = "unit 3 of layer 'stage {}' holds 99.9% of the variance and so decides who is near: " + REMEDY
    each = [f"only 40 samples\n{words.format(n)}" for n in range(3)]
    dimension = estimates(make_row, "twonn", [5.0, 5.1, 5.15], k=2, warnings=each)
    said = findings(run_of(dimension))
    layers = "layer 'stage 0', 'stage 1' and 'stage 2'"
    caution = f"Caution: unit 3 of {layers} holds 99.9% of the variance and so decides who is near"
    assert said[0].endswith(f"it is below 0.32. {caution}: {REMEDY}.")
    labels = estimates(make_row, "label_overlap", [0.5, 0.6, 0.9], label="digit", chance=0.1, warnings=each)
    pair = {"layer": "stage 0", "other_layer": "stage 2", "chance": 0.0}
    value = (
        "unit 3 of layer 'stage 0' holds 99.9% of the variance and so decides the value: bring the units to one scale"
    )
    cka = make_row(measure="cka", value=1.0, low=1.0, high=1.0, warnings=value, **pair)
    said = findings(run_of(dimension, labels, [cka]))
    assert said[1].endswith("Only 40 samples. The caution above holds here too.")
    assert said[2] == (
        "Compared as wholes by CKA, 'stage 0' and 'stage 2' score 1 [1, 1] (chance gives 0). Caution: "
        "unit 3 of layer 'stage 0' holds 99.9% of the variance and so decides the value: bring the units to one scale."
    )
    assert sum(text.count(REMEDY) for text in said) == 1


def test_whatever_decides_a_value_is_known_as_a_caution(rng):
    far = ls.from_arrays({"a": rng.standard_normal((60, 5)) * [1, 1, 1, 1, 1e4], "b": rng.standard_normal((60, 5))})
    table = ls.measure(far, ["twonn", "cka"])
    lines = [line for words in table.warnings for line in words.split("\n") if "decides" in line]
    assert len(lines) == 2
    assert all(map(changes, lines))
    x = rng.standard_normal((400, 5))
    doubled = np.concatenate([x, x + 0.01 * rng.standard_normal((400, 5))])
    assert any(changes(words) for words in ls.estimate("twonn", doubled).warnings)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ("subject", ""),
        ("cat", "With 'cat' as groups, which the rest of this page does not take: "),
        (None, "With samples taken to be independent, which the rest of this page does not do: "),
    ],
)
def test_a_recommendation_by_other_groups_says_which(run_of, make_row, groups, said):
    rows = estimates(make_row, "twonn", [3.0, 5.0, 4.0])
    run = run_of([{**row, "groups": "40 groups of 'subject'"} for row in rows])
    run.recommendation = {"layer": "stage 2", "reason": "Use 'stage 2': because.", "by": "label_overlap"}
    run.recommendation |= {"labels": ["digit"], "equals": [], "groups": groups}
    assert findings(run)[0] == f"{said}Use 'stage 2': because."


def test_where_a_layer_was_recommended_the_label_says_its_values_and_no_second_verdict(run_of, make_row):
    more = {"label": "digit", "k": 30, "chance": 0.1, "p": 1e-6}
    run = run_of(estimates(make_row, "label_overlap", [0.2, 0.79, 0.8], width=0.02, **more))
    assert "encodes 'digit' best (not told apart from 'stage 1')" in findings(run)[0]
    run.recommendation = {"layer": "stage 2", "reason": "Use 'stage 2': because.", "by": "label_overlap"}
    run.recommendation |= {"labels": ["digit"], "equals": []}
    value = "at 'stage 2': 0.800 [0.780, 0.820] (chance gives 0.100; the most possible is 1)."
    assert findings(run) == ["Use 'stage 2': because.", f"Label overlap of 'digit' is highest {value}"]
    run.recommendation["labels"] = ["digit", "writer"]
    of_one = "Of 'digit' alone 'stage 2' has the highest label overlap 0.800 [0.780, 0.820] (chance gives 0.100; the"
    assert findings(run)[1].startswith(of_one)


def test_the_dimension_is_that_of_the_plateau_and_where_there_is_none_it_says_so(run_of, make_row, monkeypatch):
    def level_rows(_, rows):
        curves = {row["layer"]: [each for each in rows if each["layer"] == row["layer"]] for row in rows}
        same = {layer: len({row["value"] for row in own}) == 1 for layer, own in curves.items()}
        return {layer: own[0] if same[layer] else NO_PLATEAU for layer, own in curves.items()}

    monkeypatch.setattr("layerscape.reports.sentences.chosen_dimensions", level_rows)

    def at(values):
        scales = [estimates(make_row, "gride", own, k=2**n, scale=n) for n, own in enumerate(values, 1)]
        return findings(run_of(estimates(make_row, "twonn", values[0], k=2), *scales))[0]

    level = [[5.0, 9.0, 3.0]] * 4
    assert at(level).startswith(
        "The intrinsic dimension (that of Gride's plateau) rises from 5.00 [95 % interval 4.90, 5.10] at 'stage 0' to "
        "a peak of 9.00 [8.90, 9.10] at 'stage 1'"
    )
    sloped = [[5.0, 9.0, 3.0], [5.0, 7.0, 3.0], [5.0, 5.5, 3.0], [5.0, 4.0, 3.0]]
    assert at(sloped).startswith(
        "No dimension is chosen at 'stage 1': Gride's curve has no plateau there, and is itself the result. It is 5.00 "
        "[4.90, 5.10] at 'stage 0' and 3.00 [2.90, 3.10] at 'stage 2'. Layers are compared at one scale. The intrinsic "
        "dimension (TwoNN) rises from"
    )
    none = [[5.0, 9.0, 3.0], [4.0, 7.0, 2.0], [3.0, 5.5, 1.0], [2.0, 4.0, 0.5]]
    assert at(none).startswith("No dimension is chosen at any layer: Gride's curve has no plateau there")


def test_each_of_two_towers_has_a_shape_of_its_own(run_of, make_row):
    values, depth = [3.0, 9.0, 9.0, 3.0], [0.5, 1.0, 0.5, 1.0]
    run = run_of(estimates(make_row, "twonn", values, k=2, depth=depth), n_layers=4)
    assert findings(run) == [
        "The intrinsic dimension (TwoNN) rises from 3.00 [95 % interval 2.90, 3.10] at 'stage 0' to 9.00 [8.90, 9.10] "
        "at 'stage 1'.",
        "The intrinsic dimension (TwoNN) falls from 9.00 [95 % interval 8.90, 9.10] at 'stage 2' to 3.00 [2.90, 3.10] "
        "at 'stage 3'.",
    ]


def test_why_no_dimension_is_chosen_is_said_once_for_two_towers(run_of, make_row):
    values, depth = [3.0, 9.0, 9.0, 3.0], [0.5, 1.0, 0.5, 1.0]
    run = run_of(*(estimates(make_row, "gride", values, k=k, scale=k, depth=depth) for k in (2, 4)), n_layers=4)
    first, second = findings(run)[:2]
    assert first.startswith("No dimension is chosen at any layer: the run keeps no graph there")
    assert second.startswith("The intrinsic dimension (Gride, k = 2) falls from 9.00")


def test_what_two_towers_are_given_gets_no_sentence_of_its_own(run_of, make_row):
    values, depth = [8.0, 3.0, 9.0, 9.0, 3.0], [None, 0.5, 1.0, 0.5, 1.0]
    names = ["input", *(f"stage {n}" for n in range(4))]
    rows = (estimates(make_row, "gride", values, k=k, scale=k, depth=depth, layer=names) for k in (2, 4))
    run = run_of(*rows)
    run.layers = tuple(names)
    said = findings(run)
    assert len(said) == 2
    assert sum("No dimension is chosen" in each for each in said) == 1
    assert not any("8.00" in each for each in said)


def test_of_one_layer_values_are_said_and_no_shape(run_of, make_row):
    labels = {"label": "kind", "chance": 0.4, "chance_low": 0.3, "chance_high": 0.5, "k": 30}
    one = [estimates(make_row, "twonn", [5.0], k=2), estimates(make_row, "label_overlap", [0.7], **labels)]
    assert findings(run_of(*one, n_layers=1)) == [
        "The intrinsic dimension (TwoNN) is 5.00 [95 % interval 4.90, 5.10] at 'stage 0'.",
        "'stage 0' encodes 'kind', with label overlap 0.70 [0.60, 0.80] (chance gives 0.40; the most possible is 1).",
    ]
    curve = [estimates(make_row, "gride", [5.0], k=k, scale=k) for k in (2, 4)]
    assert findings(run_of(*curve, n_layers=1))[0].startswith(
        "No dimension is chosen at 'stage 0': the run keeps no graph there to read it from (layerscape search makes "
        "one). The intrinsic dimension (Gride, k = 2) is 5.00"
    )


def test_steps_without_intervals_are_told_by_their_values(run_of, make_row):
    pairs = {"layer": ["stage 0", "stage 1"], "other_layer": ["stage 1", "stage 2"], "k": 30}
    run = run_of(estimates(make_row, "overlap", [0.6, 0.8], low=None, high=None, **pairs))
    assert findings(run)[0].startswith(
        "From layer to layer a sample keeps a share of 0.6 to 0.8 [no interval] of its 30"
    )


def test_a_layer_of_copies_is_left_out_of_the_comparison():
    def rows(layer, value, n_samples):
        shared = {"layer": layer, "measure": "twonn", "k": 2, "n_samples": n_samples}
        return shared | {"value": value, "low": value - 0.1, "high": value + 0.1}

    from layerscape.reports.sentences import _thin

    assert _thin([rows("embedding", 40.0, 61), rows("block_1", 10.0, 1900), rows("block_2", 9.0, 1900)]) == {
        "embedding": 61
    }


def test_few_groups_do_not_say_that_there_is_nothing(run_of, make_row):
    few = {"groups": "5 groups of 'subject'", "warnings": f"with 5 groups {NO_FINDING}"}
    labels = {"label": "kind", "chance": 0.4, "chance_low": 0.3, "chance_high": 0.5, "k": 30}
    plain = findings(run_of(estimates(make_row, "label_overlap", [0.42, 0.41, 0.44], **labels)))
    assert any("is not above chance" in sentence for sentence in plain)
    said = findings(run_of(estimates(make_row, "label_overlap", [0.42, 0.41, 0.44], **labels, **few)))
    assert not any("not above chance" in sentence for sentence in said)
    assert any("Whether a layer encodes 'kind' cannot be told by 5 groups of 'subject'" in each for each in said)


def test_the_least_p_that_few_groups_allow_is_no_finding_of_many_layers(run_of, make_row):
    """8 groups, 4 and 4, can be arranged in 35 ways: p is 1/35 of a layer that tells them wholly."""
    labels = {"label": "kind", "chance": 0.43, "chance_low": 0.2, "chance_high": 0.8, "k": 30, "p": 1 / 35}
    few = {"groups": "8 groups of 'subject'", "warnings": f"{NO_LESS} 0.029: so few are the ways to arrange the groups"}
    said = findings(run_of(estimates(make_row, "label_overlap", [1.0, 1.0, 1.0, 1.0], **labels, **few)))
    assert any("Whether a layer encodes 'kind' cannot be told by 8 groups of 'subject'" in each for each in said)
    none = findings(run_of(estimates(make_row, "label_overlap", [0.5, 0.5], **{**labels, "p": 0.6}, **few)))
    assert any("No layer is seen to encode 'kind'" in each for each in none)


def test_of_two_metrics_that_of_the_model_speaks_and_what_the_other_says_otherwise_is_said(run_of, make_row):
    pairs = {"layer": ["stage 0", "stage 1"], "other_layer": ["stage 1", "stage 2"], "chance": 0.06, "k": 30}
    rows = {"euclidean": ([5.0, 9.0, 3.0], [0.9, 0.3]), "cosine": ([5.0, 7.0, 9.0], [0.3, 0.9])}
    run = run_of(
        *(
            each
            for metric, (dimension, steps) in rows.items()
            for each in (
                estimates(make_row, "twonn", dimension, k=2, metric=metric),
                estimates(make_row, "overlap", steps, width=0.02, metric=metric, **pairs),
            )
        )
    )
    said = findings(run)
    assert said[0] == (
        "What follows is by euclidean distance; by cosine the dimension rises from 5.00 [95 % interval 4.90, 5.10] at "
        "'stage 0' to 9.00 [8.90, 9.10] at 'stage 2', and by cosine neighborhoods change most from 'stage 0' to "
        "'stage 1': 0.300 [0.280, 0.320]."
    )
    assert said[1].startswith("The intrinsic dimension (TwoNN) rises from 5.00")
    assert "change most from 'stage 1' to 'stage 2'" in said[2]
    run.record["deployed"] = {"metric": "cosine", "because": "modules.json has Normalize"}
    said = findings(run)
    assert said[0].startswith(
        "What follows is by cosine, with which the model is deployed (modules.json has Normalize); by euclidean "
        "distance the dimension rises from 5.00 [95 % interval 4.90, 5.10] at 'stage 0' to a peak of 9.00"
    )
    assert "change most from 'stage 0' to 'stage 1'" in said[2]
    run.recommendation = {"reason": "By cosine, with which the model is deployed (modules.json has Normalize): Use it."}
    assert findings(run)[1].startswith("What follows is by cosine; by euclidean distance the dimension rises")
    run.recommendation = None
    run.table = run.table[run.table.metric == "euclidean"]
    assert findings(run)[0] == (
        "The model is deployed with cosine (modules.json has Normalize), and what follows is by euclidean distance: "
        f"layerscape measure {run.path} --metric cosine gives both."
    )


def test_metrics_that_say_the_same_are_said_to(run_of, make_row):
    both = [estimates(make_row, "twonn", [5.0, 9.0, 3.0], k=2, metric=each) for each in ("euclidean", "cosine")]
    assert findings(run_of(*both))[0] == "What follows is by euclidean distance; by cosine it is the same."
