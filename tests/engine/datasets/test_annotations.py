# SPDX-License-Identifier: AGPL-3.0-only
"""Repair of boxes, as a table."""

import numpy as np
import pytest

from engine.datasets.annotations import (
    REPAIR_KINDS,
    RawBox,
    RepairLog,
    distinct_names,
    empty_boxes,
    repair_boxes,
    repair_words,
)


def repair(*raw, classes=range(2)):
    log = RepairLog()
    boxes, class_ids = repair_boxes(raw, width=100, height=50, classes=classes, file="a.txt", log=log)
    assert boxes.dtype == np.float32
    assert boxes.shape == (len(class_ids), 4)
    assert class_ids.dtype == np.int64
    return boxes.tolist(), class_ids.tolist(), [(each.kind, each.line) for each in log.repairs]


def raw(*corners, class_id=0, line=1, key=None):
    return RawBox(line, class_id, corners, key or (class_id, *corners))


def test_no_boxes_are_an_image_without_objects():
    assert repair() == ([], [], [])
    boxes, class_ids = empty_boxes()
    assert boxes.shape == (0, 4)
    assert class_ids.shape == (0,)


@pytest.mark.parametrize(
    ("corners", "expected", "kinds"),
    [
        ((10, 10, 20, 30), (10, 10, 20, 30), []),
        ((0, 0, 100, 50), (0, 0, 100, 50), []),
        ((20, 10, 10, 30), (10, 10, 20, 30), ["swapped_corners"]),
        ((20, 30, 10, 10), (10, 10, 20, 30), ["swapped_corners"]),
        ((-5, 10, 20, 30), (0, 10, 20, 30), ["clipped_box"]),
        ((10, 10, 120, 80), (10, 10, 100, 50), ["clipped_box"]),
        ((120, 10, 90, 30), (90, 10, 100, 30), ["swapped_corners", "clipped_box"]),
        ((-1e308, 10, float("inf"), 30), (0, 10, 100, 30), ["clipped_box"]),
        ((-0.005, 10, 100.005, 30), (0, 10, 100, 30), []),  # rounding of the labels
        ((10, 10, 10, 30), None, ["empty_box"]),
        ((10, 10, 20, 10.001), None, ["empty_box"]),
        ((10, 10, 20, 10.5), None, ["tiny_box"]),
        ((99.1, 10, 120, 30), None, ["tiny_box"]),
        ((10, 10, 11, 11), (10, 10, 11, 11), []),
        ((120, 10, 130, 30), None, ["empty_box"]),
        ((-20, 10, 0, 30), None, ["empty_box"]),
    ],
)
def test_corners_are_put_right(corners, expected, kinds):
    boxes, _, found = repair(raw(*corners, line=7))
    assert boxes == ([list(expected)] if expected else [])
    assert found == [(kind, 7) for kind in kinds]


def test_unknown_classes_and_duplicates_are_left_out():
    good, other = (10, 10, 20, 30), (1, 1, 9, 9)
    boxes, class_ids, found = repair(
        raw(*good, line=1),
        raw(*good, line=2),
        raw(*good, line=3, class_id=1),
        raw(*other, line=4, class_id=2),
        raw(*other, line=5, class_id=-1),
    )
    assert (boxes, class_ids) == ([list(good)] * 2, [0, 1])
    assert found == [("duplicate_label", 2), ("unknown_class", 4), ("unknown_class", 5)]


def test_classes_may_have_gaps():
    assert repair(raw(1, 1, 9, 9, class_id=5), classes={1, 5})[1] == [5]


def test_every_kind_has_words_and_a_short_text():
    for kind, (words, sentence) in REPAIR_KINDS.items():
        assert sentence.endswith(".")
        assert sentence.count(".") <= 2
        assert "_" not in words
        assert not words.endswith(".")
        assert repair_words(kind) == words
    assert len({kind.words for kind in REPAIR_KINDS.values()}) == len(REPAIR_KINDS)


def test_a_kind_of_another_version_has_words_too():
    assert repair_words("bent_box") == "bent box"


def test_what_is_the_same_all_over_a_dataset_is_one_entry():
    log = RepairLog()
    for file, times in (("a.txt", 3), ("b.txt", 1), ("c.txt", 2)):
        log.tally("ignored_keypoints", file, "ignored 51 numbers", times)
        log.add("clipped_box", file, 1, "cut")
    log.tally("ignored_keypoints", "d.txt", "ignored 34 numbers")
    assert [(each.kind, each.file, each.line, each.times) for each in log.repairs] == [
        ("ignored_keypoints", "a.txt", None, 6),
        ("clipped_box", "a.txt", 1, 1),
        ("clipped_box", "b.txt", 1, 1),
        ("clipped_box", "c.txt", 1, 1),
        ("ignored_keypoints", "d.txt", None, 1),
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), ()),
        (("", "person", "", "car"), ("", "person", "", "car")),
        (("person", "car", "person"), ("person", "car", "person (2)")),
        (("person", "person", "person"), ("person", "person (2)", "person (3)")),
        (("person", "person", "person (2)"), ("person", "person (3)", "person (2)")),
    ],
)
def test_each_class_has_a_name_of_its_own(names, expected):
    log = RepairLog()
    assert distinct_names(names, "data.yaml", log) == expected
    changed = sum(old != new for old, new in zip(names, expected, strict=True))
    assert [(each.kind, each.file) for each in log.repairs] == [("repeated_name", "data.yaml")] * changed


def test_file_names_that_are_no_text_can_be_stored():
    log = RepairLog()
    log.add("missing_image", "a\udcff.jpg", None, "skipped")
    assert log.repairs[0].file == "a\\udcff.jpg"
