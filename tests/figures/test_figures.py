"""Figures: what each shows of a table, and that no measure needs to be known by name."""

from __future__ import annotations

from layerscape.figures import drawn, figures
from layerscape.figures.measured import domain, heading, in_units, measured, of_itself
from layerscape.figures.profile import Profile
from layerscape.measures import catalog


def values(drawing, **wanted):
    return [row for row in drawing.rows if all(row.get(key) == value for key, value in wanted.items())]


def test_sections_hold_their_measures_those_that_stand_for_the_question_first(sections):
    assert {section.name: list(own) for section, own in sections.items()} == {
        "dimension": [
            "dimension_depth",
            "controls_depth",
            "dimension_map-gride",
            "dimension_scale-gride",
            "controls_scale-gride",
            "dimension_map-decimation",
            "dimension_scale-decimation",
            "controls_scale-decimation",
        ],
        "neighborhood": [
            "layer_steps-overlap",
            "layer_pairs-overlap",
            "layer_pairs-information_imbalance",
            "imbalance_plane-information_imbalance",
            "neighbor_survival-neighbor_survival",
        ],
        "similarity": ["layer_steps-cka", "layer_pairs-cka", "layer_steps-rsa", "layer_pairs-rsa"],
        "labels": ["label_depth-label_overlap", "dimension_labels-label_overlap", "label_depth-knn_probe"],
        "more": [
            "value_depth-hubness",
            "value_depth-norm_ratio",
            "layer_steps-shared_norms",
            "layer_pairs-shared_norms",
        ],
    }


def test_every_figure_says_what_it_is_and_how_it_is_read(drawings):
    for drawing in drawings.values():
        assert drawing.title
        assert not drawing.reading or drawing.reading.endswith(".")
    assert all(figure.says for figure in figures().values())


def test_every_estimator_of_the_dimension_is_a_choice_with_its_unit(drawings):
    names = drawings["dimension_depth"].choices
    assert names[:3] == ["TwoNN", "Gride, k = 2", "Gride, k = 4"]
    assert names[-3:] == ["decimation, N = 240", "decimation, N = 120", "PCA (components)"]
    assert {row["measure"] for row in drawings["dimension_depth"].rows if row["thin"]} == {"twonn", "gride"}


def test_maps_mirror_what_is_symmetric_and_nothing_else(run, drawings):
    overlap, imbalance = drawings["layer_pairs-overlap"], drawings["layer_pairs-information_imbalance"]
    assert len(overlap.rows) == len(imbalance.rows) == len(run.layers) ** 2
    assert {row["value"] for row in values(overlap, said="1 (itself)")} == {1}
    assert {row["value"] for row in values(imbalance, said="0 (itself)")} == {0}
    table = run.table[run.table["measure"] == "information_imbalance"].set_index(["layer", "other_layer"])["value"]
    for row in imbalance.rows:
        if row["layer"] != row["other_layer"]:
            assert row["value"] == table[row["layer"], row["other_layer"]]
    assert imbalance.color.reverse
    assert not overlap.color.reverse


def test_the_plane_has_a_point_per_pair_the_way_there_against_the_way_back(run, drawings):
    table = run.table[run.table["measure"] == "information_imbalance"].set_index(["layer", "other_layer"])["value"]
    plane = drawings["imbalance_plane-information_imbalance"]
    assert len(plane.rows) == 6
    (row,) = values(plane, pair="input → stage 2")
    assert (row["value"], row["back"]) == (table["input", "stage 2"], table["stage 2", "input"])
    assert "below it, the earlier layer tells more" in plane.reading


def test_survival_begins_at_one_in_every_layer(run, drawings):
    trails = drawings["neighbor_survival-neighbor_survival"]
    assert [row["value"] for row in trails.rows if row["layer"] == row["start"]] == [1, 1, 1]
    assert [row["layer"] for row in values(trails, start="stage 1")] == ["stage 1", "stage 2", "stage 3"]


def test_a_measure_of_the_user_is_shown_by_what_it_was_asked_of(run, drawings):
    assert drawings["value_depth-norm_ratio"].title == "Norm ratio against depth"
    pairs = drawings["layer_pairs-shared_norms"]
    assert pairs.color.domain is None
    assert len(pairs.rows) == 12  # without a diagonal: nobody said what it is of the same layer


def test_what_has_no_value_is_no_figure_and_no_choice(run):
    table = run.table.copy()
    table.loc[table["measure"].isin(["gride", "cka"]), "value"] = float("nan")

    found = {name: drawing for own in drawn(Profile.of(table)).values() for name, drawing in own.items()}
    assert not any("cka" in name or "gride" in name for name in found)
    assert not any("Gride" in choice for choice in found["dimension_depth"].choices)


def test_measures_come_in_the_order_in_which_they_are_shown(profile):
    names = [measure.name for measure in measured(profile)]
    assert names[:4] == ["twonn", "label_overlap", "overlap", "cka"]
    assert names[-2:] == ["norm_ratio", "shared_norms"]


def test_titles_ends_and_domains_follow_from_the_measure():
    cka, imbalance, probe = (catalog()[name] for name in ("cka", "information_imbalance", "knn_probe"))
    assert (heading(imbalance), heading(probe), heading(cka)) == ("Information imbalance", "k-NN probe", "CKA")
    assert (in_units(probe), in_units(catalog()["isotropy"])) == ("k-NN probe (accuracy)", "isotropy")
    assert (of_itself(cka), of_itself(imbalance), of_itself(catalog()["twonn"])) == (1, 0, None)
    assert domain(cka, [{"value": 0.4, "low": -0.01, "high": 0.5}]) == (0, 1)
    assert domain(cka, [{"value": -0.13, "low": -0.2, "high": 0.5}]) == (-0.2, 1)
    assert domain(imbalance, [{"value": 1.1, "low": 0.9, "high": 1.2}]) == (0, 1.2)
    assert domain(catalog()["hubness"], [{"value": 1.0}]) is None
