"""Folders of models that no careful program would write, and which of them is the whole model all the same."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.hostile_files import Evil, safe

EVIL_CODE = "open('ran', 'w')\n"
INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class Model:
    """A copy of a small BERT that was changed; `right` if it must give the same vectors, or else one line."""

    what: str
    change: Callable[[Path], object]
    right: bool = False

    def write(self, folder: Path, whole: Path) -> Path:
        """The path of the changed copy."""
        path = folder / "model"
        shutil.copytree(whole, path)
        self.change(path)
        return path


def configured(what: str, right: bool = False, **changes: Any) -> Model:
    """With other entries in its configuration; None takes one out."""

    def change(path: Path) -> None:
        file = path / "config.json"
        entries = {**json.loads(file.read_text()), **changes}
        file.write_text(json.dumps({name: value for name, value in entries.items() if value is not None}))

    return Model(what, change, right)


def written(what: str, name: str, content: bytes, right: bool = False) -> Model:
    """With a file of other content."""
    return Model(what, lambda path: (path / name).write_bytes(content), right)


def coded(path: Path, file: str, key: str, **more: str) -> None:
    """An entry that asks for code which lies in the folder."""
    (path / "evil.py").write_text(EVIL_CODE)
    place = path / file
    place.write_text(json.dumps({**json.loads(place.read_text()), **more, "auto_map": {key: "evil.Evil"}}))


def weights(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Path], None]:
    """With other tensors."""

    def changed(path: Path) -> None:
        from safetensors.numpy import load_file, save_file

        file = path / "model.safetensors"
        save_file(change(load_file(file)), file, {"format": "pt"})

    return changed


def cut(path: Path) -> None:
    file = path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def lying(path: Path) -> None:
    """A header that gives a tensor another shape of as many values."""
    file = path / "model.safetensors"
    content = file.read_bytes()
    assert b'"shape":[2,16]' in content
    file.write_bytes(content.replace(b'"shape":[2,16]', b'"shape":[4,8 ]'))


def sharded(path: Path, place: Callable[[str], str], lacking: str = "") -> None:
    """Weights in a shard, where an index says that they are."""
    from safetensors.numpy import load_file

    file = path / "model.safetensors"
    names = [name for name in load_file(file) if name != lacking]
    file.rename(path / "model-00001-of-00001.safetensors")
    (path / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": {name: place(name) for name in names}}))


def in_place(_: str) -> str:
    return "model-00001-of-00001.safetensors"


def outside(path: Path) -> None:
    """An index that leads out of the folder."""
    sharded(path, lambda _: "../other/model.safetensors")
    (path.parent / "other").mkdir()
    shutil.copy(path / in_place(""), path.parent / "other" / "model.safetensors")


def replaced(name: str, put: Callable[[Path], object]) -> Callable[[Path], None]:
    """With something else than a file in a file's place."""

    def change(path: Path) -> None:
        (path / name).unlink()
        put(path / name)

    return change


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def of_configurations() -> list[Model]:
    config = "config.json"
    return [
        configured("plain", True),
        configured("no architectures", True, architectures=None),
        configured("the architectures of another", True, architectures=["GPT2LMHeadModel"]),
        configured("0 blocks", num_hidden_layers=0),
        configured("1 block of 2", num_hidden_layers=1),
        configured("3 blocks of 2", num_hidden_layers=3),
        configured("a billion blocks", num_hidden_layers=10**9),
        configured("a fraction of a block", num_hidden_layers=1.5),
        configured("other widths", hidden_size=32),
        configured("a negative width", hidden_size=-4),
        configured("a width of 0", hidden_size=0),
        configured("a width in words", hidden_size="16"),
        configured("another inner width", intermediate_size=64),
        configured("0 heads", num_attention_heads=0),
        configured("3 heads of 16 units", num_attention_heads=3),
        configured("a smaller vocabulary", vocab_size=10),
        configured("a vocabulary of 10¹⁵", vocab_size=10**15),
        configured("fewer positions", max_position_embeddings=8),
        configured("10¹² positions", max_position_embeddings=10**12),
        configured("a billion classes", num_labels=10**9),
        configured("an unknown activation", hidden_act="nonsense"),
        configured("a norm in words", layer_norm_eps="x"),
        configured("an unknown type of numbers", dtype="float13"),
        configured("quantized by nobody knows what", True, quantization_config={"quant_method": "nonsense"}),
        configured("no type", model_type=None),
        configured("an unknown type", model_type="nonsense"),
        configured("the type of another", model_type="gpt2"),
        configured("a type that is a list", model_type=["bert"]),
        written("no configuration in it", config, b""),
        written("a configuration that is cut", config, b'{"model_type": "be'),
        written("a configuration that is a list", config, b"[1, 2]"),
        written("a configuration of 100,000 brackets", config, b'{"a": ' + b"[" * 10**5 + b"]" * 10**5 + b"}"),
        written("a configuration in Latin-1", config, '{"model_type": "bért"}'.encode("latin-1")),
        Model("code for an unknown type", lambda path: coded(path, config, "AutoModel", model_type="evil")),
        Model("code for its configuration", lambda path: coded(path, config, "AutoConfig", model_type="evil")),
        Model("code that a known type does not need", lambda path: coded(path, config, "AutoModel"), True),
        Model("code for its tokenizer", lambda path: coded(path, "tokenizer_config.json", "AutoTokenizer"), True),
        Model("a pipe for a configuration", replaced(config, os.mkfifo)),
        Model("an endless configuration", replaced(config, endless)),
    ]


