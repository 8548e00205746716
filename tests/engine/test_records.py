# SPDX-License-Identifier: AGPL-3.0-only
"""What records count and how they become JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from engine.records import Dataset, Evaluation, ImageRecord, Interval, Repair, Scores


def image(*classes: int) -> ImageRecord:
    boxes = np.zeros((len(classes), 4), dtype=np.float32)
    return ImageRecord(
        path="a.jpg", width=8, height=8, boxes_xyxy_px=boxes, class_ids=np.array(classes, dtype=np.int64)
    )


@pytest.mark.parametrize(
    ("classes", "class_id", "count"),
    [
        ((), None, 0),
        ((), 0, 0),
        ((0, 1, 0), None, 3),
        ((0, 1, 0), 0, 2),
        ((), (0, 1), 0),
        ((0, 1, 2), (), 0),
        ((0, 1, 2, 0), (0, 2), 3),
    ],
)
def test_objects_are_counted(classes: tuple, class_id: int | tuple | None, count: int) -> None:
    assert image(*classes).count(class_id) == count


@pytest.mark.parametrize(
    ("images", "kinds", "counts", "repairs"),
    [
        ((), (), [], {}),
        ((image(), image(0, 1)), ("a", "b", "b"), [0, 2], {"b": 2, "a": 1}),
    ],
)
def test_a_dataset_is_counted(images: tuple, kinds: tuple, counts: list, repairs: dict) -> None:
    found = tuple(Repair(kind=kind, file="f", line=None, action="left out") for kind in kinds)
    dataset = Dataset(name="d", source="s", class_names=("x", "y"), images=images, repairs=found)
    assert dataset.object_counts() == counts
    assert dataset.object_counts(1) == [min(count, 1) for count in counts]
    assert list(dataset.repair_counts().items()) == list(repairs.items())


def test_a_repair_counts_as_often_as_it_was_made() -> None:
    repairs = (
        Repair(kind="a", file="f", line=1, action="left out"),
        Repair(kind="b", file="f", line=None, action="ignored", times=40),
    )
    dataset = Dataset(name="d", source="s", class_names=(), images=(), repairs=repairs)
    assert list(dataset.repair_counts().items()) == [("b", 40), ("a", 1)]


def scores(value: float) -> Scores:
    names = Scores.__dataclass_fields__
    return Scores(**dict.fromkeys(names, Interval(value=value, low=0.0, high=math.nan)))


def test_numbers_that_json_lacks_become_null() -> None:
    found = scores(math.nan).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["asr"] is None
    assert found["ci95"]["asr"] == [0.0, None]


def test_an_evaluation_names_patch_controls_and_settings() -> None:
    found = Evaluation(patch=scores(0.5), controls={"grey": scores(0.25)}, settings={"seed": 0}).to_json()
    assert (found["patch"]["ap50"], found["controls"]["grey"]["ap50"], found["settings"]) == (
        0.5,
        0.25,
        {"seed": 0},
    )
