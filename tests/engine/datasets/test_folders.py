# SPDX-License-Identifier: AGPL-3.0-only
"""Where images lie: layouts of YOLO folders and list files."""

import pytest

from engine.datasets.folders import collect_images, find_layout
from engine.errors import DatasetError
from tests.engine.datasets.test_files import lay


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        ([], None),
        (["notes/a.txt"], None),
        ([".hidden/a.jpg", "@eaDir/b.jpg"], None),
        (["images/a.jpg", "images/.ipynb_checkpoints/a-checkpoint.jpg"], {"train": ("images",)}),
        (["train/images/a.jpg", "val/images/b.png"], {"train": ("train/images",), "val": ("val/images",)}),
    ],
)
def test_layouts_of_folders(tmp_path, files, splits):
    lay(tmp_path, *files)
    layout = find_layout(tmp_path)
    assert (layout and layout.splits) == splits


def test_overlapping_folders_give_each_image_once(tmp_path):
    lay(tmp_path, "images/train/a.jpg", "images/b.jpg")
    (tmp_path / "images/val").symlink_to(tmp_path / "images/train")
    files = collect_images(
        [tmp_path / f"images/{split}" for split in ("train", "val")] + [tmp_path / "images"]
    )
    assert files.paths == tuple(str(tmp_path / "images" / name) for name in ("b.jpg", "train/a.jpg"))


def test_folders_are_walked_and_sorted(tmp_path):
    lay(tmp_path, "images/b.JPG", "images/z/a.png", "images/notes.txt", "images/a.webp")
    files = collect_images([tmp_path / "images"])
    assert files.paths == tuple(str(tmp_path / "images" / name) for name in ("a.webp", "b.JPG", "z/a.png"))
    assert files.label_folders == (str(tmp_path / "labels"),)


def test_list_files_name_images_beside_them_or_from_the_working_folder(tmp_path, monkeypatch):
    lay(tmp_path, "lists/images/a.jpg", "work/b.jpg", "c.jpg")
    monkeypatch.chdir(tmp_path / "work")
    listing = tmp_path / "lists" / "train.txt"
    lines = ["./images/a.jpg", "", "b.jpg", f"{tmp_path}/c.jpg", "images/gone.jpg"]
    listing.write_text("\ufeff" + "\r\n".join(lines))
    files = collect_images([listing])
    expected = ["c.jpg", "lists/images/a.jpg", "lists/images/gone.jpg", "work/b.jpg"]
    assert files.paths == tuple(str(tmp_path / name) for name in expected)
    assert (files.label_folders, files.notes) == ((), ())


def test_images_found_by_the_ends_of_a_list_are_said(tmp_path):
    lay(tmp_path, "images/a.jpg")
    (tmp_path / "train.txt").write_text("/gone/images/a.jpg\n")
    files = collect_images([tmp_path / "train.txt"])
    assert files.paths == (str(tmp_path / "images/a.jpg"),)
    assert files.notes == ("images that train.txt lists elsewhere were found next to it",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a folder of images or a list of them, found neither"),
        (b"", "expected images .*, got none; check the path"),
    ],
)
def test_unusable_lists_are_named(tmp_path, content, message):
    file = tmp_path / "train.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DatasetError, match=message) as raised:
        collect_images([file])
    assert str(file) in str(raised.value)


def test_a_list_that_no_memory_holds_is_not_read(tmp_path):
    with open(tmp_path / "list.txt", "wb") as sparse:
        sparse.truncate(2**40)
    with pytest.raises(DatasetError, match=r"expected a text file of image paths, .* larger than 256 MiB"):
        collect_images([tmp_path / "list.txt"])
