"""A verdict that turns with the metric says so, and is none where nobody named a metric."""

import numpy as np
import pytest

import layerscape as ls

N = 400
DIGIT = np.arange(N) % 4


@pytest.fixture(scope="module")
def layers():
    """By length the first holds the digit, by direction the second; the third holds nothing."""
    rng = np.random.default_rng(0)
    lengths, angles = 1.0 + 3 * DIGIT + 0.3 * rng.standard_normal(N), 2 * np.pi * rng.random(N)
    return {
        "length": lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1),
        "way": 2 * np.eye(6)[DIGIT] + rng.standard_normal((N, 6)),
        "none": rng.standard_normal((N, 6)),
    }, lengths


@pytest.fixture
def run(layers):
    found, lengths = layers
    return ls.from_arrays(found, labels={"digit": DIGIT, "radius": lengths})


def test_where_nobody_names_a_metric_none_is_named_and_why_is_said(run):
    euclidean, cosine = (ls.recommend(run, k=10, metric=metric) for metric in ("euclidean", "cosine"))
    assert (euclidean.layer, cosine.layer) == ("length", "way")
    found = ls.recommend(run, k=10)
    assert found.layer is None
    assert found.equals[:2] == ("length", "way")
    assert found.reason.startswith(
        "The best layer turns with the metric, and none is named: by euclidean distance it is 'length'. By cosine "
        "'way' is best, and 'length' is 0."
    )
    assert " behind (p < 1e-6): at 'length' the two share 0." in found.reason
    assert "norms there vary by 6" in found.reason
    assert "and follow 'radius' (r = 1.00)" in found.reason
    assert found.reason.endswith("Choose the metric with which the layer will be used (metric=, --metric).")


def test_a_metric_that_was_asked_for_names_its_layer_and_says_what_the_other_names(run):
    found = ls.recommend(run, k=10, metric="euclidean")
    assert found.reason.startswith("Use 'length', judged by label overlap: its 10 nearest neighbors")
    assert " By cosine 'way' is best, and 'length' is 0." in found.reason
    assert run.recommendation["metric"] == "euclidean"
    found = ls.recommend(run, k=10, metric="cosine")
    assert " By euclidean distance 'length' is best, and 'way' is 0." in found.reason


def test_the_metric_of_the_model_leads_and_is_said(run, monkeypatch):
    deployed = {"metric": "cosine", "because": "modules.json has Normalize"}
    record = run.record | {"deployed": deployed}
    monkeypatch.setattr(type(run), "record", property(lambda _: record))
    found = ls.recommend(run, k=10)
    assert found.layer == "way"
    assert found.reason.startswith(
        "By cosine, with which the model is deployed (modules.json has Normalize): Use 'way', judged by label"
    )
    assert run.recommendation["metric"] == "cosine"
    assert ls.recommend(run, k=10, metric="euclidean").layer == "length"


def test_metrics_that_agree_or_are_not_read_are_not_spoken_of(run, layers):
    found, _ = layers
    alike = ls.from_arrays({"none": found["none"], "way": found["way"]}, labels={"digit": DIGIT})
    assert "cosine" not in ls.recommend(alike, k=10).reason
    assert "cosine" not in ls.recommend(run, by="linear_probe", permutations=19).reason


def test_a_layer_that_one_metric_cannot_measure_costs_no_verdict(layers):
    found, _ = layers
    zero = found["length"].copy()
    zero[3] = 0
    run = ls.from_arrays({"none": found["none"], "zero": zero, "last": found["none"][:, ::-1]}, labels={"digit": DIGIT})
    said = ls.recommend(run, k=10)
    assert said.layer == "zero"
    assert said.reason.endswith(" By cosine no layer is told apart from chance.")
