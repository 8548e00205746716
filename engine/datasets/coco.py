# SPDX-License-Identifier: AGPL-3.0-only
"""Reads COCO JSON with an image folder into records. No torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from math import isfinite
from pathlib import Path
from typing import Any

from engine.datasets.annotations import MAX_CLASSES, RawBox, RepairLog, distinct_names, repair_boxes
from engine.datasets.coco_files import find_folder
from engine.datasets.coco_images import (
    CocoBox,
    CocoImage,
    fit_boxes,
    leave_out_ambiguous,
    list_images,
    locate,
)
from engine.datasets.coco_values import flag, identity, number
from engine.datasets.roots import require_files
from engine.errors import DatasetError
from engine.excerpts import read_bounded, short_line, short_repr
from engine.records import Dataset, ImageRecord

Json = dict[str, Any]
MAX_BYTES = 2 * 2**30  # twice the largest published file, LVIS


def read_coco(
    source: Path,
    *,
    name: str,
    images: Path | None = None,
    report: Callable[[int, int], object] = lambda done, total: None,
) -> Dataset:
    """Read COCO detection annotations (https://cocodataset.org/#format-data).

    Class ids are category ids; unused ids get empty names. Annotations of crowds (`iscrowd`) are left out and
    reported, because they do not outline a single object.

    Args:
        source: the JSON file.
        name: the dataset's name.
        images: the folder that `file_name` is relative to; None searches the usual folders.
        report: called before each image with the number of images done and of all images.

    Raises:
        DatasetError: the file is not JSON or not in COCO's form, or the images are not found.
    """
    content = _load(source)
    log = RepairLog()
    names = _class_names(source, content["categories"], log)
    classes = {index for index, each in enumerate(names) if each}
    listed, owners = list_images(str(source), content["images"], log)
    folder = find_folder(source, [image.file_name for image in listed], images)
    require_files(folder.path(image.file_name) for image in listed)
    for annotation in content["annotations"]:
        _add_box(annotation, owners, str(source), log)
    usable = leave_out_ambiguous(listed, str(source), log)
    normalised = _are_normalised(usable, source, log)
    placed = locate(usable, folder, str(source), log)
    require_files(path for _, path in placed)
    records = []
    for done, (image, path) in enumerate(placed):
        report(done, len(placed))
        record = _record(image, path, classes, source, log, normalised=normalised)
        if record is not None:
            records.append(record)
    return Dataset(
        name=name,
        source=str(source),
        class_names=names,
        images=tuple(records),
        repairs=tuple(log.repairs),
    )


def _load(source: Path) -> Json:
    try:
        content = json.loads(read_bounded(source, MAX_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        reason = short_line(getattr(error, "strerror", None) or error)
        raise DatasetError(f"{source}: expected COCO JSON, got an unreadable file ({reason})") from None
    keys = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in keys):
        raise DatasetError(
            f"{source}: expected COCO JSON with the lists images, annotations and categories, "
            "got a different format; export detection annotations"
        )
    return content


def _class_names(source: Path, categories: list[Any], log: RepairLog) -> tuple[str, ...]:
    names: dict[int, str] = {}
    for category in categories:
        own_id = identity(category.get("id")) if isinstance(category, dict) else None
        if not isinstance(own_id, int) or not 0 <= own_id < MAX_CLASSES:
            raise DatasetError(
                f"{source}: expected categories with a name and an ID from 0 to {MAX_CLASSES - 1}, "
                f"got {short_repr(category)}; renumber them"
            )
        name = _class_name(source, category.get("name"), own_id, log)
        if names.setdefault(own_id, name) != name:
            raise DatasetError(
                f"{source}: expected one category per ID, got {own_id} for "
                f"{short_repr(names[own_id], 40)} and {short_repr(name, 40)}; renumber them"
            )
    gapless = [names.get(index, "") for index in range(max(names, default=-1) + 1)]
    return distinct_names(gapless, str(source), log)


def _class_name(source: Path, written: Any, class_id: int, log: RepairLog) -> str:
    """A category's name, or a name made from its id."""
    name = "" if written is None or isinstance(written, list | dict) else str(written)
    if name.strip():
        return name
    log.add("unnamed_class", str(source), None, f"named class_{class_id}")
    return f"class_{class_id}"


def _add_box(annotation: Any, owners: dict[int | str, CocoImage], source: str, log: RepairLog) -> None:
    """Add an annotation's box to its image, unless it outlines a crowd or belongs to no image."""
    if not isinstance(annotation, dict):
        log.add(
            "malformed_line",
            source,
            None,
            f"skipped, expected an annotation, got {short_repr(annotation, 60)}",
        )
        return
    line = identity(annotation.get("id"))
    line = line if isinstance(line, int) and abs(line) < 2**63 else None
    owner, class_id = identity(annotation.get("image_id")), identity(annotation.get("category_id"))
    crowd, bbox = flag(annotation.get("iscrowd")), annotation.get("bbox")
    numbers = [number(value) for value in bbox] if isinstance(bbox, list) else []
    if owner is not None and owner not in owners:
        log.add("unknown_image", source, line, f"skipped, no image {short_repr(owner, 40)}")
    elif crowd:
        log.add("crowd_annotation", source, line, "skipped")
    elif owner is None or not isinstance(class_id, int) or crowd is None:
        log.add("malformed_line", source, line, f"skipped, {_wrong_field(annotation)}")
    elif len(numbers) != 4 or None in numbers:
        reason = f"skipped, expected bbox as four numbers, got {short_repr(bbox, 60)}"
        log.add("malformed_line", source, line, reason)
    elif not all(isfinite(value) for value in numbers if value is not None):
        log.add("non_finite", source, line, f"skipped, bbox is {short_repr(bbox, 60)}")
    else:
        x, y, w, h = (float(value) for value in numbers if value is not None)
        owners[owner].boxes.append(CocoBox(line, class_id, x, y, w, h))


def _wrong_field(annotation: Json) -> str:
    for key in ("image_id", "category_id"):
        if identity(annotation.get(key)) is None:
            return f"expected {key} as an id, got {str(annotation.get(key))[:40]}"
    if flag(annotation.get("iscrowd")) is None:
        return f"expected iscrowd as 0 or 1, got {short_repr(annotation['iscrowd'], 40)}"
    return f"expected category_id as a number, got {short_repr(annotation['category_id'], 40)}"


def _are_normalised(images: Iterable[CocoImage], source: Path, log: RepairLog) -> bool:
    """Whether all boxes are normalised to 0..1 instead of in pixels.

    Raises:
        DatasetError: they are normalised, but not measured from the top left corner.
    """
    boxes = [box for image in images for box in image.boxes]
    numbers = [value for box in boxes for value in box[2:]]
    if not numbers or min(numbers) < 0 or max(numbers) > 1 or all(map(float.is_integer, numbers)):
        return False
    reach = max(max(box.x + box.w, box.y + box.h) for box in boxes)
    if reach > 1.01:
        raise DatasetError(
            f"{source}: expected boxes as x, y, width, height in pixels, got normalised boxes, 0 to 1, "
            f"that reach {reach:.3g} from the top left corner; convert them to pixels"
        )
    log.tally("normalised_box", str(source), "scaled the normalised boxes to pixels", len(boxes))
    return True


def _record(
    image: CocoImage, path: str, classes: set[int], source: Path, log: RepairLog, *, normalised: bool
) -> ImageRecord | None:
    fitted = fit_boxes(image, path, log, normalised=normalised)
    if fitted is None:
        return None
    width, height, corners = fitted
    if not image.boxes:
        log.add("image_without_label", path, None, "kept as an image without objects")
    raw = [
        RawBox(box.line, box.class_id, xyxy, (box.class_id, *xyxy))
        for box, xyxy in zip(image.boxes, corners, strict=True)
    ]
    boxes, class_ids = repair_boxes(
        raw, width=width, height=height, classes=classes, file=str(source), log=log
    )
    return ImageRecord(path=path, width=width, height=height, boxes_xyxy_px=boxes, class_ids=class_ids)
