import re
import shutil

import numpy as np
import pytest

from layerscape.errors import FileProblem
from tests.inputs.opened import opened

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for number, name in enumerate(["cat/a.png", "cat/b.PNG", "dog/c.jpg", "dog/d.png"]):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (5, 4), (number, 0, 0)).save(file)
    return folder


def decoded(tmp_path, image, name="x.png", **options):
    image.save(tmp_path / name, **options)
    return opened(tmp_path).read([0])[0]


def test_the_class_is_the_subfolder_and_the_id_the_relative_path(photos):
    samples = opened(photos)
    assert samples.kind == "image"
    assert samples.ids == ("cat/a.png", "cat/b.PNG", "dog/c.jpg", "dog/d.png")
    assert {name: values.tolist() for name, values in samples.labels.items()} == {"class": ["cat", "cat", "dog", "dog"]}
    pictures = samples.read([3, 0])
    assert [picture[0, 0].tolist() for picture in pictures] == [[3, 0, 0], [0, 0, 0]]
    assert [(picture.shape, picture.dtype, picture.flags.writeable) for picture in pictures] == [
        ((4, 5, 3), np.uint8, True)
    ] * 2


def test_without_subfolders_there_is_no_class(photos):
    assert not opened(photos / "cat").labels


def test_deeper_folders_are_a_label_of_their_own(photos):
    deep = photos / "dog" / "small"
    deep.mkdir()
    Image.new("L", (2, 2)).save(deep / "e.png")
    samples = opened(photos, labels=["class", "folder"])
    assert samples.labels["class"].tolist() == ["cat", "cat", "dog", "dog", "dog"]
    assert samples.labels["folder"].tolist() == ["cat", "cat", "dog", "dog", "dog/small"]


def test_folders_of_splits_are_no_classes(photos):
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            (photos / split / name / "deep").mkdir(parents=True)
            Image.new("L", (2, 2)).save(photos / split / name / "deep" / "x.png")
    labels = opened(photos).labels  # beside classes they may be anything
    assert labels["class"].tolist() == ["cat", "cat", "dog", "dog", "train", "train", "val", "val"]
    shutil.rmtree(photos / "cat")
    shutil.rmtree(photos / "dog")
    with pytest.warns(
        UserWarning, match=r"^train, val: taken as splits; label 'split' says which, 'class' is the folder"
    ):
        labels = opened(photos).labels
    assert labels["split"].tolist() == ["train", "train", "val", "val"]
    assert labels["class"].tolist() == ["cat", "dog", "cat", "dog"]


def test_hidden_and_other_files_are_ignored_and_links_followed_once(photos):
    (photos / "cat" / "notes.txt").write_text("no picture")
    (photos / ".cache").mkdir()
    for hidden in (".cache/x.png", "cat/.y.png"):
        Image.new("L", (2, 2)).save(photos / hidden)
    (photos / "loop").symlink_to(photos)
    assert len(opened(photos)) == 4


