# SPDX-License-Identifier: AGPL-3.0-only
"""Repair of boxes, as a table."""

import numpy as np
import pytest

from engine.datasets.annotations import REPAIR_KINDS, RawBox, RepairLog, empty_boxes, repair_boxes


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


def test_every_kind_is_described_in_one_sentence():
    assert all(text.endswith(".") and text.count(".") == 1 for text in REPAIR_KINDS.values())


def test_file_names_that_are_no_text_can_be_stored():
    log = RepairLog()
    log.add("missing_image", "a\udcff.jpg", None, "left out")
    assert log.repairs[0].file == "a\\udcff.jpg"
