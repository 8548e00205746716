# SPDX-License-Identifier: AGPL-3.0-only
"""Ultralytics data files: names, splits and paths as Ultralytics reads them."""

import pytest

from engine.datasets.datafile import read_data_file
from engine.errors import DatasetError


def write(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "data.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("train: a", None),
        ("names: []", ()),
        ("names: [cat, dog]", ("cat", "dog")),
        ("names: {0: cat, 1: dog}", ("cat", "dog")),
        ("names: {'2': cat, 0: dog}", ("dog", "", "cat")),
        ("names: [cat, 7]\nnc: 2", ("cat", "7")),
        ("nc: 2", ("class_0", "class_1")),
    ],
)
def test_names_are_a_list_a_mapping_or_a_count(tmp_path, text, names):
    assert read_data_file(write(tmp_path, text)).class_names == names


@pytest.mark.parametrize(
    ("text", "there", "split", "entries"),
    [
        ("train: images", ["images"], "train", ["images"]),
        ("train: [one, two]", ["one", "two"], "train", ["one", "two"]),
        ("path: sub\nval: images", ["sub/images"], "val", ["sub/images"]),
        ("path: elsewhere\nval: images", ["images"], "val", ["images"]),
        ("validation: v", ["v"], "val", ["v"]),
        ("train: ../train/images", ["train/images"], "train", ["train/images"]),
    ],
)
def test_entries_are_found(tmp_path, text, there, split, entries):
    for folder in there:
        (tmp_path / folder).mkdir(parents=True)
    assert read_data_file(write(tmp_path, text)).entries(split) == [tmp_path / entry for entry in entries]


def test_path_may_be_absolute_or_relative_to_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "work/set/images").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    for root in ("set", tmp_path / "work/set"):
        data = read_data_file(write(tmp_path / "files", f"path: {root}\ntrain: images"))
        assert data.entries("train") == [tmp_path / "work/set/images"]


@pytest.mark.parametrize(
    ("text", "shape"),
    [("nc: 1", None), ("kpt_shape:", None), ("kpt_shape: [17, 3]", (17, 3)), ("kpt_shape: [0, 2]", (0, 2))],
)
def test_the_shape_of_keypoints_is_read(tmp_path, text, shape):
    assert read_data_file(write(tmp_path, text)).keypoints == shape


def test_missing_splits_and_folders_are_named(tmp_path):
    data = read_data_file(write(tmp_path, "path: set\ntrain: images\ntest: t"))
    with pytest.raises(DatasetError, match=r"expected the split 'val', got .* the splits train, test"):
        data.entries("val")
    with pytest.raises(DatasetError, match=f"expected 'images' at {tmp_path}/set/images, .*got nothing"):
        data.entries("train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got no mapping"),
        ("- a", "got no mapping"),
        ("a: [", "got an unreadable one"),
        ("a: !!python/object/apply:os.getcwd []", "got an unreadable one"),
        ("names: cat", "expected `names` as a list"),
        ("names: {cat: 0}", "expected `names` as a list"),
        ("names: {-1: cat}", "expected `names` as a list"),
        ("names: {99999999: cat}", "expected `names` as a list"),
        ("nc: many", "expected `names` as a list"),
        ("train: 3", "expected `train` to be a path or a list of paths, got 3"),
        ("train: [3]", "expected `train` to be a path"),
        ("path: [a]", "expected `path` to be text"),
        ("kpt_shape: 17", "expected `kpt_shape` as .*, got '17'"),
        ("kpt_shape: [17, 4]", "expected `kpt_shape`"),
        ("kpt_shape: [-1, 2]", "expected `kpt_shape`"),
    ],
)
def test_other_forms_are_refused_in_one_line(tmp_path, text, message):
    file = write(tmp_path, text)
    with pytest.raises(DatasetError, match=message) as raised:
        read_data_file(file)
    assert str(raised.value).startswith(f"{file}: expected")
    assert "\n" not in str(raised.value)
