# SPDX-License-Identifier: AGPL-3.0-only
"""Interpretation of the numbers in YOLO label lines, decided for a dataset as a whole. No torch.

A line of five numbers is a box. A longer one is an outline, or a box followed by keypoints, a confidence or
a track id. A single line may fit both; therefore all lines of one length are interpreted together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from engine.datasets.label_lines import EXPECTED, FaultyLine, LabelLine
from engine.errors import DatasetError

LARGEST_SHARE = 2.0  # a larger coordinate is not normalised, even for a box partly outside the image
_EDGE = 0.02  # how far a valid box may exceed the image, relative to its size
_SLACK = 0.1  # how far a keypoint may exceed its box, relative to the box
_INSIDE = 0.8  # minimum share of keypoints inside their box
_MOST_POINTS = 300  # longer outlines are not checked for crossings: keypoints are never so many
_ALL_JUDGED = 1000  # lines of one length to examine; beyond that, every 16th


class KeypointShape(NamedTuple):
    """`kpt_shape` of a data file: keypoints per object, numbers per keypoint (2, or 3 with visibility)."""

    keypoints: int
    numbers: int


class Reading(NamedTuple):
    """The interpretation of lines of one length.

    Attributes:
        outline: whether the numbers after the class are points of an outline, not a box.
        ignored: the kind of repair that reports numbers after the box; "" if there are none.
        fault: why the lines cannot be read; "" if they can.
    """

    outline: bool = False
    ignored: str = ""
    fault: str = ""


@dataclass(frozen=True)
class LabelForms:
    """The interpretation of lines by length.

    Attributes:
        readings: length → interpretation, from a survey.
        shape: the data file's `kpt_shape`, which overrides `readings`; None if missing.
    """

    readings: dict[int, Reading] = field(default_factory=dict)
    shape: KeypointShape | None = None

    def reading(self, length: int) -> Reading:
        """The interpretation of lines of `length` numbers, five or more."""
        if length == 5:
            return Reading()
        if self.shape is not None:
            return _reading_by_shape(length, self.shape)
        return self.readings.get(length) or _reading(length, "outline" if length % 2 else "unreadable")


PLAIN_FORMS = LabelForms()


@dataclass
class _Votes:
    """Counts of lines of one length that look like a box first, an outline, or neither."""

    example: str
    lines: int = 0
    judged: int = 0
    box: int = 0
    outline: int = 0
    neither: int = 0

    def verdict(self) -> str:
        """`box`, `outline`, `unreadable` or `undecided`.

        Outlines look like boxes with keypoints only by chance, actual ones nearly always do.
        """
        if 5 * self.box >= self.judged and 5 * self.outline <= self.judged:
            return "box"
        if 3 * self.outline >= self.judged and 10 * self.box <= self.judged:
            return "outline"
        return "unreadable" if 2 * self.neither >= self.judged else "undecided"


@dataclass
class LabelSurvey:
    """Examines all lines of a dataset to determine their interpretation.

    Args:
        shape: the data file's `kpt_shape`; None if missing.
    """

    shape: KeypointShape | None = None
    _lines: int = 0
    _not_shares: int = 0
    _largest: float = 0.0
    _not_share: str = ""
    _votes: dict[int, _Votes] = field(default_factory=dict)

    def add(self, lines: Iterable[LabelLine | FaultyLine], file: str) -> None:
        """Add the lines of a file."""
        for line in lines:
            if isinstance(line, FaultyLine):
                continue
            self._lines += 1
            largest = max(map(abs, line.values[1:5]))
            if largest > LARGEST_SHARE:
                self._not_share = self._not_share or f"{file}:{line.number}"
                self._not_shares += 1
                self._largest = max(self._largest, largest)
            elif len(line.values) > 5 and self.shape is None:
                self._vote(line, file)

    def forms(self) -> LabelForms:
        """Decide the interpretation.

        Raises:
            DatasetError: coordinates are not normalised by the image's size, or lines are ambiguous.
        """
        if 2 * self._not_shares > self._lines:
            unit = "percent or pixels" if self._largest <= 100 else "pixels"
            raise DatasetError(
                f"{self._not_share}: expected coordinates normalised to 0..1 by the image's size, got values "
                f"up to {self._largest:g} ({unit}) in {self._not_shares} of {self._lines} lines; divide them "
                f"by the image's width and height{', or by 100' if self._largest <= 100 else ''}"
            )
        verdicts = {length: votes.verdict() for length, votes in self._votes.items()}
        undecided = [length for length, verdict in verdicts.items() if verdict == "undecided"]
        if undecided:
            verdicts |= dict.fromkeys(undecided, self._settled(verdicts, undecided))
        readings = {length: _reading(length, verdict) for length, verdict in verdicts.items()}
        return LabelForms(readings, self.shape)

    def _vote(self, line: LabelLine, file: str) -> None:
        votes = self._votes.get(len(line.values))
        if votes is None:
            votes = self._votes[len(line.values)] = _Votes(f"{file}:{line.number}")
        votes.lines += 1
        if votes.lines > _ALL_JUDGED and votes.lines % 16:
            return
        votes.judged += 1
        outline = _within_image(line.values)
        box = _box_first(line.values) and not (outline and _is_parallelogram(line.values))
        if box and not (outline and _is_simple(line.values)):
            votes.box += 1
        elif outline and not box:
            votes.outline += 1
        elif not box:
            votes.neither += 1

    def _settled(self, verdicts: dict[int, str], undecided: list[int]) -> str:
        """The verdict for undecided lengths, taken from the other lengths.

        Raises:
            DatasetError: there are no others.
        """
        counts: Counter[str] = Counter()
        for length, verdict in verdicts.items():
            if length != 6 or undecided == [7]:  # trackers omit the id of untracked objects
                counts[verdict] += self._votes[length].lines
        if counts["box"] > counts["outline"]:
            return "box"
        if counts["outline"] or len(undecided) > 1:  # keypoints have one length, outlines many
            return "outline"
        length, example = undecided[0], self._votes[undecided[0]].example
        raise DatasetError(
            f"{example}: expected labels that are either outlines or boxes with more numbers after them, got "
            f"lines of {length} numbers that can be read as both; add kpt_shape to the data file (.yaml): "
            f"[{(length - 5) // 2}, 2] if the box comes first, [0, 2] for outlines"
        )


def _reading(length: int, verdict: str) -> Reading:
    if verdict == "outline":
        return Reading(outline=True)
    if verdict == "box":
        return Reading(ignored="ignored_numbers" if length <= 7 else "ignored_keypoints")
    return Reading(
        fault=f"{length} numbers that are neither a box ({EXPECTED}), alone or with a confidence or "
        "keypoints after it, nor the points of an outline"
    )


def _reading_by_shape(length: int, shape: KeypointShape) -> Reading:
    after = shape.keypoints * shape.numbers
    if after and 5 + after <= length <= 7 + after:  # a confidence and a track id may follow
        return Reading(ignored="ignored_keypoints")
    if length <= 6 or (length == 7 and after):
        return Reading(ignored="ignored_numbers")
    if not after and length % 2:
        return Reading(outline=True)
    return Reading(fault=f"{length} numbers, expected 5 or {5 + after} by kpt_shape {[*shape]}")


def _box_first(values: Sequence[float]) -> bool:
    """Whether the values plausibly are a box followed by keypoints in it, a confidence or a track id."""
    x, y, w, h = values[1:5]
    if min(w, h) <= 0 or min(x - w / 2, y - h / 2) < -_EDGE or max(x + w / 2, y + h / 2) > 1 + _EDGE:
        return False
    return any(
        (len(values) - 5 - tail) % numbers == 0
        and _is_tail(values[len(values) - tail :])
        and _in_box(values[1:5], values[5 : len(values) - tail], numbers)
        for tail in (0, 1, 2)
        for numbers in (2, 3)
    )


def _is_tail(values: Sequence[float]) -> bool:
    """Whether the values are none, a confidence or track id, or a confidence and a track id."""
    if len(values) == 1:
        return 0 <= values[0] <= 1 or (values[0] > 0 and values[0].is_integer())
    return not values or (0 <= values[0] <= 1 and values[1] >= 0 and values[1].is_integer())


def _in_box(box: Sequence[float], keypoints: Sequence[float], numbers: int) -> bool:
    """Whether nearly all keypoints are inside the box, except missing ones at 0, 0."""
    x, y, w, h = box
    if numbers == 3 and not all(0 <= seen <= 1 or seen == 2 for seen in keypoints[2::3]):
        return False
    reach_x, reach_y = w * (0.5 + _SLACK), h * (0.5 + _SLACK)
    points = [each for each in zip(keypoints[::numbers], keypoints[1::numbers], strict=True) if any(each)]
    inside = sum(abs(each_x - x) <= reach_x and abs(each_y - y) <= reach_y for each_x, each_y in points)
    return inside >= _INSIDE * len(points)


def _within_image(values: Sequence[float]) -> bool:
    """Whether the numbers after the class can be the points of an outline."""
    return len(values) % 2 == 1 and min(values[1:]) >= -_EDGE and max(values[1:]) <= 1 + _EDGE


def _is_parallelogram(values: Sequence[float]) -> bool:
    """Whether the points are the corners of a box, upright or rotated, unlike any keypoints."""
    return len(values) == 9 and all(
        abs(values[start] + values[start + 4] - values[start + 2] - values[start + 6]) < 0.002
        for start in (1, 2)
    )


def _is_simple(values: Sequence[float]) -> bool:
    """Whether the points form a plausible outline.

    It must not cross itself, return to the corner 0, 0 (the position of invisible keypoints), or be a
    triangle that ends on the image's edge, where a tracker writes the id 1.
    """
    if len(values) == 7 and values[-1] == 1:
        return False
    starts = np.array(values[1:], dtype=np.float64).reshape(-1, 2)
    if len(starts) > _MOST_POINTS:
        return True
    if (starts == 0).all(axis=1).sum() > 1:
        return False
    edges = np.roll(starts, -1, axis=0) - starts
    between = starts[None] - starts[:, None]
    # The side of each edge on which each start is; edges cross if each has the other's ends on both sides.
    side = np.sign(edges[:, None, 0] * between[..., 1] - edges[:, None, 1] * between[..., 0])
    parted = side * np.roll(side, -1, axis=1) < 0
    return not (parted & parted.T).any()
