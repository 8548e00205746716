# SPDX-License-Identifier: AGPL-3.0-only
"""Where images lie: layouts of YOLO folders and list files."""

import pytest

from engine.datasets.folders import collect_images, find_split
from engine.errors import DatasetError


def lay(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


@pytest.mark.parametrize(
    ("files", "split", "folders"),
    [
        ([], "train", None),
        (["notes/a.txt"], "train", None),
        (["images/a.jpg"], "train", ["images"]),
        (["images/deep/er/a.jpg"], "train", ["images"]),
        (["a.jpg", "a.txt"], "train", [""]),
        (["images/train2017/a.jpg", "images/val2017/b.jpg"], "train", ["images/train2017"]),
        (["images/train2017/a.jpg", "images/val2017/b.jpg"], "val", ["images/val2017"]),
        (["train/images/a.jpg", "valid/images/b.jpg"], "val", ["valid/images"]),
        (["images/test-a/a.jpg", "images/test-b/b.jpg"], "test", ["images/test-a", "images/test-b"]),
    ],
)
def test_layouts(tmp_path, files, split, folders):
    lay(tmp_path, *files)
    assert find_split(tmp_path, split) == (folders and [tmp_path / folder for folder in folders])


@pytest.mark.parametrize(
    ("files", "splits"),
    [(["images/a.jpg"], "train"), (["images/train/a.jpg", "images/test/a.jpg"], "test, train")],
)
def test_a_split_that_is_not_there_is_named(tmp_path, files, splits):
    lay(tmp_path, *files)
    with pytest.raises(DatasetError, match=f"images of the split 'val', got the splits {splits}; choose"):
        find_split(tmp_path, "val")


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
    assert files.label_folders == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a folder of images or a list of them, got no such file"),
        (b"", "expected images .*, got none; check the path"),
        (b"\xff\xfe\x00", "expected a text file of image paths, got one not readable"),
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
