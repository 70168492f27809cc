"""Pictures from a folder, and downloaded from a server of our own."""

import gzip
import hashlib
import io
import re
import sys
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import layerscape.datasets as data
from layerscape.datasets import real
from layerscape.errors import FileProblem, InvalidValue, MissingExtra, UnknownName

pooch = pytest.importorskip("pooch")

PICTURES = np.arange(12 * 28 * 28, dtype=np.uint32).reshape(12, 28, 28).astype(np.uint8)
LABELS = np.arange(12, dtype=np.uint8) % 10


def idx(array):
    start = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(start + array.tobytes(), mtime=0)


def write_pair(folder, pictures=PICTURES, labels=LABELS, start="t10k"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{start}-images-idx3-ubyte.gz").write_bytes(idx(pictures))
    (folder / f"{start}-labels-idx1-ubyte.gz").write_bytes(idx(labels))


def write_cifar(folder, batches):
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name, content in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder and the address under which it is served; the cache is empty, and no environment variable helps."""
    monkeypatch.delenv(real.FOLDER, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(pooch, "os_cache", lambda _: tmp_path / "cache")
    folder = tmp_path / "served"
    write_pair(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


def served_set(monkeypatch, folder, *mirrors, wrong=False):
    md5 = {path.name: hashlib.md5(path.read_bytes() + b"x" * wrong).hexdigest() for path in folder.iterdir()}
    known = real._Set(mirrors, md5, tuple("0123456789"), real._read_pair)
    monkeypatch.setitem(real._SETS, "mnist", known)


@pytest.mark.parametrize(("name", "seven"), [("mnist", "7"), ("kmnist", "su")])
def test_the_real_sets_are_read_from_the_data_folder(data_dir, name, seven):
    found = data.load(name, folder=data_dir)
    assert (found.name, found.split) == (name, "test")
    assert found.images.shape == (10000, 28, 28)
    assert found.images.dtype == np.uint8
    assert found.x.shape == (10000, 784)
    assert (found.x[17].reshape(28, 28) == found.images[17]).all()
    assert found.labels.dtype == np.int64
    assert np.bincount(found.labels).min() > 800
    assert len(found.classes) == 10
    assert found.classes[found.labels[0]] == {"mnist": "7", "kmnist": "su"}[name] == seven


@pytest.mark.parametrize("name", ["mnist", "kmnist"])
def test_the_checksums_are_those_of_the_published_files(data_dir, name):
    for file, md5 in real._SETS[name].md5.items():
        if file.startswith("t10k"):
            assert hashlib.md5((data_dir / name / file).read_bytes()).hexdigest() == md5


def test_every_file_of_every_set_has_a_checksum_of_its_own():
    sums = [md5 for known in real._SETS.values() for md5 in known.md5.values()]
    assert len(set(sums)) == len(sums) == 13
    assert all(re.fullmatch("[0-9a-f]{32}", md5) for md5 in sums)
    assert all(len(known.classes) == 10 for known in real._SETS.values())


def test_the_limit_takes_the_first(tmp_path):
    write_pair(tmp_path / "fashion_mnist")
    found = data.load("fashion_mnist", folder=tmp_path, limit=5)
    assert (found.images == PICTURES[:5]).all()
    assert found.labels.tolist() == [0, 1, 2, 3, 4]
    assert found.classes[9] == "Ankle boot"


def test_files_may_lie_there_unzipped_and_have_a_training_split(tmp_path):
    write_pair(tmp_path / "mnist", start="train")
    for path in list((tmp_path / "mnist").iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert (data.load("mnist", split="train", folder=tmp_path).images == PICTURES).all()


def test_the_environment_names_a_folder(tmp_path, monkeypatch):
    write_pair(tmp_path / "kmnist")
    monkeypatch.setenv(real.FOLDER, str(tmp_path))
    assert (data.load("kmnist").images == PICTURES).all()


def test_cifar_is_read_from_its_binary_archive_in_color(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, 60, dtype=np.uint8)
    records = [bytes([label]) + image.transpose(2, 0, 1).tobytes() for image, label in zip(images, labels, strict=True)]
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    write_cifar(tmp_path / "cifar10", {name: b"".join(records[10 * i : 10 * i + 10]) for i, name in enumerate(names)})
    test, train = (data.load("cifar10", split=split, folder=tmp_path) for split in ("test", "train"))
    assert (test.images == images[50:]).all()
    assert (train.images == images[:50]).all()
    assert (train.labels == labels[:50]).all()
    assert test.x.shape == (10, 3072)
    assert test.classes[3] == "cat"


def test_what_is_not_there_is_downloaded_once(server, monkeypatch, tmp_path):
    folder, address = server
    served_set(monkeypatch, folder, address)
    monkeypatch.setenv(real.FOLDER, str(tmp_path / "empty"))
    assert (data.load("mnist").images == PICTURES).all()
    for path in folder.iterdir():
        path.unlink()
    assert (data.load("mnist").labels == LABELS).all()
    assert (tmp_path / "cache" / "mnist" / "t10k-images-idx3-ubyte.gz").is_file()


def test_the_next_mirror_helps_out(server, monkeypatch):
    folder, address = server
    served_set(monkeypatch, folder, f"{address}elsewhere/", address)
    assert (data.load("mnist").images == PICTURES).all()


def test_a_file_that_is_not_the_published_one_is_not_kept(server, monkeypatch, tmp_path):
    folder, address = server
    served_set(monkeypatch, folder, address, wrong=True)
    md5 = real._SETS["mnist"].md5["t10k-images-idx3-ubyte.gz"]
    text = (
        f"t10k-images-idx3-ubyte.gz of mnist cannot be downloaded ({address}: the MD5 is not {md5}); check the "
        "connection, or put it into FOLDER/mnist/ and give folder=FOLDER."
    )
    with pytest.raises(FileProblem, match=f"^{re.escape(text)}$"):
        data.load("mnist")
    assert not list((tmp_path / "cache" / "mnist").iterdir())


def test_without_a_connection_every_mirror_is_named(server, monkeypatch):
    folder, address = server
    served_set(monkeypatch, folder, f"{address}gone/", "http://127.0.0.1:9/")
    text = (
        f"t10k-images-idx3-ubyte.gz of mnist cannot be downloaded ({address}gone/: status 404; http://127.0.0.1:9/: "
        "ConnectionError); check the connection, or put it into FOLDER/mnist/ and give folder=FOLDER."
    )
    with pytest.raises(FileProblem, match=f"^{re.escape(text)}$"):
        data.load("mnist")


def test_without_pooch_the_extra_is_named(server, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    text = "this needs pooch, which is not installed; run: pip install 'layerscape[data]'"
    with pytest.raises(MissingExtra, match=f"^{re.escape(text)}$"):
        data.load("mnist")


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        (
            {"name": "mnits"},
            UnknownName,
            "unknown data set 'mnits'; nearest: mnist, kmnist. There are: cifar10, fashion_mnist, kmnist, mnist.",
        ),
        ({"split": "dev"}, UnknownName, "unknown split 'dev'. There are: test, train."),
        ({"limit": 0}, InvalidValue, "limit=0; give a whole number of at least 1."),
    ],
)
def test_bad_options_are_answered_in_one_line(options, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        data.load(**{"name": "mnist", **options})


def problem(tmp_path, name="mnist"):
    with pytest.raises(FileProblem) as error:
        data.load(name, folder=tmp_path)
    return str(error.value)


def test_a_folder_that_was_given_must_hold_the_files(tmp_path):
    path = tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz"
    assert problem(tmp_path) == f"{path} does not exist; put it there, or leave folder out to download it."


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    write_pair(tmp_path / "mnist", labels=LABELS[:5])
    said = "mnist has 12 pictures and 5 labels up to 4, of 10 classes; the files do not belong together: replace them."
    assert problem(tmp_path) == said
    write_pair(tmp_path / "mnist", labels=LABELS + 1)
    said = (
        "mnist has 12 pictures and 12 labels up to 10, of 10 classes; the files do not belong together: replace them."
    )
    assert problem(tmp_path) == said
    write_pair(tmp_path / "mnist", pictures=PICTURES[0])
    path = tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz"
    assert problem(tmp_path) == f"{path} holds uint8 of shape (28, 28) instead of uint8 of 3 axes; replace it."


def test_broken_files_are_refused(tmp_path):
    write_pair(tmp_path / "mnist")
    path = tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    assert problem(tmp_path).startswith(f"{path} cannot be read (")
    write_cifar(tmp_path / "cifar10", {"test_batch": b"\0" * 3072})
    path = tmp_path / "cifar10" / "cifar-10-binary.tar.gz"
    assert problem(tmp_path, "cifar10") == f"{path} holds 3072 bytes, no multiple of 3073; replace it."
    write_cifar(tmp_path / "cifar10", {"data_batch_1": b"\0" * 3073})
    said = problem(tmp_path, "cifar10")
    assert said.startswith(f"{path} cannot be read (")
    assert "test_batch.bin" in said
    path.write_bytes(path.read_bytes()[:-20])
    assert problem(tmp_path, "cifar10").startswith(f"{path} cannot be read (")
    path.write_bytes(b"")
    assert problem(tmp_path, "cifar10") == f"{path} is empty; give a file with at least one sample."
