# SPDX-License-Identifier: AGPL-3.0-only
"""COCO JSON with an image folder: from annotations to records. No torch."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

from engine.datasets.annotations import MAX_CLASSES, RawBox, RepairLog, repair_boxes
from engine.datasets.images import BadImageError, probe_size
from engine.errors import DatasetError
from engine.excerpts import read_bounded, short_line, short_repr
from engine.records import Dataset, ImageRecord

__all__ = ["read_coco"]

Json = dict[str, Any]
MAX_BYTES = 2 * 2**30  # the largest published one, LVIS, has half of it


def read_coco(
    source: Path,
    *,
    name: str,
    images: Path | None = None,
    report: Callable[[int, int], object] = lambda done, total: None,
) -> Dataset:
    """Read COCO detection annotations (https://cocodataset.org/#format-data).

    A class's id is its category's id; ids that no category has are kept as empty names. Annotations of
    crowds (`iscrowd`) are left out and noted, because they outline no single object.

    Args:
        source: the JSON file.
        name: the dataset's name.
        images: the folder that `file_name` is relative to; None looks in the usual places.
        report: told before each image how many of how many are done.

    Raises:
        DatasetError: not JSON, not of COCO's form, or no folder holds the images.
    """
    content = _load(source)
    log = RepairLog()
    names = _class_names(source, content["categories"])
    entries = _image_entries(source, content["images"], log)
    folder = _image_folder(source, entries, images)
    annotations = _by_image(source, content["annotations"], entries, log)
    classes = {index for index, each in enumerate(names) if each}
    records = []
    for done, (image_id, entry) in enumerate(entries.items()):
        report(done, len(entries))
        size = _usable_size(entry, folder / entry["file_name"], log)
        if size is not None:
            raw = annotations.get(image_id, [])
            records.append(_record(folder / entry["file_name"], size, entry, raw, classes, source, log))
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
            "got another form; export detection annotations"
        )
    return content


def _class_names(source: Path, categories: list[Any]) -> tuple[str, ...]:
    names: dict[int, str] = {}
    for category in categories:
        match category:
            case {"id": int(identity), "name": str(name)} if 0 <= identity < MAX_CLASSES:
                names[identity] = name
            case _:
                raise DatasetError(
                    f"{source}: expected categories with a name and an id from 0 to {MAX_CLASSES - 1}, "
                    f"got {short_repr(category)}; number them anew"
                )
    return tuple(names.get(index, "") for index in range(max(names, default=-1) + 1))


def _image_entries(source: Path, images: list[Any], log: RepairLog) -> dict[Any, Json]:
    """The usable entries by image id; a file or id that comes twice is read once."""
    entries: dict[Any, Json] = {}
    files: set[str] = set()
    for entry in images:
        match entry:
            case {"id": int() | str() as identity, "file_name": str(file_name)} if "\0" not in file_name:
                if identity in entries or file_name in files:
                    log.add("duplicate_image", str(source), None, f"left out the repetition of {file_name}")
                    continue
                entries[identity] = entry
                files.add(file_name)
            case _:
                log.add("malformed_line", str(source), None, f"left out the image entry {short_repr(entry)}")
    return entries


def _image_folder(source: Path, entries: dict[Any, Json], images: Path | None) -> Path:
    """The folder that holds at least one of the first images."""
    parent = source.resolve().parent
    split = source.stem.removeprefix("instances_")
    places = [parent / "images", parent, parent.parent / "images", parent.parent / split]
    places += [parent / "images" / split, parent.parent / "images" / split, parent.parent]
    if images is not None:
        places = [images.expanduser().resolve()]
    names = [entry["file_name"] for entry in list(entries.values())[:20]]
    for place in places:
        if not names or any(os.path.isfile(place / name) for name in names):
            return place
    looked = ", ".join(str(place) for place in places)
    raise DatasetError(
        f"{source}: expected the image {short_repr(names[0])} in one of {looked}, got none there; "
        "name the image folder"
    )


def _by_image(
    source: Path, annotations: list[Any], entries: dict[Any, Json], log: RepairLog
) -> dict[Any, list[Json]]:
    """Annotations of each image, those of crowds or of no image left out."""
    grouped: dict[Any, list[Json]] = defaultdict(list)
    for annotation in annotations:
        line = _line(annotation)
        match annotation:
            case {"image_id": int() | str() as owner} if owner not in entries:
                log.add("label_without_image", str(source), line, f"left out, no image {owner}")
            case {"iscrowd": 1}:
                log.add("crowd_annotation", str(source), line, "left out")
            case {"image_id": int() | str() as owner, "category_id": int(), "bbox": [_, _, _, _]}:
                grouped[owner].append(annotation)
            case _:
                log.add("malformed_line", str(source), line, "left out, no image_id, category_id or bbox")
    return grouped


def _line(annotation: Any) -> int | None:
    identity = annotation.get("id") if isinstance(annotation, dict) else None
    return identity if isinstance(identity, int) and abs(identity) < 2**63 else None


def _usable_size(entry: Json, path: Path, log: RepairLog) -> tuple[int, int] | None:
    """The file's size; None where it is damaged or not the picture that was annotated."""
    try:
        width, height = probe_size(path)
    except BadImageError as error:
        log.add(error.kind, str(path), None, f"left out, got {error.reason}")
        return None
    stated = _stated_size(entry, width, height)
    if stated == (width, height):
        return width, height
    message = f"file {width}x{height}, annotations {stated[0]}x{stated[1]}"
    if abs(stated[0] * height / (stated[1] * width) - 1) > 0.01:  # other proportions: turned or cropped
        log.add("wrong_size", str(path), None, f"left out, {message}")
        return None
    log.add("wrong_size", str(path), None, f"scaled the boxes, {message}")
    return width, height


def _stated_size(entry: Json, width: int, height: int) -> tuple[int, int]:
    """The size that an image's entry states, or, where it states none, that of the file."""
    match entry:
        case {"width": int(stated_width), "height": int(stated_height)} if (
            min(stated_width, stated_height) > 0 and max(stated_width, stated_height) < 10**9
        ):
            return stated_width, stated_height
    return width, height


def _record(
    path: Path,
    size: tuple[int, int],
    entry: Json,
    annotations: list[Json],
    classes: set[int],
    source: Path,
    log: RepairLog,
) -> ImageRecord:
    width, height = size
    scale = width / _stated_size(entry, width, height)[0]
    if not annotations:
        log.add("image_without_label", str(path), None, "kept as an image without objects")
    raw = [box for each in annotations if (box := _raw_box(each, scale, source, log)) is not None]
    boxes, class_ids = repair_boxes(
        raw, width=width, height=height, classes=classes, file=str(source), log=log
    )
    return ImageRecord(path=str(path), width=width, height=height, boxes_xyxy_px=boxes, class_ids=class_ids)


def _raw_box(annotation: Json, scale: float, source: Path, log: RepairLog) -> RawBox | None:
    """The box in pixels of the file; `bbox` is x, y, width, height from the top left corner."""
    try:
        x, y, w, h = (float(value) * scale for value in annotation["bbox"])
    except (TypeError, ValueError, OverflowError):
        log.add("malformed_line", str(source), _line(annotation), "left out, bbox is not four numbers")
        return None
    if not all(map(isfinite, (x, y, w, h))):
        log.add("non_finite", str(source), _line(annotation), "left out")
        return None
    class_id = annotation["category_id"]
    return RawBox(_line(annotation), class_id, (x, y, x + w, y + h), (class_id, x, y, w, h))
