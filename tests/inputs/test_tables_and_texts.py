import gzip
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.errors import FileProblem, InvalidType, InvalidValue, UnknownName
from layerscape.inputs import choose_inputs
from layerscape.inputs.text import text_source
from tests.inputs.opened import opened

ROWS = [("what is it ?", "a", 0.5), ("who, then", "b", 1.5), ("where", "a", 2.5), ("Straße", "b", float("nan"))]


def fails(error, says, *arguments, **options):
    with pytest.raises(error, match=f"^{re.escape(says)}$"):
        opened(*arguments, **options)


@pytest.fixture(params=["csv", "tsv", "csv.gz", "jsonl", "parquet"])
def table(request, tmp_path):
    file = tmp_path / f"x.{request.param}"
    if request.param == "parquet":
        pandas = pytest.importorskip("pandas")
        pandas.DataFrame(ROWS, columns=["text", "label", "score"]).to_parquet(file)
    elif request.param == "jsonl":
        records = [{"text": t, "label": c, "score": None if s != s else s, "extra": {"deep": 1}} for t, c, s in ROWS]
        file.write_text("\n".join(map(json.dumps, records)))
    else:
        comma = "\t" if request.param == "tsv" else ","
        lines = [comma.join([f'"{t}"', c, "" if s != s else str(s)]) for t, c, s in ROWS]
        content = "\n".join([f"text{comma}label{comma}score", *lines]).encode()
        file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else b"\xef\xbb\xbf" + content)
    return file


def test_a_table_of_texts(table):
    samples = opened(table)
    assert samples.kind == "text"
    assert samples.ids == ("0", "1", "2", "3")
    assert samples.read([3, 0]) == ["Straße", "what is it ?"]
    assert samples.labels["label"].tolist() == ["a", "b", "a", "b"]
    assert np.array_equal(samples.labels["score"], [0.5, 1.5, 2.5, np.nan], equal_nan=True)
    assert set(samples.labels) == {"label", "score"}


def test_the_fingerprint_is_that_of_the_contents_and_not_of_the_format(table):
    assert opened(table).fingerprint == "0cedafaf868cadaf5ab582bcb68b0b2ce59396cbb51108e8848ddc0d53155928"


def test_columns_are_chosen_by_name(table):
    samples = opened(table, text_column="label", id_column="text", labels=["score"])
    assert samples.ids == tuple(row[0] for row in ROWS)
    assert samples.read([0]) == ["a"]
    assert set(samples.labels) == {"score"}
    fails(
        UnknownName,
        "unknown label column 'lable'; nearest: label. There are: "
        + ("extra, " if "jsonl" in table.name else "")
        + "label, score.",
        table,
        labels=["lable"],
    )


@pytest.mark.parametrize("option", ["text_column", "id_column"])
def test_an_unknown_column_is_answered_with_the_nearest(tmp_path, option):
    file = tmp_path / "x.csv"
    file.write_text("text,label\na,b\n")
    says = f"unknown column of {file} 'lable'; nearest: label. There are: label, text."
    fails(UnknownName, says, file, **{option: "lable"})


