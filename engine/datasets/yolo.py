# SPDX-License-Identifier: AGPL-3.0-only
"""YOLO text labels: from image paths to records. No torch."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from math import isfinite

from engine.datasets.annotations import MAX_CLASSES, RawBox, RepairLog, empty_boxes, repair_boxes
from engine.datasets.images import BadImageError, probe_size
from engine.datasets.pairing import find_label
from engine.records import ImageRecord

__all__ = ["number_names", "parse_labels", "read_records"]


def read_records(
    image_paths: Sequence[str],
    *,
    class_count: int | None,
    log: RepairLog,
    report: Callable[[int, int], object] = lambda done, total: None,
) -> tuple[ImageRecord, ...]:
    """Read each image's size and label.

    Args:
        image_paths: absolute paths; a repeated one is read once.
        class_count: class ids 0 to class_count - 1 exist; None accepts any below `MAX_CLASSES`.
        log: takes the repairs.
        report: told before each image how many of how many are done.

    Returns:
        One record for each usable image, in the order of the paths.
    """
    classes = range(MAX_CLASSES if class_count is None else class_count)
    seen: set[str] = set()
    records = []
    for done, path in enumerate(image_paths):
        report(done, len(image_paths))
        if path in seen:
            log.add("duplicate_image", path, None, "left out the repetition")
            continue
        seen.add(path)
        record = _read_record(path, classes, log)
        if record is not None:
            records.append(record)
    return tuple(records)


def parse_labels(text: str, *, width: int, height: int, file: str, log: RepairLog) -> list[RawBox]:
    """Boxes of a label file: `class x y width height`, or `class x1 y1 x2 y2 x3 y3 …` (the polygon's box).

    Coordinates are shares of the image's size; lines that have not this form are noted and left out.
    """
    boxes = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            values = [float(word) for word in words]
        except ValueError:
            log.add("malformed_line", file, number, "left out, not all words are numbers")
            continue
        if not all(map(isfinite, values)):
            log.add("non_finite", file, number, "left out")
            continue
        corners = _corners(values, width, height)
        if corners is None or not values[0].is_integer():
            log.add("malformed_line", file, number, f"left out, {_form_fault(values)}")
            continue
        boxes.append(RawBox(number, int(values[0]), corners, tuple(values)))
    return boxes


def number_names(records: Iterable[ImageRecord]) -> tuple[str, ...]:
    """Names for a dataset that brings none: `class_0`, `class_1` … up to the highest id in use."""
    highest = max((int(record.class_ids.max()) for record in records if len(record.class_ids)), default=-1)
    return tuple(f"class_{index}" for index in range(highest + 1))


def _read_record(path: str, classes: Container[int], log: RepairLog) -> ImageRecord | None:
    """None where the image or its label cannot be used; a guess at its objects would falsify every score."""
    try:
        width, height = probe_size(path)
    except BadImageError as error:
        log.add(error.kind, path, None, f"left out, got {error.reason}")
        return None
    file = find_label(path)
    boxes, class_ids = empty_boxes()
    try:
        with open(file, "rb") as stream:
            text = stream.read().decode("utf-8-sig")
    except FileNotFoundError:
        log.add("image_without_label", path, None, "kept as an image without objects")
    except (OSError, UnicodeDecodeError):
        log.add("unreadable_label", file, None, "left out the image")
        return None
    else:
        raw = parse_labels(text, width=width, height=height, file=file, log=log)
        boxes, class_ids = repair_boxes(raw, width=width, height=height, classes=classes, file=file, log=log)
    return ImageRecord(path=path, width=width, height=height, boxes_xyxy_px=boxes, class_ids=class_ids)


def _corners(values: list[float], width: int, height: int) -> tuple[float, float, float, float] | None:
    """Corners in pixels of a box or polygon; None for a wrong number of values."""
    if len(values) == 5:
        _, x, y, w, h = values
        return (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height
    if len(values) >= 7 and len(values) % 2:
        xs, ys = values[1::2], values[2::2]
        return min(xs) * width, min(ys) * height, max(xs) * width, max(ys) * height
    return None


def _form_fault(values: list[float]) -> str:
    if not values[0].is_integer():
        return f"the class id is {values[0]:g}"
    return f"{len(values)} values, expected 5 (a box) or an odd number from 7 (a polygon)"
