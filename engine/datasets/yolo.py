# SPDX-License-Identifier: AGPL-3.0-only
"""YOLO text labels: from image paths to records. No torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Sequence
from math import isfinite

from engine.datasets.annotations import MAX_CLASSES, RawBox, RepairLog, empty_boxes, repair_boxes
from engine.datasets.images import IMAGE_SUFFIXES, BadImageError, probe_size
from engine.excerpts import read_bounded
from engine.records import ImageRecord

__all__ = ["label_path", "note_stray_labels", "number_names", "parse_labels", "read_records"]

_IMAGES, _LABELS = f"{os.sep}images{os.sep}", f"{os.sep}labels{os.sep}"
MAX_LABEL_BYTES = 16 * 2**20  # of one image
_NOT_LABELS = ("classes.txt", "readme")  # what label tools put beside labels


def label_path(image_path: str) -> str:
    """Where Ultralytics looks for a label: the last `/images/` becomes `/labels/`, the suffix `.txt`."""
    return os.path.splitext(_LABELS.join(image_path.rsplit(_IMAGES, 1)))[0] + ".txt"


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


def note_stray_labels(image_paths: Iterable[str], label_folders: Iterable[str], log: RepairLog) -> None:
    """Note the label files that belong to no image.

    Args:
        image_paths: images in use; the folders that hold their labels are searched.
        label_folders: further folders to search, with all below them.
        log: takes the repairs.
    """
    image_folders = {os.path.dirname(path) for path in image_paths}
    expected = {label_path(path) for folder in image_folders for path in _files(folder, IMAGE_SUFFIXES)}
    searched = {os.path.dirname(label_path(os.path.join(folder, "x"))) for folder in image_folders}
    for root in label_folders:
        searched |= {folder for folder, _, _ in os.walk(root)}
    for folder in sorted(searched):
        for path in sorted(_files(folder, {".txt"})):
            if path not in expected and not os.path.basename(path).lower().startswith(_NOT_LABELS):
                log.add("label_without_image", path, None, "left out")


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
    file = label_path(path)
    boxes, class_ids = empty_boxes()
    try:
        text = read_bounded(file, MAX_LABEL_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        log.add("image_without_label", path, None, "kept as an image without objects")
    except (OSError, ValueError):
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


def _files(folder: str, suffixes: Container[str]) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if os.path.splitext(entry.name)[1].lower() in suffixes]
    except OSError:
        return []