def test_a_corrupt_image_is_named_before_any_work(photos):
    whole = (photos / "dog" / "c.jpg").read_bytes()
    (photos / "dog" / "c.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "dog" / "d.png").write_bytes(b"hello")
    with pytest.raises(FileProblem) as caught:
        opened(photos)
    assert str(caught.value).startswith(
        f"2 of 4 samples of {photos} cannot be used ('dog/c.jpg', 'dog/d.png'); the first, 'dog/c.jpg', cannot be "
        "decoded ("
    )
    assert str(caught.value).endswith("); repair or remove them, or leave them out with --skip-bad (skip_bad=True).")


def test_a_corrupt_image_can_be_left_out_and_is_recorded(photos):
    intact = opened(photos)
    (photos / "cat" / "b.PNG").write_bytes(b"hello")
    samples = opened(photos, skip_bad=True)
    assert samples.ids == ("cat/a.png", "dog/c.jpg", "dog/d.png")
    assert samples.labels["class"].tolist() == ["cat", "dog", "dog"]
    assert samples.skipped == (("cat/b.PNG", "cannot be decoded (it is no picture of a known format)"),)
    assert samples.read([1])[0][0, 0, 0] == intact.read([2])[0][0, 0, 0]
    assert samples.fingerprint != intact.fingerprint


def test_a_folder_of_nothing_but_corrupt_images_is_an_error_even_then(tmp_path):
    (tmp_path / "a.png").write_bytes(b"hello")
    says = (
        f"none of the 1 samples of {tmp_path} can be used; the first, 'a.png', "
        "cannot be decoded (it is no picture of a known format)."
    )
    with pytest.raises(FileProblem, match=f"^{re.escape(says)}$"):
        opened(tmp_path, skip_bad=True)


def test_a_folder_without_images_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(FileProblem, match=f"^{re.escape(f'{tmp_path} holds no images; they end in .jpg, ')}"):
        opened(tmp_path)


def test_pictures_that_are_not_read_are_counted(tmp_path):
    Image.new("RGB", (5, 4)).save(tmp_path / "a.png")
    for name in ("b.HEIC", "c.heic", "d.nef", ".e.heic", "notes.docx"):
        (tmp_path / name).write_bytes(b"x")
    said = "left out pictures of formats that are not read, 2 .heic, 1 .nef; convert them"
    with pytest.warns(UserWarning, match=re.escape(said)):
        assert opened(tmp_path).ids == ("a.png",)
    (tmp_path / "a.png").unlink()
    with pytest.raises(FileProblem, match=r"holds no images; .*; convert those that are there, 2 \.heic, 1 \.nef\.$"):
        opened(tmp_path)


def test_the_fingerprint_sees_contents_and_names(photos):
    before = opened(photos).fingerprint
    assert opened(str(photos)).fingerprint == before
    (photos / "cat" / "a.png").rename(photos / "cat" / "aa.png")
    renamed = opened(photos).fingerprint
    Image.new("RGB", (5, 4), (9, 9, 9)).save(photos / "cat" / "aa.png")
    assert len({before, renamed, opened(photos).fingerprint}) == 3


def test_an_image_that_vanishes_later_is_named(photos):
    samples = opened(photos)
    (photos / "dog" / "d.png").unlink()
    says = (
        f"{photos}/dog/d.png cannot be decoded (No such file or directory), though it looked whole at first; "
        "check the disk, or repair or remove it, and start again."
    )
    with pytest.raises(FileProblem, match=f"^{re.escape(says)}$"):
        samples.read([3])


def test_gray_stays_gray(tmp_path):
    assert decoded(tmp_path, Image.new("L", (3, 2), 7)).tolist() == [[7] * 3] * 2


def test_black_and_white_is_gray(tmp_path):
    assert decoded(tmp_path, Image.new("1", (3, 2), 1)).tolist() == [[255] * 3] * 2


def test_a_palette_becomes_its_colors(tmp_path):
    picture = Image.new("P", (1, 1), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    assert decoded(tmp_path, picture).tolist() == [[[10, 20, 30]]]


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    picture = Image.fromarray(np.array([[0, 257, 65535]], dtype=np.uint16))
    assert decoded(tmp_path, picture).tolist() == [[0, 1, 255]]


@pytest.mark.parametrize(
    ("mode", "color", "seen"),
    [
        ("RGBA", (10, 20, 30, 255), [10, 20, 30]),
        ("RGBA", (10, 20, 30, 0), [255, 255, 255]),
        ("LA", (0, 0), 255),
        ("LA", (9, 255), 9),
    ],
)
def test_what_is_transparent_lies_on_white(tmp_path, mode, color, seen):
    assert decoded(tmp_path, Image.new(mode, (1, 1), color)).tolist() == [[seen]]


def test_cmyk_becomes_rgb(tmp_path):
    picture = decoded(tmp_path, Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "x.tiff")
    assert picture.shape == (8, 8, 3)
    assert picture[0, 0].tolist() == [255, 0, 0]


def test_a_photo_is_turned_as_the_camera_says(tmp_path):
    picture = Image.new("L", (2, 1))
    picture.putpixel((0, 0), 200)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise
    assert decoded(tmp_path, picture, exif=exif).tolist() == [[200], [0]]


def test_float_pixels_have_no_range_and_are_bad(tmp_path):
    with pytest.raises(FileProblem, match="its pixels are floats; save it with 8 or 16 bits, or give an array"):
        decoded(tmp_path, Image.new("F", (2, 2)), "x.tiff")
