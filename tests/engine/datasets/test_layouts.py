# SPDX-License-Identifier: AGPL-3.0-only
"""Layouts of folders, told by paths: splits, none, further down, several."""

import pytest

from engine.datasets.layouts import layout_of


@pytest.mark.parametrize(
    ("images", "root", "splits"),
    [
        (["images/a"], "", {"train": ["images"]}),
        (["images/deep/er/a"], "", {"train": ["images"]}),
        (["a", "b"], "", {"train": [""]}),
        (["one/a", "two/b"], "", {"train": [""]}),
        (
            ["images/train2017/a", "images/val2017/b"],
            "",
            {"train": ["images/train2017"], "val": ["images/val2017"]},
        ),
        (["train/images/a", "valid/images/b"], "", {"train": ["train/images"], "val": ["valid/images"]}),
        (["Train/a", "TEST/b"], "", {"train": ["Train"], "test": ["TEST"]}),
        (
            ["obj_train_data/a", "obj_valid_data/b"],
            "",
            {"train": ["obj_train_data"], "val": ["obj_valid_data"]},
        ),
        (["images/test1/a", "images/test2/b"], "", {"test": ["images/test1", "images/test2"]}),
        # Names that only begin like a split's are none.
        (["images/trains/a", "images/valves/b"], "", {"train": ["images"]}),
        (["train/images/a", "train_backup/images/b"], "", {"train": ["train/images"]}),
        (["images/train/a", "images/train_backup/b"], "", {"train": ["images/train"]}),
        # A project further down.
        (["p/train/images/a", "p/val/images/b"], "p", {"train": ["p/train/images"], "val": ["p/val/images"]}),
        (["x/p/images/val/a", "docs/b", "c"], "x/p", {"val": ["x/p/images/val"]}),
        (["p/images/a"], "p", {"train": ["p/images"]}),
        (["one/images/a", "two/images/b"], "", {"train": [""]}),
        (["p/images/a", "b"], "", {"train": [""]}),
    ],
)
def test_layouts(images, root, splits):
    layout = layout_of(images)
    assert layout.root == root
    assert {split: [*folders] for split, folders in layout.splits.items()} == splits
    assert layout.others == ()


def test_nothing_has_no_layout():
    assert layout_of([]) is None


def test_images_are_counted_by_split():
    layout = layout_of(["p/train/images/a", "p/train/images/x/b", "p/val/c", "p/other/d"])
    assert layout.counts == {"train": 2, "val": 1}


@pytest.mark.parametrize(
    ("images", "known"), [(["a"], True), (["images/a"], True), (["one/a"], False), (["one/a", "b"], False)]
)
def test_whether_names_say_what_folders_hold(images, known):
    assert layout_of(images).known is known


def test_several_datasets_are_told_apart():
    layout = layout_of(["b/train/1", "a/images/val/2", "c/3"])
    assert (layout.root, layout.others) == ("a", ("b",))


def test_folders_without_end_are_one_dataset():
    assert layout_of(["x/" * 5000 + "train/a"]).splits == {"train": ("",)}
