# SPDX-License-Identifier: AGPL-3.0-only
"""Reads YOLO text labels of images into records. No torch."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import NamedTuple

from engine.datasets.annotations import MAX_CLASSES, RawBox, RepairLog, empty_boxes, repair_boxes
from engine.datasets.images import BadImageError, probe_size
from engine.datasets.label_forms import (
    LARGEST_SHARE,
    PLAIN_FORMS,
    KeypointShape,
    LabelForms,
    LabelSurvey,
    Reading,
)
from engine.datasets.label_lines import FaultyLine, LabelLine, read_lines
from engine.datasets.pairing import find_label
from engine.excerpts import read_bounded
from engine.records import ImageRecord

MAX_LABEL_BYTES = 16 * 2**20  # for one image


class _Labelled(NamedTuple):
    """A usable image and the text of its label, None without a label."""

    path: str
    width: int
    height: int
    text: str | None


def read_records(
    image_paths: Sequence[str],
    *,
    class_count: int | None,
    log: RepairLog,
    keypoints: KeypointShape | None = None,
    report: Callable[[int, int], object] = lambda done, total: None,
) -> tuple[ImageRecord, ...]:
    """Read each image's size and label, interpreting the labels of the dataset as a whole.

    Args:
        image_paths: absolute paths; repeated ones are read once.
        class_count: number of valid class ids, from 0; None accepts any below `MAX_CLASSES`.
        log: takes the repairs.
        keypoints: the data file's `kpt_shape`; None if missing.
        report: called before each image with the number of images done and of all images.

    Returns:
        One record for each usable image, in the order of the paths.

    Raises:
        DatasetError: coordinates are not normalised by the image's size, or lines are ambiguous.
    """
    classes = range(MAX_CLASSES if class_count is None else class_count)
    seen: set[str] = set()
    images = []
    survey = LabelSurvey(keypoints)
    for done, path in enumerate(image_paths):
        report(done, len(image_paths))
        if path in seen:
            log.add("duplicate_image", path, None, "skipped the duplicate")
            continue
        seen.add(path)
        image = _read_files(path, log)
        if image is not None:
            images.append(image)
            survey.add(read_lines(image.text or ""), find_label(path))
    forms = survey.forms()
    return tuple(_record(image, forms, classes, log) for image in images)


def parse_labels(
    text: str, *, width: int, height: int, file: str, log: RepairLog, forms: LabelForms = PLAIN_FORMS
) -> list[RawBox]:
    """Parse the boxes of a label file: `class x y width height`, or an outline `class x1 y1 x2 y2 x3 y3 …`.

    Coordinates are relative to the image's size; unreadable lines are reported and left out.

    Args:
        text: the file's content.
        width, height: the image's size in pixels.
        file: the label file, for the report.
        log: takes the repairs.
        forms: interpretation of lines of more than five numbers.
    """
    boxes = []
    for line in read_lines(text):
        if isinstance(line, FaultyLine):
            log.add(line.kind, file, line.number, f"skipped, {line.reason}")
            continue
        reading = forms.reading(len(line.values))
        if max(map(abs, line.values[1:5])) > LARGEST_SHARE:
            reason = f"skipped, expected coordinates normalised to 0..1: {line}"
            log.add("not_normalised", file, line.number, reason)
        elif reading.fault:
            log.add("malformed_line", file, line.number, f"skipped, {reading.fault}: {line}")
        else:
            boxes.append(_raw_box(line, reading, width, height))
            _note_form(line, reading, file, log)
    return boxes


def number_names(records: Iterable[ImageRecord]) -> tuple[str, ...]:
    """Names for a dataset without names: `class_0`, `class_1` … up to the highest id in use."""
    highest = max((int(record.class_ids.max()) for record in records if len(record.class_ids)), default=-1)
    return tuple(f"class_{index}" for index in range(highest + 1))


def _read_files(path: str, log: RepairLog) -> _Labelled | None:
    """Read an image's size and label text; None if unusable, as missing objects would bias scores."""
    try:
        width, height = probe_size(path)
    except BadImageError as error:
        log.add(error.kind, path, None, f"skipped, got {error.reason}")
        return None
    file = find_label(path)
    try:
        text = read_bounded(file, MAX_LABEL_BYTES).decode("utf-8-sig")
        return _Labelled(path, width, height, text)
    except FileNotFoundError:
        log.add("image_without_label", path, None, "kept as an image without objects")
        return _Labelled(path, width, height, None)
    except (OSError, ValueError):
        log.add("unreadable_label", file, None, "skipped the image")
        return None


def _record(image: _Labelled, forms: LabelForms, classes: Container[int], log: RepairLog) -> ImageRecord:
    path, width, height, text = image
    boxes, class_ids = empty_boxes()
    if text is not None:
        file = find_label(path)
        raw = parse_labels(text, width=width, height=height, file=file, log=log, forms=forms)
        boxes, class_ids = repair_boxes(raw, width=width, height=height, classes=classes, file=file, log=log)
    return ImageRecord(path=path, width=width, height=height, boxes_xyxy_px=boxes, class_ids=class_ids)


def _raw_box(line: LabelLine, reading: Reading, width: int, height: int) -> RawBox:
    """The box in pixels; for an outline, its bounding box."""
    values = line.values
    if reading.outline:
        xs, ys = values[1::2], values[2::2]
        corners = (min(xs) * width, min(ys) * height, max(xs) * width, max(ys) * height)
    else:
        values = values[:5]
        _, x, y, w, h = values
        corners = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
    return RawBox(line.number, int(values[0]), corners, tuple(values))


def _note_form(line: LabelLine, reading: Reading, file: str, log: RepairLog) -> None:
    """Report, once for the dataset, commas or ignored numbers in its lines."""
    if line.commas:
        log.tally("comma_numbers", file, "read the numbers written with commas")
    after = len(line.values) - 5
    if reading.ignored:
        many = "number" if after == 1 else "numbers"
        log.tally(reading.ignored, file, f"read the box, ignored {after} {many} after it")
