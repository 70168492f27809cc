"""From a model and its data to a run: interrupted and gone on with, refused when something changed."""

import json
import re
import shutil
import warnings
import zlib

import numpy as np
import pytest

import layerscape as ls
from benchmarks.small_bert import WORDS, small_bert
from layerscape.cli import main
from layerscape.errors import FileProblem, InvalidType, InvalidValue, UnknownName
from layerscape.pipeline.previews import Previewing, previews
from layerscape.pipeline.samples import as_samples

torch = pytest.importorskip("torch")


class Interrupted(BaseException):
    """Stands in for a kill between two blocks."""


@pytest.fixture
def network():
    torch.manual_seed(0)
    blocks = torch.nn.Sequential(*(torch.nn.Linear(6, 6) for _ in range(3)))
    return torch.nn.Sequential(torch.nn.Linear(5, 6), blocks)


@pytest.fixture
def x(rng, monkeypatch):
    monkeypatch.setattr("layerscape.storage.layout.MOST_ROWS", 20)  # so that 90 samples make five blocks
    return rng.standard_normal((90, 5)).astype(np.float32)


def files(folder):
    """Every file with its bytes; of run.json the times, and the digest of them, are left out."""
    found = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (manifest,) = (path for path in found if path.name == "run.json")
    record = json.loads(found[manifest])
    found[manifest] = {name: value for name, value in record.items() if name not in ("created", "finished", "digest")}
    return found


