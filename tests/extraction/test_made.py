"""Weights alone, in the module that a factory makes: all of it and nothing else, or one line."""

import re
import warnings

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from layerscape.errors import FileProblem, InvalidType, InvalidValue
from layerscape.extraction.made import made_module


def make():
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 2))


def trained():
    torch.manual_seed(3)
    network = make()
    network[1].running_mean.add_(1.5)
    return network.state_dict()


def prefixed(start):
    return {start + name: tensor for name, tensor in trained().items()}


KINDS = {
    "state dict": lambda path: torch.save(trained(), path),
    "safetensors": lambda path: save_file(trained(), path),
    "in parallel": lambda path: torch.save(prefixed("module."), path),
    "compiled": lambda path: torch.save(prefixed("_orig_mod."), path),
    "compiled part of a whole": lambda path: torch.save(prefixed("model._orig_mod."), path),
    "checkpoint": lambda path: torch.save(
        {"model_state_dict": trained(), "epoch": 3, "optimizer": {"state": {}}}, path
    ),
    "lightning": lambda path: torch.save({"state_dict": prefixed("net."), "global_step": 9, "callbacks": {}}, path),
}


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_those_that_were_saved(kind, tmp_path):
    path = tmp_path / f"w.{'safetensors' if kind == 'safetensors' else 'pt'}"
    KINDS[kind](path)
    before = torch.random.get_rng_state()
    module, make_inputs = made_module(make, str(path), None)
    assert make_inputs is None
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, tensor in trained().items():
        assert torch.equal(module.state_dict()[name], tensor)


def test_a_folder_of_a_trainer_holds_weights(tmp_path):
    save_file(trained(), tmp_path / "model.safetensors")
    torch.save({"state": {}}, tmp_path / "optimizer.pt")
    module, _ = made_module(make, str(tmp_path), None)
    assert torch.equal(module.state_dict()["1.running_mean"], trained()["1.running_mean"])
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileProblem, match=r"holds neither model\.safetensors nor pytorch_model\.bin"):
        made_module(make, str(tmp_path), None)


def test_a_part_of_what_was_saved_is_taken_and_the_rest_is_named(tmp_path):
    torch.save({**prefixed("encoder."), "head.weight": torch.ones(2)}, tmp_path / "w.pt")
    with pytest.warns(UserWarning, match="1 weights of .* are not used, those outside 'encoder.': 'head.weight'"):
        made_module(make, str(tmp_path / "w.pt"), None)


def test_random_weights_are_those_of_the_seed(tmp_path):
    torch.save(trained(), tmp_path / "w.pt")
    torch.manual_seed(5)
    expected = make().state_dict()
    module, _ = made_module(make, str(tmp_path / "w.pt"), 5)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in module.state_dict().items())


def test_a_factory_may_say_how_inputs_are_made(tmp_path):
    torch.save(trained(), tmp_path / "w.pt")
    _, make_inputs = made_module(lambda: (make(), torch.stack), str(tmp_path / "w.pt"), None)
    assert make_inputs is torch.stack


@pytest.mark.parametrize(
    ("saved", "factory", "error", "words"),
    [
        ({"a": trained(), "ema": trained()}, make, InvalidValue, "2 sets of weights that fit .*: 'a' and 'ema'; save"),
        (prefixed("q.") | prefixed("k."), make, InvalidValue, "2 sets of weights that fit .*: 'q' and 'k'; save"),
        (
            {**trained(), "3.weight": torch.ones(2)},
            make,
            InvalidValue,
            "has '3.weight', which the network of .* has no",
        ),
        ({"0.weight": torch.ones(6, 4)}, make, InvalidValue, "lacks '0.bias', '1.weight', '1.bias', … of the 9 weigh"),
        (
            {**trained(), "2.bias": torch.ones(5)},
            make,
            InvalidValue,
            r"has '2.bias' of shape \(5,\), and the network of .* of \(2,\): it is of another architecture",
        ),
        ({"epoch": 3}, make, FileProblem, "holds no weights by name; save the state_dict"),
        (torch.ones(3), make, FileProblem, "holds no weights by name"),
        (
            nn.Linear(2, 2),
            make,
            FileProblem,
            r"hold more than .* \(torch.nn.modules.linear.Linear\), which is never loaded; where",
        ),
        (trained(), nn.ReLU, InvalidValue, "has no weights, and .* holds some"),
        (trained(), dict, InvalidType, "the factory builtins:dict gives a dict; let it give a torch.nn.Module"),
        (trained(), lambda: 1 / 0, InvalidValue, "raised ZeroDivisionError: division by zero"),
        (trained(), 3, InvalidType, "factory of type int; give a function, or 'MODULE:FUNCTION'"),
        (trained(), "json:none", InvalidValue, "factory 'json:none': json has no 'none'"),
        (trained(), "json:__name__", InvalidType, "factory 'json:__name__' is a str; give a function"),
        (trained(), "json", InvalidValue, "factory 'json'; give MODULE:FUNCTION"),
        (trained(), "no.such:make", InvalidValue, "no.such cannot be imported from .* No module named 'no'"),
    ],
    ids=lambda value: value.replace("\\", "") if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_one_line(saved, factory, error, words, tmp_path):
    torch.save(saved, tmp_path / "w.pt")
    with pytest.raises(error, match=words) as caught:
        made_module(factory, str(tmp_path / "w.pt"), None)
    assert "\n" not in str(caught.value)


def test_weights_of_a_broken_file_or_none_are_one_line(tmp_path):
    (tmp_path / "w.pt").write_bytes(b"nothing")
    with pytest.raises(FileProblem, match=r"w\.pt' cannot be read \(.*\); fetch or save them again"):
        made_module(make, str(tmp_path / "w.pt"), None)
    with pytest.raises(FileProblem, match=re.escape("none.pt' do not exist; give a file of weights")):
        made_module(make, str(tmp_path / "none.pt"), None)


def test_a_factory_is_for_files_of_weights(tmp_path):
    import layerscape as ls

    for model in (make(), "demo"):
        with pytest.raises(InvalidValue, match="a factory, which is for files of weights, with"):
            ls.extract(model, torch.ones(3, 4).numpy(), factory=make, out=tmp_path / "run")


def test_extract_takes_a_path_of_weights(tmp_path):
    import numpy as np

    import layerscape as ls

    torch.save(trained(), tmp_path / "w.pt")
    x = np.random.default_rng(0).standard_normal((30, 4)).astype("f4")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = ls.extract(tmp_path / "w.pt", x, factory=make, out=tmp_path / "run", progress=False)
    network = make().eval()
    network.load_state_dict(trained())
    np.testing.assert_allclose(run["2"].matrix[:], network(torch.from_numpy(x)).detach().numpy(), atol=1e-6)
    assert run.record["model"]["factory"].endswith("test_made:make")
