from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from layerscape.errors import FileProblem, InvalidValue, UnknownName
from layerscape.extraction import open_model
from layerscape.extraction.hub import why_unreached


@pytest.fixture
def copy(folders, tmp_path):
    """A copy of a family's folder, without some of its files."""

    def make(family: str, *without: str) -> Path:
        folder = tmp_path / family
        shutil.copytree(folders(family), folder)
        for pattern in without:
            for path in folder.glob(pattern):
                path.unlink()
        return folder

    return make


def raises(kind: type[Exception], message: str):
    return pytest.raises(kind, match="^" + re.escape(message) + "$")


def test_the_face_loads_no_torch():
    code = "import sys, layerscape.extraction; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_folder_names_its_neighbors(copy):
    folder = copy("bert")
    near = str(folder.parent / "brt")
    with raises(FileProblem, f"no model folder {near!r}; nearest: {folder}; give a folder with config.json."):
        open_model(near)
    with raises(FileProblem, "no model folder '/no/such/place'; give a folder with config.json."):
        open_model("/no/such/place")


def test_a_folder_without_configuration(tmp_path):
    message = (
        f"folder {str(tmp_path)!r} has no config.json; give a folder made by save_pretrained of a transformers model."
    )
    with raises(FileProblem, message):
        open_model(str(tmp_path))


def test_a_folder_of_checkpoints_names_them(tmp_path, copy):
    for step in (500, 1000):
        copy("bert").rename(tmp_path / f"checkpoint-{step}")
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text("{}")
    names = ", ".join(str(tmp_path / f"checkpoint-{step}") for step in (500, 1000))
    message = f"folder {str(tmp_path)!r} has no config.json; give one of the models in it: {names}."
    with raises(FileProblem, message):
        open_model(str(tmp_path))


def test_a_folder_with_pickled_weights_only(copy, folders, make_samples):
    from safetensors.torch import load_file

    folder = copy("bert", "*.safetensors")
    torch.save(load_file(Path(folders("bert")) / "model.safetensors"), folder / "pytorch_model.bin")
    samples = make_samples(["the cat", "a dog ran"], "text")
    read, right = (
        dict(open_model(str(each), device="cpu").blocks(samples, ["block_3"], "mean", block_rows=2))[0]
        for each in (folder, folders("bert"))
    )
    assert (read["block_3"] == right["block_3"]).all()


def test_what_is_pickled_beside_tensors_is_never_run(copy, tmp_path):
    folder, mark = copy("bert", "*.safetensors"), tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return (Path.touch, (mark,))

    torch.save({"embeddings.word_embeddings.weight": Trap()}, folder / "pytorch_model.bin")
    message = (
        f"the weights of {str(folder)!r} (.bin) are damaged, or hold more than tensors, which is never loaded; fetch "
        "them again, or save them as safetensors where you trust them."
    )
    with raises(FileProblem, message):
        open_model(str(folder))
    assert not mark.exists()


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_weights_that_were_not_fetched_with_the_folder(copy, name):
    folder = copy("bert", "*.safetensors")
    (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 9\n")
    message = (
        f"{str(folder / name)!r} is a pointer of Git LFS, and the weights are not fetched; run git lfs pull there."
    )
    with raises(FileProblem, message):
        open_model(str(folder))


def test_a_folder_without_weights(copy):
    folder = copy("bert", "*.safetensors")
    message = (
        f"folder {str(folder)!r} has no weights, neither *.safetensors nor *.bin; save the model there with "
        "save_pretrained, or ask for random weights."
    )
    with raises(FileProblem, message):
        open_model(str(folder))
    assert open_model(str(folder), device="cpu", random_init=0).describe()["random_init"] == 0


@pytest.mark.parametrize(
    ("family", "pattern", "what"),
    [
        ("bert", "tokenizer*", "tokenizer (none of tokenizer.json, tokenizer.model, vocab.*, *.model, *.tiktoken)"),
        ("esm", "vocab.txt", "tokenizer (none of tokenizer.json, tokenizer.model, vocab.*, *.model, *.tiktoken)"),
        ("vit", "preprocessor*", "image processor (none of preprocessor_config.json, processor_config.json)"),
    ],
)
def test_a_folder_without_what_makes_inputs(copy, family, pattern, what):
    folder = copy(family, pattern)
    with raises(FileProblem, f"folder {str(folder)!r} has no {what}; save it there with save_pretrained."):
        open_model(str(folder))


def test_damaged_weights(copy):
    folder = copy("bert")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        FileProblem, match=rf"^the weights of {str(folder)!r} are damaged \(.*\); fetch or save them again\.$"
    ):
        open_model(str(folder))


def test_a_pooler_without_weights_is_taken_away(copy):
    from safetensors.torch import load_file, save_file

    folder = copy("bert")
    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file({name: w for name, w in weights.items() if not name.startswith("pooler.")}, path, {"format": "pt"})
    network = open_model(str(folder), device="cpu")
    assert network.fingerprint == open_model(str(folder), device="cpu").fingerprint


