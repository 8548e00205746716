# SPDX-License-Identifier: AGPL-3.0-only
"""Default names: after the file or folder that says something, and a number where one is taken."""

from pathlib import Path

import pytest

from engine.datasets.names import annotation_split, default_name, free_name


@pytest.mark.parametrize(
    ("file", "split"),
    [
        ("signs.json", None),
        ("_annotations.coco.json", None),
        ("train_backup.json", None),
        ("x/instances_train2017.json", "train"),
        ("val.json", "val"),
        ("annotations_test.json", "test"),
        ("valid_annotations.coco.json", "val"),
        ("train/_annotations.coco.json", "train"),
        ("val/instances_train2017.json", "train"),
    ],
)
def test_the_split_of_an_annotation_file(file, split):
    assert annotation_split(Path("/set") / file) == split


@pytest.mark.parametrize(
    ("path", "split", "name"),
    [
        ("/photos/streets.yaml", "train", "streets"),
        ("/photos/streets.yaml", "val", "streets-val"),
        ("/photos/data.yaml", "train", "photos"),
        ("/photos/dataset.yaml", "all", "photos-all"),
        ("/photos/train.yaml", "train", "photos"),
        ("/photos/coco.yaml", "train", "coco"),
        ("/data.yaml", "train", "data"),
        ("/photos/signs.json", "train", "signs"),
        ("/photos/_annotations.coco.json", "train", "photos"),
        ("/photos/coco.json", "train", "photos"),
        ("/photos/valid/_annotations.coco.json", "train", "photos-val"),
        ("/photos/train/_annotations.coco.json", "train", "photos"),
        ("/photos/annotations/instances_val2017.json", "train", "photos-val"),
        ("/photos/annotations/instances_default.json", "train", "photos"),
        ("/photos/train_backup.json", "train", "train_backup"),
    ],
)
def test_names_of_files(path, split, name):
    assert default_name(Path(path), split) == name


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("photos", "photos"),
        ("photos/images", "photos"),
        ("photos/images/val", "photos-val"),
        ("a/data", "data"),
    ],
)
def test_names_of_folders(tmp_path, folder, name):
    (tmp_path / folder).mkdir(parents=True)
    assert default_name(tmp_path / folder) == name


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ({}, "photos"),
        ({"other": "/a"}, "photos"),
        ({"photos": "/a"}, "photos"),
        ({"photos": "/b"}, "photos-2"),
        ({"photos": "/b", "photos-2": "/c"}, "photos-3"),
        ({"photos": "/b", "photos-2": "/a"}, "photos-2"),
        ({"photos-2": "/a"}, "photos-2"),
        ({"photos-val": "/a", "photos": "/b"}, "photos-2"),
        ({"photos": "/a/data.yaml"}, "photos"),  # a data file and its folder are one source
        ({"photos": "/a/data.json"}, "photos-2"),
    ],
)
def test_a_name_is_free_or_the_sources_own(taken, name):
    assert free_name("photos", "/a", taken) == name


def test_two_data_files_of_a_folder_are_two_sources():
    assert free_name("photos", "/a/data.yaml", {"photos": "/a/dataset.yaml"}) == "photos-2"
    assert free_name("photos", "/a/data.yaml", {"photos": "/a"}) == "photos"