def test_without_a_column_called_text_one_must_be_named(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("texts,n\nhello,1\n")
    fails(UnknownName, f"unknown column of {file} 'text'; nearest: texts. There are: n, texts.", file)


def test_repeated_and_missing_ids(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("text,name\na,x\nb,x\nc,y\n")
    says = "the id 'x' occurs 2 times; ids must be distinct: choose others."
    fails(InvalidValue, says, file, id_column="name")
    file.write_text("text,name\na,x\nb,\n")
    fails(InvalidValue, f"{file} has no id in row 1, column 'name'; fill it in.", file, id_column="name")


def test_broken_tables(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("text,label\na,b\nc\n")
    says = "give every row as many, and put cells that hold commas in quotes."
    fails(FileProblem, f"{file} has 1 cells in line 3 and 2 in the first; {says}", file)
    file.write_text('text,label\n"a\nb",c\n\n' + "d,e\n" * 300 + '"f\ng"\nh,i\n')  # beyond what is read ahead
    fails(FileProblem, f"{file} has 1 cells in line 306 and 2 in the first; {says}", file)
    file.write_text('text,label\na,b\n"c,d\n')
    fails(FileProblem, f"{file} is no valid CSV near line 3 (unexpected end of data); repair that line.", file)
    file.write_text("text,text\na,b\n")
    fails(FileProblem, f"{file} has 2 columns named 'text'; rename all but one.", file)
    file.write_bytes("text\nStraße\n".encode("latin1"))
    fails(
        FileProblem,
        f"{file} holds the byte 0xdf, which is not UTF-8; convert it: "
        f"iconv -f ENCODING -t utf-8 {file} > new (ENCODING is often latin1 or utf-16).",
        file,
    )


def test_broken_json_lines(tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text('{"text": "a"}\n\n{"text": \n')
    fails(FileProblem, f"{file} has broken JSON in line 3 (Expecting value); repair or remove it.", file)
    file.write_text('["a"]\n')
    fails(FileProblem, f'{file} has no object in line 1; give lines like {{"text": "…"}}.', file)
    file.write_text("\n")
    fails(FileProblem, f"{file} has no rows; give a file with at least one sample.", file)


def test_an_empty_text_is_named_or_left_out(tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text('{"text": "a"}\n{"text": " "}\n{"other": 1}\n{"text": 3}\n')
    says = (
        f"3 of 4 samples of {file} cannot be used ('1', '2', '3'); the first, '1', is empty; "
        "repair or remove them, or leave them out with --skip-bad (skip_bad=True)."
    )
    fails(FileProblem, says, file)
    samples = opened(file, skip_bad=True)
    assert samples.ids == ("0",)
    assert samples.skipped == (("1", "is empty"), ("2", "is missing"), ("3", "is of type int and no text"))


def test_a_text_may_be_longer_than_a_cell_of_the_csv_module(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text(f"text\n{'a' * 200_000}\n")
    assert len(opened(file).read([0])[0]) == 200_000


def test_plain_lines(tmp_path):
    file = tmp_path / "x.txt"
    file.write_bytes("first, line\r\nsecond\u2028still second\n".encode())
    samples = opened(file)
    assert samples.ids == ("0", "1")
    assert samples.read([0, 1]) == ["first, line", "second\u2028still second"]


def test_numbers_in_a_table_are_an_array(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("name,a,b,group\nx,1,2,0\ny,3,4,1\n")
    samples = opened(file, id_column="name", labels=["group"])
    assert samples.kind == "array"
    assert samples.ids == ("x", "y")
    assert np.array_equal(samples.read([0, 1]), [[1, 2], [3, 4]])
    assert samples.labels["group"].tolist() == ["0", "1"]
    with pytest.warns(UserWarning, match="the units are 'a', 'b', 'group'; left out: 'name'"):
        assert np.array_equal(opened(file, kind="array").read([1]), [[3, 4, 1]])


def test_a_table_without_numbers_is_no_array(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("name,a\nx,1\ny,2\n")
    says = f"{file} has no column of numbers for its units: 'name' holds no numbers."
    fails(InvalidType, says, file, kind="array", labels=["a"])


def test_sequences_in_a_table(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("sequence,family\nmk v*,a\nMKL,a\nMKT,b\nMKW,b\n")
    samples = opened(file, kind="protein")
    assert samples.kind == "protein"
    assert samples.read([0, 1]) == ["MKV", "MKL"]
    assert samples.labels["family"].tolist() == ["a", "a", "b", "b"]


FASTA = """>sp|P1|NAME_HUMAN Some protein OS=Homo sapiens family=a
MKV
LLA*
>tr|P2|X family=a OS=Mus musculus
MK-V
;comment
>P3 family=b

MKVX
>P4 family=b
mkl
"""


@pytest.mark.filterwarnings("ignore:1 of 4 sequences hold gaps")
@pytest.mark.parametrize("name", ["x.fasta", "x.fa", "x.faa.gz"])
def test_fasta(tmp_path, name):
    file = tmp_path / name
    file.write_bytes(gzip.compress(FASTA.encode()) if name.endswith("gz") else FASTA.encode())
    samples = opened(file, labels=["family", "OS"])
    assert samples.kind == "protein"
    assert samples.ids == ("P1", "P2", "P3", "P4")
    assert samples.read(range(4)) == ["MKVLLA", "MK-V", "MKVX", "MKL"]
    assert samples.labels["family"].tolist() == ["a", "a", "b", "b"]
    assert samples.labels["OS"].tolist() == ["Homo sapiens", "Mus musculus", "", ""]


def test_broken_fasta(tmp_path):
    file = tmp_path / "x.fasta"
    file.write_text("MKV\n>a\nMKV\n")
    fails(FileProblem, f"{file} does not start with a header; FASTA records begin with >ACCESSION.", file)
    file.write_text(">a\nMKV\n>\nMKV\n")
    fails(FileProblem, f"{file} has a header without a name in line 3; write >ACCESSION.", file)
    file.write_text(">a\nMKV\n>sp|a|b\nMKV\n")
    says = "has the accession 'a' again in line 3; ids must be distinct: remove one record or rename it."
    fails(InvalidValue, f"{file} {says}", file)
    file.write_text(">a\nMKV\n>b\nMK1\n>c\n")
    samples = opened(file, skip_bad=True)
    assert samples.skipped == (("b", "holds '1', which is no residue"), ("c", "is empty"))


@given(
    st.lists(st.text(min_size=1).filter(str.strip), min_size=1),
    st.lists(st.text(min_size=1).filter(str.strip), min_size=1),
)
def test_two_lists_of_texts_look_alike_only_if_they_are(a, b):
    from layerscape.inputs.contents import Selection

    chosen = [Selection(text_source(texts, "text"), range(len(texts)), {}, "", None, False) for texts in (a, b)]
    prints = [each.samples().fingerprint for each in chosen]
    assert (prints[0] == prints[1]) == (a == b)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.fasta", ">a x=1\nMKV\n>b x=2\nMKL\n"),
        ("p.txt", "to be\nor not\n"),
        ("p.csv", "text,k\nto be,1\nor not,1\n"),
        ("p.tsv", "text\tk\nto be\t1\nor not\t1\n"),
        ("p.jsonl", '{"text": "to be"}\n{"text": "or not"}\n'),
    ],
)
def test_what_is_gzipped_is_what_it_was_and_no_more_than_it_may_unpack_to(tmp_path, monkeypatch, name, text):
    (tmp_path / name).write_text(text)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    plain, packed = (opened(tmp_path / each) for each in (name, f"{name}.gz"))
    assert (plain.fingerprint, plain.kind) == (packed.fingerprint, packed.kind)
    monkeypatch.setenv("LAYERSCAPE_MAX_BYTES", "20")
    with pytest.raises(
        FileProblem, match=rf"{name}\.gz takes \d+ bytes and unpacks to \d+ or more, which is more than 2"
    ):
        opened(tmp_path / f"{name}.gz")


def test_gaps_and_stops_within_proteins_are_said(tmp_path):
    path = tmp_path / "a.fasta"
    path.write_text(">a\nMK-LV\n>b\nMKLVA*\n>c\nMK*LV\n")
    with pytest.warns(UserWarning, match=r"^2 of 3 sequences hold gaps of an alignment or stops \(-, \., \*\), which"):
        assert choose_inputs(path).samples().read([1]) == ["MKLVA"]


@pytest.mark.parametrize("path", ["", "  "])
def test_an_empty_path_is_no_folder(path):
    with pytest.raises(
        InvalidValue, match=r"^the inputs are an empty path; give a file or a folder, '\.' for this one"
    ):
        choose_inputs(path)