def of_weights() -> list[Model]:
    name = "model.safetensors"
    pickled = pickle.dumps(Evil())
    first = "encoder.layer.0.output.dense.bias"
    return [
        Model("no weights", lambda path: (path / name).unlink()),
        Model("pickled weights only", lambda path: (path / name).rename(path / "pytorch_model.bin")),
        written("pickled weights beside them", "pytorch_model.bin", pickled, True),
        written("a pickle under their name", name, pickled),
        written("weights of nothing", name, b""),
        Model("cut weights", cut),
        Model("a shape that lies", lying),
        written("a header of 2⁶⁰ bytes", name, struct.pack("<Q", 2**60) + b"{}"),
        written("a header that is no JSON", name, safe(b"{'a': 1}")),
        written("no tensors", name, safe({}, b"")),
        Model("double floats", weights(lambda all: {key: x.astype("float64") for key, x in all.items()}), True),
        Model("NaN in a weight", weights(lambda all: {key: x * float("nan") for key, x in all.items()})),
        Model("a weight that is missing", weights(lambda all: {key: x for key, x in all.items() if key != first})),
        Model("a weight of another shape", weights(lambda all: {**all, first: all[first][:3].copy()})),
        Model("one weight more", weights(lambda all: {**all, "more": all[first]}), True),
        Model("a shard where the index says", lambda path: sharded(path, in_place), True),
        Model("an index of shards that are missing", lambda path: sharded(path, lambda key: f"{key[:3]}.safetensors")),
        Model("an index that leads out", outside),
        Model("an index that lacks a weight of its shard", lambda path: sharded(path, in_place, first), True),
        Model("an index of numbers", lambda path: sharded(path, lambda _: 3)),  # type: ignore[arg-type, return-value]
        written("an index beside whole weights", INDEX, b"{", True),
        Model("an index that is cut", lambda path: (sharded(path, in_place), (path / INDEX).write_bytes(b"{"))),
        Model("an index without a map", lambda path: (sharded(path, in_place), (path / INDEX).write_bytes(b"{}"))),
        Model("a pipe for weights", replaced(name, os.mkfifo)),
        Model("endless weights", replaced(name, endless)),
        Model("a link to no weights", replaced(name, lambda path: path.symlink_to("nothing"))),
        Model("a folder for weights", replaced(name, Path.mkdir)),
    ]


def of_tokenizers() -> list[Model]:
    name = "tokenizer.json"

    def other_ids(path: Path) -> None:
        file = path / name
        file.write_text(file.read_text().replace('"cat":', '"cat": 600, "_":').replace('"cat" :', '"cat":'))

    return [
        Model("no tokenizer", lambda path: [file.unlink() for file in path.glob("tokenizer*")]),
        written("a tokenizer that is cut", name, b'{"version": "1.0", "trunc'),
        written("a tokenizer of nothing", name, b"{}"),
        written("a tokenizer that is a pickle", name, pickle.dumps(Evil())),
        Model("tokens that the model does not know", other_ids),
        Model("a pipe for a tokenizer", replaced(name, os.mkfifo)),
    ]


def models() -> list[Model]:
    """All of them."""
    return [*of_configurations(), *of_weights(), *of_tokenizers()]