def test_code_in_a_folder_is_not_run(copy, tmp_path):
    folder = copy("bert")
    mark = tmp_path / "ran"
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "code.Mine", "AutoModel": "code.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text(f"import pathlib; pathlib.Path({str(mark)!r}).touch()")
    message = (
        f"model {str(folder)!r} comes with code of its own, which is not run unless you ask for it; "
        "read that code, then give --trust-remote-code."
    )
    with raises(InvalidValue, message):
        open_model(str(folder))
    assert not mark.exists()


def test_a_model_of_no_known_type(copy):
    folder = copy("bert")
    (folder / "config.json").write_text('{"model_type": "nonesuch"}')
    with pytest.raises(InvalidValue, match=rf"^model {str(folder)!r} cannot be opened: .*nonesuch"):
        open_model(str(folder))


def test_a_tokenizer_of_another_model(copy, folders, make_samples):
    folder = copy("bert", "tokenizer*")
    path = folder / "tokenizer.json"
    shutil.copy(Path(folders("bert")) / "tokenizer.json", path)
    shutil.copy(Path(folders("bert")) / "tokenizer_config.json", folder)
    path.write_text(path.read_text().replace('"cat": 6', '"cat": 600'))
    network = open_model(str(folder), device="cpu")
    message = (
        "the tokenizer gives token 600 for sample 's0', but the model knows 0..19 only; "
        "they do not belong together: save both from one model."
    )
    with raises(InvalidValue, message):
        list(network.blocks(make_samples(["a cat"], "text"), ["block_1"], "mean", block_rows=1))


class Nowhere:
    def head(self, *_, **__):
        raise OSError("Name or service not known")


@pytest.mark.parametrize(
    ("offline", "said"),
    [
        (
            True,
            r", and the hub did not give it \([^\n]*\) "
            r"Check the name and the network; what was fetched once opens offline with HF_HUB_OFFLINE=1\.",
        ),
        (
            False,
            r", was not fetched before, and the hub cannot be reached "
            r"\(https://[^\n]*: Name or service not known\); check the name and the network\.",
        ),
    ],
)
def test_what_the_hub_does_not_give_is_one_line(monkeypatch, caplog, offline, said):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    monkeypatch.setattr("huggingface_hub.utils.get_session", Nowhere)
    with pytest.raises(FileProblem, match=rf"^model 'no-such-model-at-all' is no local folder{said}$"):
        open_model("no-such-model-at-all")
    assert caplog.records == []


def test_a_hub_that_answers_is_asked_for_the_model(monkeypatch):
    class There:
        def head(self, *_, **__):
            return None

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.utils.get_session", There)
    assert why_unreached() is None


def test_a_file_in_place_of_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    with raises(
        FileProblem,
        "model 'model.safetensors' is a file; give the folder of a model, which holds config.json, or of weights alone "
        "the function that makes their network, by factory (--factory MODULE:FUNCTION).",
    ):
        open_model("model.safetensors")


def test_options_that_are_not_allowed(folders):
    with raises(
        UnknownName,
        "unknown dtype 'float8'; nearest: float64, float32, float16. There are: auto, autocast, bfloat16, float16, "
        "float32, float64.",
    ):
        open_model(folders("bert"), dtype="float8")
    with raises(InvalidValue, "device 'nonesuch' cannot be used here; choose auto, cpu, cuda or mps."):
        open_model(folders("bert"), device="nonesuch")
    with raises(InvalidValue, f"kind='image' asked of {folders('bert')!r}, which takes 'text'; leave it out."):
        open_model(folders("bert"), kind="image")
    with raises(
        InvalidValue,
        f"make_inputs= with the model {folders('bert')!r}; it is for modules, a model opened by name has its own.",
    ):
        open_model(folders("bert"), make_inputs=len)


def test_proteins_can_be_read_as_text(folders):
    assert open_model(folders("esm"), device="cpu").kind == "protein"
    assert open_model(folders("esm"), device="cpu", kind="text").kind == "text"


def test_the_demo_opens_by_name():
    network = open_model("demo", device="cpu")
    layers = network.layers()
    assert [layer.name for layer in layers] == ["input", "embedding", *(f"block_{i}" for i in range(1, 8))]
    assert network.kind == "image"
    assert open_model("demo@untrained", device="cpu").fingerprint != network.fingerprint
    with raises(InvalidValue, "random_init=3 is for models from the hub or a folder; leave it out."):
        open_model("demo", random_init=3)


def test_proteins_of_nothing_but_bases_are_said_to_look_like_genes(folders, make_samples):
    network = open_model(folders("esm"), device="cpu")
    said = network.look(make_samples(["ACGTACGGT", "acgtnacgtaa"], "protein"))
    assert said.startswith(
        "the sequences tried have no letters but A, C, G, T, U and N, as DNA and RNA have; each is read"
    )
    assert "DNA" not in network.look(make_samples(["ACGTACGGT", "ACGTKACGTAA"], "protein"))
    assert "DNA" not in network.look(make_samples(["ACG", "CAT"], "protein"))


def test_junk_in_place_of_pickled_weights_is_told(copy):
    folder = copy("bert", "*.safetensors")
    (folder / "pytorch_model.bin").write_bytes(b"junk junk")
    text = f"weights {str(folder / 'pytorch_model.bin')!r} cannot be read (no file of torch); fetch or save them again."
    with raises(FileProblem, text):
        open_model(str(folder))