def test_layers_of_a_module_are_those_of_its_forward(network, x, tmp_path):
    run = ls.extract(network, x, out=tmp_path / "run", labels={"half": np.arange(90) % 2})
    last = run.layers[-1]
    with torch.no_grad():
        expected = network(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(run[last].matrix[:], expected, rtol=1e-5, atol=1e-6)
    assert run.samples.labels["half"].tolist() == [0, 1] * 45
    assert ls.open(tmp_path / "run").layers == run.layers


def test_an_interrupted_run_goes_on_and_ends_with_the_same_files(network, x, tmp_path):
    def stop(what, done, total):
        if done >= 50:
            raise Interrupted

    with pytest.raises(Interrupted):
        ls.extract(network, x, out=tmp_path / "broken", progress=stop)
    seen = []
    ls.extract(network, x, out=tmp_path / "broken", progress=lambda what, done, total: seen.append(done))
    ls.extract(network, x, out=tmp_path / "whole")
    assert seen[0] >= 18
    assert seen[-1] == 90
    assert files(tmp_path / "broken") == files(tmp_path / "whole")


def test_a_finished_run_is_not_proven_again(network, x, tmp_path, monkeypatch):
    proven = []
    monkeypatch.setattr("layerscape.extraction.check.prove", lambda *_: proven.append(1) or {"cures": [], "axes": []})
    for _ in range(2):
        ls.extract(network, x, out=tmp_path / "run")
    assert len(proven) == 1


def test_what_changed_is_named(network, x, tmp_path):
    ls.extract(network, x, out=tmp_path / "run")
    with pytest.raises(InvalidValue, match=r"inputs\.fingerprint"):
        ls.extract(network, x + 1, out=tmp_path / "run")
    with pytest.raises(InvalidValue, match=r"store"):
        ls.extract(network, x, out=tmp_path / "run", store="float16")
    with torch.no_grad():
        network[0].weight += 1
    with pytest.raises(InvalidValue, match=r"model\.fingerprint"):
        ls.extract(network, x, out=tmp_path / "run")


def test_inputs_that_are_made_otherwise_are_another_run(network, x, tmp_path):
    halved, thirds = (
        (lambda few: torch.tensor(np.stack(few)).float() / 2),
        (lambda few: torch.tensor(np.stack(few)) / 3),
    )
    for _ in range(2):
        ls.extract(network, x, make_inputs=halved, out=tmp_path / "run")
    with pytest.raises(InvalidValue, match=r"preprocessing\.made"):
        ls.extract(network, x, make_inputs=thirds, out=tmp_path / "run")


def test_data_in_memory_are_checked():
    with pytest.raises(InvalidType, match="labels of type list; name the columns in a dict"):
        as_samples(["a", "b"], labels=["half"])
    with pytest.raises(InvalidValue, match="limit=3 is for files; select the samples in memory yourself"):
        as_samples(["a", "b"], limit=3)
    with pytest.raises(InvalidType, match="1 layers or arrays by name"):
        as_samples({"a": 1})


def test_previews_are_small(rng):
    texts = as_samples(["short", "x" * 1000])
    assert [len(text) for text in previews(texts, [0, 1])] == [5, 300]
    assert previews(as_samples(rng.standard_normal((3, 4))), [0]) is None
    images = as_samples(rng.integers(0, 255, (2, 200, 100), dtype=np.uint8), kind="image")
    (picture,) = previews(images, [1])
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 10_000


def test_previews_that_were_seen_are_kept_in_a_file_for_one_block(rng):
    images = as_samples(rng.integers(0, 255, (5, 20, 10), dtype=np.uint8), kind="image")
    seen = Previewing(images)
    seen.samples.read([3, 2])
    seen.samples.read([4])
    kept = seen.previews(range(2, 5))
    assert kept[:] == previews(images, range(2, 5)) == list(kept)
    assert kept[1:] == [kept[1], kept[2]]
    assert not isinstance(kept, list)
    seen.samples.read([0])
    assert seen.previews([0, 1]) == previews(images, [0, 1])  # one of which was not seen


def test_the_same_model_and_data_from_another_folder_are_the_same_run(tmp_path):
    for place in ("one", "two"):
        (tmp_path / place / "bert").mkdir(parents=True)
    small_bert(tmp_path / "one" / "bert")
    shutil.copytree(tmp_path / "one" / "bert", tmp_path / "two" / "bert", dirs_exist_ok=True)
    for place in ("one", "two"):
        (tmp_path / place / "texts.csv").write_text("text\nthe cat sat\nthe old dog ran\n")
    first, again = (
        ls.extract(str(tmp_path / place / "bert"), tmp_path / place / "texts.csv", out=tmp_path / "run")
        for place in ("one", "two")
    )
    assert first.record == again.record
    (tmp_path / "two" / "texts.csv").write_text("text\nthe cat sat\nthe old cat ran\n")
    with pytest.raises(InvalidValue, match=r"was made with inputs\.source=.*one/texts\.csv', now inputs\.source"):
        ls.extract(str(tmp_path / "two" / "bert"), tmp_path / "two" / "texts.csv", out=tmp_path / "run")


def test_samples_of_different_inputs_are_not_matched_by_row_without_a_word(tmp_path):
    (tmp_path / "bert").mkdir()
    small_bert(tmp_path / "bert")
    runs = []
    for name, words in (("a", "the cat sat"), ("b", "my old dog")):
        (tmp_path / f"{name}.csv").write_text("text\n" + "".join(f"{words} {more}\n" for more in WORDS[:12]))
        runs.append(ls.extract(str(tmp_path / "bert"), tmp_path / f"{name}.csv", out=tmp_path / name))
    with pytest.warns(UserWarning, match="were made of different inputs, .* matched by row number: if row i"):
        ls.compare(*runs, ["cka"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ls.compare(runs[0], runs[0], ["cka"])


def texts_run(tmp_path, monkeypatch, **options):
    monkeypatch.chdir(tmp_path)
    texts = [f"{WORDS[row % 15]} {WORDS[row % 4]} cat" for row in range(30)]
    lines = [f"row {row},{text}" for row, text in enumerate(texts)]
    (tmp_path / "texts.csv").write_text("\n".join(["name,words", *lines]))
    columns = {"text_column": "words", "id_column": "name"}
    model = small_bert(tmp_path / "bert")
    return ls.extract(model, "texts.csv", out="run", limit=12, sample_seed=3, **columns, **options)


@pytest.mark.parametrize("asked", [None, 4])
def test_whose_limit_cuts_texts_is_said(tmp_path, asked):
    model = small_bert(tmp_path / "bert")
    config = tmp_path / "bert" / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_max_length": 6}))
    texts = [" ".join(WORDS[:3]), " ".join(WORDS[:8]), " ".join(WORDS[3:12])]
    words = "the model's greatest length, 6 tokens" if asked is None else "4 tokens, as max_length (--max-length) says"
    with pytest.warns(UserWarning, match=f"^{re.escape(f'2 texts were cut at {words}')}$"):
        run = ls.extract(model, texts, out=tmp_path / "run", max_length=asked)
    assert f"samples: 3 kept; 2 cut at {words}" in repr(ls.open(run.path))


def test_features_that_are_added_later_are_those_of_the_extraction(tmp_path, monkeypatch):
    with_them = texts_run(tmp_path, monkeypatch, features="all").samples.labels
    shutil.rmtree("run")
    run = texts_run(tmp_path, monkeypatch)
    assert run.samples.labels.keys().isdisjoint({"length", "n_tokens"})
    run.add_features(["length", "n_tokens"])
    run.add_features("all")  # those that are there stay
    found = ls.open("run").samples.labels
    assert found.keys() == with_them.keys()
    for name, values in with_them.items():
        np.testing.assert_array_equal(found[name], values)
    assert not any(part.problem for part in run.check())
    with pytest.raises(UnknownName, match="unknown text feature 'luminance'"):
        run.add_features("luminance")


def test_features_of_samples_that_moved_or_changed(tmp_path, monkeypatch, capsys):
    run = texts_run(tmp_path, monkeypatch)
    (tmp_path / "texts.csv").rename("moved.csv")
    assert main(["labels", "run", "--features", "length"]) == 2
    assert "texts.csv" in capsys.readouterr().err
    assert main(["labels", "run", "--features", "length", "--inputs", "moved.csv"]) == 0
    assert "length: real numbers, 0 missing" in capsys.readouterr().out
    text = (tmp_path / "moved.csv").read_text()
    (tmp_path / "moved.csv").write_text(text.replace("cat", "dog"))
    with pytest.raises(InvalidValue, match="holds other samples by these ids"):
        run.add_features("capitals", inputs="moved.csv")
    assert main(["labels", "run", "--inputs", "moved.csv"]) == 2
    assert capsys.readouterr().err == "error: --inputs is of features; say which with --features, or leave it out.\n"


def test_features_of_samples_in_memory_are_refused(network, x, tmp_path):
    run = ls.extract(network, x, out=tmp_path / "run")
    arrays = ls.from_arrays({"x": x})
    for each in (run, arrays):
        with pytest.raises(InvalidValue, match="were in memory and cannot be read again; add columns of your own"):
            each.add_features("length")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder of 40 pictures, half of them JPEGs, and the list of those that are decoded, by their numbers."""
    pil = pytest.importorskip("PIL.Image")
    from PIL import ImageFile, PngImagePlugin

    folder, load, decoded = tmp_path / "photos", ImageFile.ImageFile.load, []
    folder.mkdir()
    for i in range(40):
        named = PngImagePlugin.PngInfo()
        named.add_text("comment", str(i))
        options = {"comment": str(i)} if i % 2 else {"pnginfo": named}
        pil.fromarray(np.full((9, 9), 5 * i, np.uint8)).save(folder / f"{i:02d}.{'jpg' if i % 2 else 'png'}", **options)

    def counted(image):
        decoded.extend([int(image.info.get("comment", -1))] if image.tile else [])  # what is left to decode
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", counted)
    return folder, decoded


def stacked(pictures):
    return torch.from_numpy(np.stack(pictures)).float()[:, None]


def small_filters():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.ReLU())


def test_pictures_are_read_batch_by_batch_and_decoded_once_for_check_network_and_page(photos, tmp_path):
    folder, decoded = photos
    (folder / "broken.png").write_bytes(b"no picture")
    batches = []

    def stack(pictures):
        batches.append((len(pictures), len(decoded)))
        return stacked(pictures)

    options = {"make_inputs": stack, "batch_size": 8, "skip_bad": True, "kind": "image"}
    with pytest.warns(UserWarning, match=r"^1 samples could not be read and were left out$"):
        run = ls.extract(small_filters(), folder, out=tmp_path / "run", **options)
    tried = {0, 5, 11, 16, 22, 27, 33, 39}  # by dry runs
    assert {number for number in range(40) if decoded.count(number) != 1} == tried
    first = next(read for size, read in batches if size == 8)
    assert first <= 8 + 2 * 8  # what dry runs looked at, and two batches: the first and the next
    assert len(run.samples.previews([3, 20])) == 2
    assert all(preview.startswith(b"\x89PNG") for preview in run.samples.previews())
    assert run.record["counts"] == {"kept": 40, "skipped": {"cannot be decoded": 1}, "cut": 0}
    assert "40 kept; 1 skipped, which cannot be decoded" in repr(run)


def test_a_picture_that_only_a_decoder_finds_broken_is_named(photos, tmp_path):
    folder, _ = photos
    content = (folder / "36.png").read_bytes()
    parts = [b"IHDR" + content[16:29], b"IDAT" + bytes(30), b"IEND"]  # pixels that are none, with their sum
    chunks = [(len(part) - 4).to_bytes(4, "big") + part + zlib.crc32(part).to_bytes(4, "big") for part in parts]
    (folder / "36.png").write_bytes(content[:8] + b"".join(chunks))
    said = (
        f"{folder / '36.png'} cannot be decoded (broken data stream when reading image file), though it looked whole "
        "at first; check the disk, or repair or remove it, and start again."
    )
    with pytest.raises(FileProblem, match=f"^{re.escape(said)}$"):
        ls.extract(small_filters(), folder, out=tmp_path / "run", make_inputs=stacked, kind="image")
