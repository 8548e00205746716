# SPDX-License-Identifier: AGPL-3.0-only
"""Names of splits, exactly, and the choice among those there are."""

import pytest

from engine.datasets.splits import describe_splits, entries_of, split_of, with_split
from engine.errors import DatasetError


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("", None),
        *(
            (name, "train")
            for name in ("train", "Train", "TRAIN", "train2017", "train_2017", "obj_train_data")
        ),
        *((name, "val") for name in ("val", "valid", "Validation", "val2017", "valid-2", "obj_valid_data")),
        *((name, "test") for name in ("test", "TEST", "test2017")),
        *((name, None) for name in ("trains", "train_backup", "training", "valves", "value", "latest")),
        *((name, None) for name in ("test-a", "my_train", "2017", "trainval", "train2017b", "obj_train")),
    ],
)
def test_only_exact_names_are_splits(name, split):
    assert split_of(name) == split


@pytest.mark.parametrize(
    ("splits", "split", "entries"),
    [
        ({"train": ["a"]}, "train", ["a"]),
        ({"train": ["a", "b"], "val": ["c"]}, "val", ["c"]),
        ({"train": ["a", "b"], "val": ["b", "c"]}, "all", ["a", "b", "c"]),
    ],
)
def test_entries(splits, split, entries):
    assert entries_of(splits, split, {}, "set") == entries


@pytest.mark.parametrize(
    ("counts", "split", "there"),
    [
        ({}, "all", "none"),
        ({"train": 1}, "val", r"train \(1 image\)"),
        ({"train": 20, "test": None}, "val", r"train \(20 images\), test \(missing\)"),
    ],
)
def test_a_split_that_is_not_there_is_answered_with_those_that_are(counts, split, there):
    with pytest.raises(
        DatasetError, match=f"set: expected images of the split '{split}', got .* {there}; choose"
    ):
        entries_of({each: [] for each in counts}, split, counts, "set")
    assert describe_splits({}) == "none"


def test_train_goes_without_saying():
    assert [with_split("a", split) for split in ("train", "val", "all")] == ["a", "a-val", "a-all"]
