import json

import pytest

from layerscape.inputs.trainer_log import NAME, logged_at

LOG = [{"loss": 3.0, "step": 5}, {"loss": 2.0, "epoch": 1.0, "step": 10}]
LOG += [{"eval_acc": 0.5, "eval_runtime": 2, "step": 10}]


def test_what_was_logged_at_the_step_of_a_checkpoint(tmp_path):
    (tmp_path / NAME).write_text(json.dumps({"global_step": 10, "log_history": LOG}))
    assert logged_at(tmp_path) == {"loss": 2.0, "epoch": 1.0, "eval_acc": 0.5}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"global_step": 1, "log_history": [3]}', '{"log_history": [{}]}'])
def test_what_cannot_be_read_says_nothing(text, tmp_path):
    assert logged_at(tmp_path / "none") == {}
    (tmp_path / NAME).write_text(text)
    assert logged_at(tmp_path) == {}
