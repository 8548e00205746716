# SPDX-License-Identifier: AGPL-3.0-only
"""Repair of annotations: what can be wrong with a dataset, and boxes put right or left out. No torch."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable
from math import isfinite
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.excerpts import short_line, short_repr
from engine.records import Repair

__all__ = [
    "MAX_CLASSES",
    "REPAIR_KINDS",
    "RawBox",
    "RepairLog",
    "empty_boxes",
    "repair_boxes",
]

REPAIR_KINDS: dict[str, str] = {
    "swapped_corners": "A box's width or height was negative; its corners were put in order.",
    "clipped_box": "A box left the image; it was cut at the image's edge.",
    "empty_box": "A box had no area inside the image; it was left out.",
    "non_finite": "A number was infinite or not a number; the box was left out.",
    "unknown_class": "A class id is not among the dataset's classes; the box was left out.",
    "duplicate_label": "A label repeats an earlier one of the same image; it was left out.",
    "malformed_line": "A line or annotation has not the form of a label; it was left out.",
    "crowd_annotation": "A COCO annotation outlines a crowd, not an object; it was left out.",
    "wrong_size": "An image is not of the size stated; its boxes were scaled or it was left out.",
    "missing_image": "An image is listed but its file is not there; it was left out.",
    "empty_image": "An image file has no content; it was left out.",
    "truncated_image": "An image file's end is missing; it was left out.",
    "unreadable_image": "An image file cannot be read; it was left out.",
    "duplicate_image": "An image is listed twice; the repetition was left out.",
    "unreadable_label": "A label file cannot be read as text; its image was left out.",
    "label_without_image": "A label belongs to no image; it was left out.",
    "image_without_label": "An image has no label; it was kept as an image without objects.",
}

MAX_CLASSES = 10_000  # a class id beyond is taken for damage: names are kept as a list with one entry an id
LONGEST_PATH = 4096  # Linux has none longer
_ROUNDING_PX = 0.01  # labels with six decimals leave a 10,000 pixel image by no more


class RawBox(NamedTuple):
    """A box as a label gives it: finite corners in pixels, in any order, anywhere.

    `line` is for the report; labels with equal `key` (class and coordinates) are duplicates.
    """

    line: int | None
    class_id: int
    corners_xyxy_px: tuple[float, float, float, float]
    key: Hashable


class RepairLog:
    """Collects what was repaired."""

    def __init__(self) -> None:
        self.repairs: list[Repair] = []

    def add(self, kind: str, file: str, line: int | None, action: str) -> None:
        """Note one repair; `kind` is a key of `REPAIR_KINDS`."""
        # Any name can be stored, but the path that a file claims may be of any length.
        file = file[:LONGEST_PATH].encode(errors="backslashreplace").decode()
        self.repairs.append(Repair(kind=kind, file=file, line=line, action=short_line(action)))


def empty_boxes() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Boxes and class ids of an image without objects: (0, 4) and (0,)."""
    return np.zeros((0, 4), dtype=np.float32), np.zeros(0, dtype=np.int64)


def repair_boxes(
    raw_boxes: Iterable[RawBox],
    *,
    width: int,
    height: int,
    classes: Container[int],
    file: str,
    log: RepairLog,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Put one image's boxes right, leave out what cannot be, and note each case.

    Args:
        raw_boxes: the boxes in the order of the labels.
        width, height: the image's size in pixels.
        classes: the class ids that exist.
        file: the label file, for the report.
        log: takes the repairs.

    Returns:
        float32 (n, 4), corners in pixels, x1 < x2, y1 < y2, inside the image; int64 (n,), class ids.
    """
    seen: set[Hashable] = set()
    corners: list[tuple[float, ...]] = []
    class_ids: list[int] = []
    for raw in raw_boxes:
        if raw.key in seen:
            log.add("duplicate_label", file, raw.line, "left out")
        elif raw.class_id not in classes:
            log.add("unknown_class", file, raw.line, f"left out class id {short_repr(raw.class_id, 20)}")
        else:
            box = _repair(raw, width, height, file, log)
            if box is not None:
                corners.append(box)
                class_ids.append(raw.class_id)
        seen.add(raw.key)
    if not corners:
        return empty_boxes()
    return np.array(corners, dtype=np.float32), np.array(class_ids, dtype=np.int64)


def _repair(
    raw: RawBox, width: int, height: int, file: str, log: RepairLog
) -> tuple[float, float, float, float] | None:
    """Corners in order and inside the image; None where nothing is left."""
    x1, y1, x2, y2 = raw.corners_xyxy_px
    if x1 > x2 or y1 > y2:
        x1, x2 = min(x1, x2), max(x1, x2)
        y1, y2 = min(y1, y2), max(y1, y2)
        log.add("swapped_corners", file, raw.line, "put the corners in order")
    inside = (max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height)))
    if inside[2] - inside[0] < _ROUNDING_PX or inside[3] - inside[1] < _ROUNDING_PX:
        log.add("empty_box", file, raw.line, "left out, no area inside the image")
        return None
    outside_px = max(-x1, -y1, x2 - width, y2 - height)
    if outside_px > _ROUNDING_PX:
        log.add("clipped_box", file, raw.line, f"cut {_pixels(outside_px)} pixels outside the image")
    return inside


def _pixels(length: float) -> str:
    return f"{length:.4g}" if isfinite(length) else "infinitely many"
