"""Which metric a model's folder names."""

import json

import pytest

from layerscape.extraction.deployed import deployed_metric
from layerscape.extraction.hub import text_of

NORMALIZE = json.dumps([{"type": "sentence_transformers.models.Pooling"}, {"type": "a.models.Normalize"}])
PLAIN = json.dumps([{"type": "sentence_transformers.models.Pooling"}])


def named(modules=None, **configuration):
    files = {"modules.json": modules, "config_sentence_transformers.json": json.dumps(configuration)}
    found = deployed_metric(files.get)
    return found and found["metric"]


@pytest.mark.parametrize(
    ("found", "metric"),
    [
        (named(NORMALIZE), "cosine"),
        (named(NORMALIZE, similarity_fn_name=None), "cosine"),
        (named(NORMALIZE, similarity_fn_name="dot"), "cosine"),
        (named(NORMALIZE, similarity_fn_name="euclidean"), "euclidean"),
        (named(PLAIN, similarity_fn_name="cosine"), "cosine"),
        (named(PLAIN, similarity_fn_name="dot"), None),
        (named(NORMALIZE, similarity_fn_name="manhattan"), None),
        (named(PLAIN), None),
        (named(), None),
        (named("{not json"), None),
        (named('{"type": "Normalize"}'), None),
        (named('["Normalize"]'), None),
    ],
)
def test_a_metric_is_taken_from_what_the_folder_says(found, metric):
    assert found == metric


def test_files_of_a_folder_are_read_and_missing_ones_are_none(tmp_path):
    source = {"pretrained_model_name_or_path": str(tmp_path), "revision": None, "local_files_only": False}
    assert text_of(source, "modules.json") is None
    (tmp_path / "modules.json").write_text(NORMALIZE)
    assert text_of(source, "modules.json") == NORMALIZE
