# SPDX-License-Identifier: AGPL-3.0-only
"""What a patch changed, counted and drawn."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dashboard.services.marks import MARKS, changes, focus, marked, marks_of, scores_of

A, B, C = [10.0, 10.0, 40.0, 60.0], [50.0, 10.0, 90.0, 60.0], [5.0, 70.0, 30.0, 95.0]


def found(box: list[float], *, appeared: bool = False, matched: bool = True) -> dict[str, Any]:
    kind = {"matched": matched and not appeared, "hallucination": appeared, "appeared": appeared}
    return {"box": box, "score": 0.9, "class_name": "person", **kind}


def thing(box: list[float], *, before: bool, after: bool) -> dict[str, Any]:
    return {"box": box, "before": before, "after": after, "vanished": before and not after}


EMPTY: dict[str, Any] = {"objects": [], "before": {"found": []}, "after": {"found": []}}
IMAGE: dict[str, Any] = {
    "objects": [thing(A, before=True, after=False), thing(B, before=False, after=False)],
    "before": {"found": [found(A), found([11.0, 10.0, 40.0, 60.0], matched=False)]},
    "after": {"found": [found(C, appeared=True)]},
}


@pytest.mark.parametrize(
    ("image", "side", "expected"),
    [
        (EMPTY, "before", []),
        (EMPTY, "after", []),
        (IMAGE, "before", [("missed", tuple(B)), ("found", tuple(A))]),
        (IMAGE, "after", [("missed", tuple(B)), ("vanished", tuple(A)), ("appeared", tuple(C))]),
    ],
)
def test_each_box_has_its_mark(image: dict[str, Any], side: str, expected: list[Any]) -> None:
    assert marks_of(image, side) == expected


def test_scores_are_those_of_the_boxes_that_are_drawn() -> None:
    assert scores_of(EMPTY, "after") == []
    assert scores_of(IMAGE, "before") == [("0.90", tuple(A))]
    assert scores_of(IMAGE, "after") == [("0.90", tuple(C))]


def test_a_score_is_written_above_its_box() -> None:
    low = (20.0, 50.0, 80.0, 90.0)
    touched = np.abs(pixels(marked(picture(), [], scores=[("0.90", low)])) - 90).max(axis=2) > 60
    assert touched[30:50, 20:60].any()
    assert not touched[52:].any()
    part = (10.0, 25.0, 60.0, 75.0)  # twice as large
    enlarged = np.abs(pixels(marked(picture(), [], part, [("0.90", low)])) - 90).max(axis=2) > 60
    assert enlarged[30:50, 20:60].any()
    assert not enlarged[52:].any()


def test_changes_are_counted() -> None:
    assert changes([]) == (0, 0, 0)
    assert changes([IMAGE, EMPTY, IMAGE]) == (2, 2, 2)


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (100, 100), (90, 90, 90)).save(file, format="PNG")
    return file.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)), dtype=int)


def test_without_marks_a_picture_is_as_it_was() -> None:
    assert abs(pixels(marked(picture(), [])) - 90).max() <= 2


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_is_drawn_on_its_box_and_its_sign_below_it(mark: str) -> None:
    """The patch lies within the box, and an object at the picture's edge has its sign all the same."""
    for bottom in (80.0, 99.0):
        drawn = abs(pixels(marked(picture(), [(mark, (20.0, 20.0, 80.0, bottom))])) - 90).max(axis=2) > 40
        assert drawn[20, 22:30].any()
        assert drawn[22:78, 80].any()
        assert not drawn[25:75, 25:75].any()
        assert not drawn[:10].any()
        sign = drawn[84:98, 68:82] if bottom < 90 else drawn[85:95, 68:76]
        assert sign.any() == bool(MARKS[mark][2])


def test_signs_are_drawn_as_lines() -> None:
    """A cross has its arms at the corners, a plus in the middle of its sides."""
    for mark, corners in (("vanished", True), ("appeared", False)):
        drawn = pixels(marked(picture(), [(mark, (20.0, 20.0, 80.0, 80.0))]))
        colour = np.array([int(MARKS[mark][0][place : place + 2], 16) for place in (1, 3, 5)])
        alike = abs(drawn - colour).max(axis=2) < 60
        assert alike[87, 71] == corners
        assert alike[91, 71] != corners
        assert alike[91, 75]


def test_marks_differ_in_more_than_their_colour() -> None:
    assert len({(dash, sign) for _colour, dash, sign in MARKS.values()}) == len(MARKS)
    whole = pixels(marked(picture(), [("found", (20.0, 20.0, 80.0, 80.0))]))
    dashed = pixels(marked(picture(), [("vanished", (20.0, 20.0, 80.0, 80.0))]))
    touched = [(abs(each - 90).max(axis=2) > 40)[20, 45:75].mean() for each in (whole, dashed)]
    assert touched[0] == 1
    assert 0.2 < touched[1] < 0.8


@pytest.mark.parametrize(
    ("objects", "part"),
    [
        ([], None),
        ([thing(A, before=True, after=True), thing(C, before=True, after=False)], (0, 57.5, 85, 100)),
        ([thing([90.0, 40.0, 110.0, 50.0], before=True, after=True)], (70, 30, 130, 60)),
        ([thing([0.0, 0.0, 100.0, 100.0], before=True, after=False)], None),
    ],
)
def test_the_focus_is_on_what_vanished(objects: list[Any], part: Any) -> None:
    """It has the picture's shape, and lies within."""
    found = focus({"objects": objects, "width": 200, "height": 100})
    assert found == (None if part is None else pytest.approx(part))


def test_a_part_is_as_wide_as_the_picture() -> None:
    drawn = pixels(marked(picture(), [("found", (20.0, 15.0, 50.0, 30.0))], (10.0, 10.0, 60.0, 35.0)))
    assert drawn.shape == (50, 100, 3)
    touched = abs(drawn - 90).max(axis=2) > 40
    assert touched[25, 20]
    assert touched[10, 50]
    assert not touched[15:35, 25:75].any()
