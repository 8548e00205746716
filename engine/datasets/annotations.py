# SPDX-License-Identifier: AGPL-3.0-only
"""Repairs of annotations: the kinds of faults, and the repair or removal of faulty boxes. No torch."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from math import isfinite
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.excerpts import short_line, short_repr
from engine.records import Repair


class RepairKind(NamedTuple):
    """A kind of repair as shown to users: a few words for lists, and a sentence of explanation."""

    words: str
    help: str


REPAIR_KINDS: dict[str, RepairKind] = {
    kind: RepairKind(words, sentence)
    for kind, words, sentence in (
        (
            "swapped_corners",
            "box of negative width or height",
            "A box has a negative width or height, so its corners were reordered.",
        ),
        (
            "clipped_box",
            "box extends beyond its image",
            "A box extends beyond the image, so it was clipped to the image.",
        ),
        ("empty_box", "box without area", "A box has no area inside the image, so it was skipped."),
        (
            "tiny_box",
            "box smaller than a pixel",
            "A box is less than a pixel wide or high inside the image, so it was skipped.",
        ),
        (
            "non_finite",
            "infinite number in a label",
            "A number is infinite or not a number (NaN), so the box was skipped.",
        ),
        (
            "unknown_class",
            "unknown class id",
            "A class ID is not among the dataset's classes, so the box was skipped.",
        ),
        (
            "duplicate_label",
            "duplicate label",
            "A label repeats an earlier label of the same image, so it was skipped.",
        ),
        (
            "malformed_line",
            "unreadable label",
            "A line or annotation is not a valid label, so it was skipped.",
        ),
        (
            "ignored_keypoints",
            "label line with keypoints",
            "A label has keypoints after its box. The box was read and the keypoints ignored.",
        ),
        (
            "ignored_numbers",
            "label line with a confidence or track id",
            "A label has a confidence or track ID after its box. The box was read and the rest ignored.",
        ),
        (
            "comma_numbers",
            "label line with commas",
            "Commas are used as decimal or field separators in a label. The numbers were read accordingly.",
        ),
        (
            "not_normalised",
            "coordinates in pixels or percent",
            "Coordinates are far above 1 instead of normalised to the image size, so the box was skipped.",
        ),
        (
            "normalised_box",
            "box in normalised coordinates",
            "Boxes in COCO JSON are normalised instead of in pixels, so they were scaled.",
        ),
        (
            "crowd_annotation",
            "crowd annotation",
            "A COCO annotation marks a crowd rather than a single object, so it was skipped.",
        ),
        (
            "unknown_image",
            "annotation of an unknown image",
            "An annotation refers to an image that the file does not list, so it was skipped.",
        ),
        (
            "ambiguous_image",
            "indistinguishable images",
            "One ID or file refers to two images whose boxes cannot be told apart, so both were skipped.",
        ),
        (
            "wrong_size",
            "image size mismatch",
            "An image differs from its stated size, so its boxes were scaled or it was skipped.",
        ),
        (
            "unclear_size",
            "unreadable image size in the labels",
            "The stated size of an image cannot be read, so the size of the file was used.",
        ),
        (
            "turned_image",
            "boxes of a photograph in another orientation",
            (
                "Boxes were drawn without regard to the photograph's EXIF orientation, so they were "
                "rotated to match it."
            ),
        ),
        (
            "moved_image",
            "image found at another path",
            "The stated path of an image does not exist. The file was found by the end of its path.",
        ),
        (
            "missing_image",
            "missing image file",
            "A listed image file does not exist, so it was skipped.",
        ),
        ("empty_image", "empty image file", "An image file is empty, so it was skipped."),
        ("truncated_image", "truncated image file", "An image file is truncated, so it was skipped."),
        ("unreadable_image", "unreadable image file", "An image file cannot be read, so it was skipped."),
        (
            "huge_image",
            "image too large to decode",
            "An image has too many pixels to decode, so it was skipped.",
        ),
        ("duplicate_image", "duplicate image", "An image is listed twice. It was imported once."),
        (
            "unreadable_label",
            "unreadable label file",
            "A label file cannot be read as text, so its image was skipped.",
        ),
        ("label_without_image", "label without an image", "A label belongs to no image, so it was skipped."),
        (
            "image_without_label",
            "image without a label",
            "An image has no label. It was kept as an image without objects.",
        ),
        (
            "repeated_name",
            "duplicate class name",
            "Two classes have the same name, so a number was added to the second.",
        ),
        ("unnamed_class", "class without a name", "A category has no name, so it was named after its ID."),
    )
}

# Unreadable labels: a dataset with only labels of these kinds is rejected.
UNREAD = frozenset({"malformed_line", "non_finite", "not_normalised", "unknown_image"})
MAX_CLASSES = 10_000  # larger class ids count as damage, because names are a list with one entry per id
_SMALLEST_PX = 1.0  # a thinner box contains nothing detectable
LONGEST_PATH = 4096  # the limit on Linux
_ROUNDING_PX = 0.01  # the rounding error of labels with six decimals in an image of 10,000 pixels


class RawBox(NamedTuple):
    """A box as labelled: finite corners in pixels, in any order, possibly outside the image.

    `line` is for the report; labels with equal `key` (class and coordinates) are duplicates.
    """

    line: int | None
    class_id: int
    corners_xyxy_px: tuple[float, float, float, float]
    key: Hashable


class RepairLog:
    """Collects repairs."""

    def __init__(self) -> None:
        self.repairs: list[Repair] = []
        self._tallied: dict[tuple[str, str], int] = {}

    def add(self, kind: str, file: str, line: int | None, action: str) -> None:
        """Add a repair; `kind` is a key of `REPAIR_KINDS`."""
        # Paths written in files may be of any length and have any characters.
        file = file[:LONGEST_PATH].encode(errors="backslashreplace").decode()
        self.repairs.append(Repair(kind=kind, file=file, line=line, action=short_line(action)))

    def tally(self, kind: str, file: str, action: str, times: int = 1) -> None:
        """Count a repair common to many labels, with one entry for the first file."""
        index = self._tallied.setdefault((kind, action), len(self.repairs))
        if index == len(self.repairs):
            self.add(kind, file, None, action)
            times -= 1
        entry = self.repairs[index]
        self.repairs[index] = replace(entry, times=entry.times + times)


def repair_words(kind: str) -> str:
    """A kind of repair in words; its name with spaces if only another version knows it."""
    return REPAIR_KINDS[kind].words if kind in REPAIR_KINDS else kind.replace("_", " ")


def distinct_names(names: Sequence[str], file: str, log: RepairLog) -> tuple[str, ...]:
    """Make class names unique: the second `person` becomes `person (2)`. Gaps ("") stay."""
    taken = set(names)
    seen: set[str] = set()
    distinct = []
    for name in names:
        if name in seen:
            new = next(each for number in count(2) if (each := f"{name} ({number})") not in taken)
            log.add("repeated_name", file, None, f"renamed the second {name!r} to {new!r}")
            taken.add(new)
            name = new
        seen |= {name} - {""}
        distinct.append(name)
    return tuple(distinct)


def empty_boxes() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Boxes and class ids of an image without objects, of shapes (0, 4) and (0,)."""
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
    """Repair the boxes of an image, leaving out hopeless ones, and log each case.

    Args:
        raw_boxes: the boxes in the order of the labels.
        width, height: the image's size in pixels.
        classes: the valid class ids.
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
            log.add("duplicate_label", file, raw.line, "skipped")
        elif raw.class_id not in classes:
            log.add("unknown_class", file, raw.line, f"skipped class ID {short_repr(raw.class_id, 20)}")
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
    """Order the corners and clip them to the image; None if nothing is left."""
    x1, y1, x2, y2 = raw.corners_xyxy_px
    if x1 > x2 or y1 > y2:
        x1, x2 = min(x1, x2), max(x1, x2)
        y1, y2 = min(y1, y2), max(y1, y2)
        log.add("swapped_corners", file, raw.line, "reordered the corners")
    inside = (max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height)))
    width_px, height_px = inside[2] - inside[0], inside[3] - inside[1]
    if min(width_px, height_px) < _ROUNDING_PX:
        log.add("empty_box", file, raw.line, "skipped, no area inside the image")
        return None
    if min(width_px, height_px) < _SMALLEST_PX - _ROUNDING_PX:
        log.add("tiny_box", file, raw.line, f"skipped, {width_px:.3g}x{height_px:.3g} pixels")
        return None
    outside_px = max(-x1, -y1, x2 - width, y2 - height)
    if outside_px > _ROUNDING_PX:
        log.add("clipped_box", file, raw.line, f"clipped {_pixels(outside_px)} pixels outside the image")
    return inside


def _pixels(length: float) -> str:
    return f"{length:.4g}" if isfinite(length) else "infinitely many"
