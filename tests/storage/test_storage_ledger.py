"""Files are what was written, or they are refused; JSON that was changed by hand is too."""

import json
import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.errors import FileProblem
from layerscape.storage.files import readable
from layerscape.storage.ledger import BLOCK, Entry, Ledger
from layerscape.storage.sealed import sealed, typed, unsealed


@pytest.fixture
def ledger(tmp_path):
    found = Ledger(tmp_path)
    found.begin()
    return found


@given(st.binary(max_size=50))
def test_an_entry_is_the_same_of_bytes_and_of_a_file(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("entry") / "file"
    path.write_bytes(data)
    assert Entry.of(path) == Entry.of_bytes(data) == Entry.of_bytes(bytearray(data))


def test_a_large_file_has_a_digest_for_every_block(tmp_path):
    data = bytes(BLOCK) + b"1" * BLOCK + b"2"
    (tmp_path / "file").write_bytes(data)
    found = Entry.of(tmp_path / "file")
    assert found == Entry.of_bytes(data)
    assert (found.size, len(found.blocks)) == (2 * BLOCK + 1, 3)


def test_only_the_blocks_that_are_read_are_proven(ledger, tmp_path):
    data = bytearray(3 * BLOCK)
    ledger.replace("file", bytes(data))
    data[2 * BLOCK + 5] = 1
    (tmp_path / "file").write_bytes(data)
    ledger.prove("file", 0, 2 * BLOCK)
    for part in [(), (2 * BLOCK + 100, 2 * BLOCK + 101)]:
        with pytest.raises(FileProblem, match=r"file is damaged: its bytes are not those that were written; see what"):
            ledger.prove("file", *part)


@settings(max_examples=50)
@given(st.integers(0, 799))
def test_every_bit_counts(tmp_path_factory, bit):
    folder = tmp_path_factory.mktemp("bits")
    ledger = Ledger(folder)
    ledger.begin()
    data = bytearray(range(100))
    ledger.replace("file", bytes(data))
    ledger.prove("file")
    data[bit // 8] ^= 1 << bit % 8
    (folder / "file").write_bytes(data)
    with pytest.raises(FileProblem, match="its bytes are not those that were written"):
        Ledger(folder).prove("file")


def test_a_file_that_another_process_replaced_is_proven_anew(ledger, tmp_path):
    ledger.replace("file", b"first")
    ledger.prove("file")
    Ledger(tmp_path).replace("file", b"second")
    ledger.prove("file")  # by what the other wrote
    (tmp_path / "file").write_bytes(b"thirds")
    os.utime(tmp_path / "file", ns=(1, 1))
    with pytest.raises(FileProblem, match="damaged"):
        ledger.prove("file")


def test_a_kill_between_ledger_and_file_leaves_either_whole(ledger, tmp_path):
    ledger.replace("file", b"before")
    with pytest.raises(KeyboardInterrupt), ledger.replacing("file", Entry.of_bytes(b"after")):
        raise KeyboardInterrupt
    Ledger(tmp_path).prove("file")
    (tmp_path / "file").write_bytes(b"after")
    Ledger(tmp_path).prove("file")
    ledger.replace("file", b"later")
    (tmp_path / "file").write_bytes(b"after")
    with pytest.raises(FileProblem):
        Ledger(tmp_path).prove("file")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: None, "it is missing"),
        (lambda path: path.symlink_to("nothing"), "it is missing"),
        (lambda path: path.mkdir(), "it is no plain file"),
        (os.mkfifo, "it is no plain file"),
        (lambda path: path.write_bytes(b"1234"), "it has 4 bytes, and 3 were written"),
    ],
)
def test_what_is_no_file_of_that_length_is_not_read(ledger, tmp_path, make, problem):
    ledger.replace("file", b"123")
    (tmp_path / "file").unlink()
    make(tmp_path / "file")
    text = f"{tmp_path}/file is damaged: {problem}; see what is whole with: layerscape check {tmp_path}"
    with pytest.raises(FileProblem, match=f"^{re.escape(text)}$"):
        ledger.prove("file")


def test_a_file_that_nobody_wrote_down_is_not_read(ledger, tmp_path):
    (tmp_path / "file").write_bytes(b"123")
    with pytest.raises(FileProblem, match="the ledger does not know it"):
        ledger.prove("file")
    Ledger(tmp_path, kept=False).prove("file")  # of a run without ledger nothing more is asked


def test_json_knows_its_digest_whatever_the_order_of_its_keys(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(sealed({"a": 1.5, "b": ["é", None]}))
    assert unsealed(path, "") == {"a": 1.5, "b": ["é", None]}
    turned = dict(reversed(json.loads(path.read_bytes()).items()))
    path.write_text(json.dumps(turned))
    assert unsealed(path, "") == {"a": 1.5, "b": ["é", None]}
    path.write_text(json.dumps({**turned, "a": 1.25}))
    with pytest.raises(FileProblem, match=r"x\.json is damaged: it was changed after it was written; do that"):
        unsealed(path, "do that")


def test_json_is_written_as_pythons_own():
    values = {"é": [[], {}, [1, -0.0, 1e300, 5e-324, 1e-7], [{"x\u2028": '\t"\\/\x7f'}]], "a": None, "b": {"c": True}}
    digest = json.loads(sealed(values))["digest"]
    assert sealed(values) == json.dumps(values | {"digest": digest}, indent=2, ensure_ascii=False).encode()


@pytest.mark.parametrize("text", [b"", b"[1]", b'{"a": 1', b"\xff", b"3", b'{"a": NaN, "digest": 1}'])
def test_what_is_no_such_json_is_one_line(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_bytes(text)
    says = r"^[^\n]*x\.json (cannot be read \(|is damaged)[^\n]*; do that$"
    with pytest.raises(FileProblem, match=says), readable(path, "do that"):
        typed(unsealed(path, "do that"), Entry)
