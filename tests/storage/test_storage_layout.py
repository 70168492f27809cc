"""How rows are cut into blocks, what that needs on disk, and what layers are called there."""

import re
from collections import namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.errors import FileProblem, InvalidValue, UnknownName
from layerscape.storage import LayerSpec, check_space, disk_needed
from layerscape.storage.layout import folder_names, lay_out


def specs(*units):
    return [LayerSpec(f"block {number}", n_units) for number, n_units in enumerate(units)]


@given(
    st.lists(st.integers(1, 5000), min_size=1, max_size=5),
    st.integers(1, 10_000),
    st.sampled_from(["float16", "float32"]),
    st.integers(1, 10**8),
)
def test_blocks_are_bounded_and_cover_every_row_once(units, n_samples, dtype, block_bytes):
    layout = lay_out(specs(*units), n_samples, dtype, block_bytes=block_bytes)
    rows = [layout.rows(number) for number in range(layout.n_blocks)]
    assert [each.start for each in rows[1:]] == [each.stop for each in rows[:-1]]
    assert (rows[0].start, rows[-1].stop) == (0, n_samples)
    assert 1 <= layout.block_rows <= 4096
    row_bytes = sum(units) * int(dtype[-2:]) // 8
    assert layout.block_rows == 1 or layout.block_rows * row_bytes <= block_bytes
    assert layout.n_blocks * layout.block_rows - n_samples < layout.n_blocks  # padding: below one row per block


def test_a_wide_model_gets_blocks_of_few_rows():
    layout = lay_out(specs(*[4096] * 33), 50_000, "float32")
    assert layout.block_rows == 124  # and not 4096, which would be 2 GB


def test_disk_needed_counts_what_is_padded():
    assert disk_needed(specs(10, 20), 5, "float32") == 5 * 30 * 4
    assert disk_needed(specs(1), 4097, "float16") == 4098 * 2


@given(st.lists(st.text(), unique=True, max_size=12))
def test_folder_names_are_safe_and_distinct_even_without_case(names):
    found = list(folder_names([LayerSpec(name, 1) for name in names]).values())
    assert len({name.lower() for name in found}) == len(names)
    assert all(re.fullmatch(r"\d{3}-[A-Za-z0-9_.=-]{0,60}", name) for name in found)


@pytest.mark.parametrize(
    ("kind", "layers", "n_samples", "dtype", "text"),
    [
        (InvalidValue, [], 5, "float32", "a run without layers; give at least one."),
        (InvalidValue, specs(0), 5, "float32", "layer 'block 0' has 0 units; a layer must have at least one."),
        (InvalidValue, specs(1), 0, "float32", "a run of 0 samples; give at least one."),
        (
            InvalidValue,
            [*specs(1), *specs(1)],
            5,
            "float32",
            "the layer 'block 0' is given twice; layer names must be distinct.",
        ),
        (
            UnknownName,
            specs(1),
            5,
            "bfloat16",
            "unknown dtype to store 'bfloat16'; nearest: float16, float64, float32. "
            "There are: float16, float32, float64.",
        ),
    ],
)
def test_what_cannot_be_laid_out_is_refused(kind, layers, n_samples, dtype, text):
    with pytest.raises(kind, match=re.escape(text)):
        lay_out(layers, n_samples, dtype)


def test_too_little_space_is_said_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, 4_500_000_000))
    with pytest.raises(FileProblem) as caught:
        check_space(tmp_path / "runs" / "x", 12_300_000_000)
    assert str(caught.value) == (
        f"the run needs 12.3 GB on disk but 4.5 GB are free at {tmp_path}; "
        "choose fewer layers, --limit or another --out"
    )
    assert list(tmp_path.iterdir()) == []
    check_space(tmp_path / "runs" / "x", 4_500_000_000)


def test_space_that_the_run_holds_already_is_not_asked_for_again(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    chunk = tmp_path / "vectors.zarr" / "a" / "c.0.0"
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"x" * 600)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, 500))
    check_space(tmp_path, 1100)
    with pytest.raises(FileProblem, match=r"^the run needs 501 bytes on disk but 500 bytes are free"):
        check_space(tmp_path, 1101)
