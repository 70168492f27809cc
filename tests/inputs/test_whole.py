"""A picture whose bytes show that it is whole is not decoded to see that, and one that is damaged is seen by them."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.inputs.images import decode
from layerscape.inputs.whole import is_whole

Image = pytest.importorskip("PIL.Image")


def picture(mode="RGB", side=24):
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)).resize((side + 7, side))
    noisy = np.clip(np.asarray(smooth) + rng.integers(-9, 10, (side, side + 7, 3)), 0, 255)
    return Image.fromarray(noisy.astype(np.uint8)).convert(mode)


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


JPEGS = {
    "plain": {},
    "fine": {"quality": 100, "subsampling": 0},
    "coarse": {"quality": 3, "subsampling": "4:1:1"},
    "with tables of its own": {"optimize": True},
    "progressive": {"progressive": True},
    "with restarts": {"restart_marker_blocks": 2},
    "progressive with restarts": {"progressive": True, "restart_marker_rows": 1},
    "with much beside": {"exif": turned(), "icc_profile": bytes(70_000), "comment": b"\xff\xd9\xff\xd8", "dpi": (9, 9)},
}
PNGS = {
    **{mode: picture(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")},
    "16 bits": Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 99),
    "of one color": Image.new("RGB", (900, 900)),
}


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_show_that_they_are_whole(mode, options):
    content = saved(picture(mode), "JPEG", **options)
    assert is_whole(content)
    assert is_whole(content + b"what a camera puts behind")


def test_of_several_jpegs_in_one_file_the_first_is_what_is_read():
    assert is_whole(saved(picture(), "MPO", save_all=True, append_images=[picture()]))


@pytest.mark.parametrize("image", PNGS.values(), ids=PNGS)
def test_pngs_show_that_they_are_whole(image):
    assert is_whole(saved(image, "PNG"))
    assert is_whole(saved(image, "PNG", exif=turned(), dpi=(9, 9)) + b"more")


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "BMP", "PPM"])
def test_of_other_formats_nothing_is_said(kind):
    assert not is_whole(saved(picture(), kind))


ALL = [saved(picture(), "JPEG", quality=90, **JPEGS[name]) for name in ("plain", "progressive", "with restarts")]
ALL += [saved(picture(mode, 12), "PNG") for mode in ("RGB", "P")]


@pytest.mark.parametrize("content", ALL, ids=range(len(ALL)))
def test_what_is_cut_or_filled_with_zeros_is_seen_at_every_byte(content):
    for end in range(len(content)):
        assert not is_whole(content[:end])
        if any(content[end:]):
            assert not is_whole(content[:end] + bytes(len(content) - end))


@pytest.mark.parametrize("content", ALL[3:], ids=["RGB", "P"])
def test_every_bit_of_a_png_counts(content):
    for at in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[at // 8] ^= 1 << at % 8
        assert not is_whole(bytes(flipped))


def test_a_png_of_far_fewer_pixels_than_it_claims_is_seen():
    content = saved(Image.new("L", (8, 8)), "PNG")
    large = saved(Image.new("L", (8000, 8000)), "PNG")
    assert not is_whole(large[:33] + content[33:])


@pytest.mark.parametrize(("kind", "whole"), [(b"tEXt", True), (b"zTXt", False), (b"eXIf", False)])
def test_what_is_packed_behind_the_pixels_is_left_to_the_decoder(kind, whole):
    content, behind = saved(picture(), "PNG"), kind + b"note\0\0" + bytes(9)
    chunk = (len(behind) - 4).to_bytes(4, "big") + behind + zlib.crc32(behind).to_bytes(4, "big")
    assert is_whole(content[:-12] + chunk + content[-12:]) == whole


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(ALL),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=3),
    st.binary(max_size=4),
)
def test_whatever_bytes_there_are_it_is_said_and_never_raised(content, changes, end):
    changed = bytearray(content)
    for at, value in changes:
        changed[at % len(changed)] = value
    assert is_whole(bytes(changed) + end) in (True, False)
    assert is_whole(bytes(changed[: len(changed) // 2]) + end) in (True, False)


@pytest.mark.parametrize("content", ALL, ids=range(len(ALL)))
def test_of_damaged_sectors_hardly_one_is_missed_that_a_decoder_finds(content):
    rng, found, missed = np.random.default_rng(0), 0, 0
    for _ in range(300):
        at = rng.integers(2, len(content) - 16)
        for part in (bytes(16), rng.bytes(16), b""):
            damaged = content[:at] + part + content[at + 16 :]
            try:
                decode(damaged)
            except Exception:
                found += 1
                missed += is_whole(damaged)
    assert found > 30
    assert missed <= 0.01 * found
