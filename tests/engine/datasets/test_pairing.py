# SPDX-License-Identifier: AGPL-3.0-only
"""Which label belongs to which image: beside it, beside its real place, in any normal form."""

from pathlib import Path
from unicodedata import normalize

import pytest

from engine.datasets.annotations import RepairLog
from engine.datasets.pairing import find_label, label_path, note_stray_labels
from tests.engine.datasets.pictures import write_picture

HANGUL = "한글 é"


def write(path: Path, text: str = "") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("/d/images/a.jpg", "/d/labels/a.txt"),
        ("/d/images/train/a.b.png", "/d/labels/train/a.b.txt"),
        ("/images/d/images/a.jpg", "/images/d/labels/a.txt"),
        ("/d/photos/a.jpg", "/d/photos/a.txt"),
    ],
)
def test_label_path_is_that_of_ultralytics(image, label):
    assert label_path(image) == label


def test_labels_without_an_image_are_noted(tmp_path):
    image = write_picture(tmp_path / "images/train/a.jpg")
    for name in ("train/a", "train/b", "train/classes", "train/README.note", "other/c"):
        file = tmp_path / "labels" / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    log = RepairLog()
    note_stray_labels([str(image)], [str(tmp_path / "labels")], log)
    assert [(each.kind, each.file) for each in log.repairs] == [
        ("label_without_image", str(tmp_path / "labels/other/c.txt")),
        ("label_without_image", str(tmp_path / "labels/train/b.txt")),
    ]


def test_labels_of_images_that_are_not_in_use_are_no_strays(tmp_path):
    used = write_picture(tmp_path / "images/a.jpg")
    write_picture(tmp_path / "images/b.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/b.txt").write_text("")
    log = RepairLog()
    note_stray_labels([str(used)], [], log)
    assert log.repairs == []


@pytest.mark.parametrize("labels", [[], ["set"], ["store"], ["set", "store"]])
def test_labels_of_linked_images_lie_beside_the_link_or_the_real_folder(tmp_path, labels):
    write(tmp_path / "store/images/a.jpg")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/images").symlink_to(tmp_path / "store/images")
    written = [write(tmp_path / root / "labels/a.txt") for root in labels]
    expected = written[0] if written else str(tmp_path / "set/labels/a.txt")
    assert find_label(str(tmp_path / "set/images/a.jpg")) == expected


def test_labels_beside_the_real_folder_are_no_strays(tmp_path):
    write(tmp_path / "store/images/a.jpg")
    write(tmp_path / "store/labels/a.txt")
    stray = write(tmp_path / "store/labels/b.txt")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/images").symlink_to(tmp_path / "store/images")
    log = RepairLog()
    note_stray_labels([str(tmp_path / "set/images/a.jpg")], [], log)
    assert [each.file for each in log.repairs] == [stray]


@pytest.mark.parametrize(("image", "label"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_labels_are_found_in_any_normal_form(tmp_path, image, label):
    picture = write(tmp_path / "images" / f"{normalize(image, HANGUL)}.jpg")
    text = write(tmp_path / "labels" / f"{normalize(label, HANGUL)}.txt")
    assert find_label(picture) == text
    log = RepairLog()
    note_stray_labels([picture], [str(tmp_path / "labels")], log)
    assert log.repairs == []


@pytest.mark.parametrize(
    "name",
    ["._a.txt", ".ipynb_checkpoints/a.txt", "classes.txt", "labels.txt", "train.txt", "ReadMe.roboflow.txt"],
)
def test_what_tools_leave_beside_labels_is_no_stray(tmp_path, name):
    picture = write(tmp_path / "images/z.jpg")
    write(tmp_path / "labels" / name)
    log = RepairLog()
    note_stray_labels([picture], [str(tmp_path / "labels")], log)
    assert log.repairs == []
