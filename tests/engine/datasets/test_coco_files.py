# SPDX-License-Identifier: AGPL-3.0-only
"""Image files found by the names that COCO JSON gives them."""

import os
import unicodedata

import pytest

from engine.datasets.coco_files import ImageFolder, find_folder
from engine.errors import DatasetError


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "images"
    for name in (
        "a.jpg",
        "b c.jpg",
        "train/d.jpg",
        "val/d.jpg",
        "train/deep/e.jpg",
        "거리.jpg",
        ".trash/f.jpg",
    ):
        path = root / unicodedata.normalize("NFD", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "g.jpg").touch()
    return ImageFolder(root)


def test_an_empty_folder_has_nothing(tmp_path):
    folder = ImageFolder(tmp_path)
    assert not folder.has("a.jpg")
    assert folder.search("a.jpg") == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.jpg", ["a.jpg"]),
        ("images\\a.jpg", ["a.jpg"]),
        ("C:\\Users\\other\\images\\a.jpg", ["a.jpg"]),
        ("C:a.jpg", ["a.jpg"]),
        ("/home/other/data/a.jpg", ["a.jpg"]),
        ("../../upload/a.jpg", ["a.jpg"]),
        ("http://host/data/a.jpg", ["a.jpg"]),
        ("b%20c.jpg", ["b c.jpg"]),
        ("x/b%20c.jpg", ["b c.jpg"]),
        ("e.jpg", ["train/deep/e.jpg"]),
        ("/data/deep/e.jpg", ["train/deep/e.jpg"]),
        ("d.jpg", ["train/d.jpg", "val/d.jpg"]),
        ("other/d.jpg", ["train/d.jpg", "val/d.jpg"]),
        ("other/val/d.jpg", ["val/d.jpg"]),
        ("거리.jpg", [unicodedata.normalize("NFD", "거리.jpg")]),
        ("f.jpg", []),
        ("../g.jpg", []),
        ("g.jpg", []),
        ("", []),
        ("..", []),
        ("none.jpg", []),
    ],
)
def test_the_longest_end_of_a_path_finds_the_file(folder, name, found):
    assert folder.search(name) == [str(folder.root / each) for each in found]


def test_what_links_lead_to_outside_is_not_found(folder, tmp_path):
    os.symlink(tmp_path / "g.jpg", folder.root / "h.jpg")
    assert folder.search("x/h.jpg") == []


@pytest.mark.parametrize("name", ["a\0.jpg", "x" * 5000, "\ud800.jpg"])
def test_names_that_no_file_can_have_are_not_there(folder, name):
    assert not folder.has(name)
    assert folder.search(name) == []


@pytest.mark.parametrize("name", ["C:\\x\\a.jpg", "/home/x/images/a.jpg", "deep/e.jpg", "../../d/e.jpg"])
def test_the_folder_is_found_by_names_from_elsewhere(folder, tmp_path, name):
    assert find_folder(tmp_path / "annotations.json", [name], None).root == folder.root
    assert find_folder(tmp_path / "annotations.json", [name], folder.root).root == folder.root


def test_nothing_is_searched_below_folders_of_other_things(folder, tmp_path):
    (tmp_path / "notes/old").mkdir(parents=True)
    (tmp_path / "notes/old/z.jpg").touch()
    with pytest.raises(
        DatasetError, match=r"expected the image 'x/z.jpg' in one of .* name the image folder"
    ):
        find_folder(tmp_path / "notes/annotations.json", ["x/z.jpg"], None)
