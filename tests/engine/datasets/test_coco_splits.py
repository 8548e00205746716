# SPDX-License-Identifier: AGPL-3.0-only
"""Annotation files of a folder: recognised, sorted by split, read together."""

import json

import pytest

from engine.datasets.coco_splits import coco_splits, count_images, is_coco, read_coco_files
from engine.errors import DatasetError
from tests.engine.datasets.pictures import write_picture


def write_coco(file, *pictures, categories=("person",)):
    """An annotation file with a box of the last category on each picture, and the pictures beside it."""
    images = [{"id": number, "file_name": name} for number, name in enumerate(pictures)]
    last = len(categories) - 1
    boxes = [
        {"id": each["id"], "image_id": each["id"], "category_id": last, "bbox": [1, 1, 20, 20], "iscrowd": 0}
        for each in images
    ]
    named = [{"id": number, "name": name} for number, name in enumerate(categories) if name]
    for name in pictures:
        write_picture(file.parent / name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"images": images, "annotations": boxes, "categories": named}))
    return file


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", False),
        ("{}", False),
        ('{"images": [], "annotations": []}', False),
        ('{"images": [], "annotations": [], "categories": []}', True),
        ('{"categories": [], "images": [], "annotations": [', True),  # damaged: reading it says so
    ],
)
def test_coco_is_told_by_its_lists(tmp_path, content, expected):
    (tmp_path / "a.json").write_text(content)
    assert is_coco(tmp_path / "a.json") is expected
    assert is_coco(tmp_path) is False


def test_images_are_counted(tmp_path):
    assert count_images(write_coco(tmp_path / "a.json")) == 0
    assert count_images(write_coco(tmp_path / "a.json", "a.jpg", "b.jpg")) == 2


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        (["signs.json"], {"train": ["signs.json"]}),
        (["instances_val2017.json"], {"val": ["instances_val2017.json"]}),
        (
            ["test/_annotations.coco.json", "train/_annotations.coco.json", "valid/_annotations.coco.json"],
            {
                "train": ["train/_annotations.coco.json"],
                "val": ["valid/_annotations.coco.json"],
                "test": ["test/_annotations.coco.json"],
            },
        ),
        (
            ["instances_train2014.json", "instances_train2017.json", "person_keypoints_val2017.json"],
            {"train": ["instances_train2014.json", "instances_train2017.json"]},
        ),
        (["train.json", "backup.json"], {"train": ["train.json"]}),
    ],
)
def test_files_are_sorted_by_split(tmp_path, files, splits):
    found = coco_splits([tmp_path / file for file in files])
    assert found == {split: tuple(tmp_path / file for file in each) for split, each in splits.items()}


def test_several_files_of_no_split_are_refused(tmp_path):
    with pytest.raises(
        DatasetError, match=r"expected one COCO JSON, or one per split .*, got a\.json, b\.json"
    ):
        coco_splits([tmp_path / "b.json", tmp_path / "a.json"])


def test_several_files_are_one_dataset(tmp_path):
    files = [
        write_coco(tmp_path / "train/a.json", "a.jpg", categories=("", "person")),
        write_coco(tmp_path / "val/b.json", "b.jpg", "../train/a.jpg", categories=("", "person", "car")),
    ]
    dataset = read_coco_files(files, name="d")
    assert (dataset.name, dataset.class_names) == ("d", ("", "person", "car"))
    assert [image.class_ids.tolist() for image in dataset.images] == [[1], [2]]
    assert dataset.repair_counts() == {"duplicate_image": 1}


def test_an_image_of_two_files_is_read_once(tmp_path):
    files = [write_coco(tmp_path / name, "a.jpg") for name in ("train.json", "val.json")]
    dataset = read_coco_files(files, name="d")
    assert dataset.object_counts() == [1]
    assert dataset.repair_counts() == {"duplicate_image": 1}


def test_files_that_number_classes_otherwise_are_refused(tmp_path):
    files = [
        write_coco(tmp_path / "train.json", "a.jpg", categories=("person",)),
        write_coco(tmp_path / "val.json", "b.jpg", categories=("car",)),
    ]
    with pytest.raises(DatasetError, match="got 'car' for the ID 0, which is 'person' there"):
        read_coco_files(files, name="d")
