# SPDX-License-Identifier: AGPL-3.0-only
"""The images of COCO JSON: their files, and their boxes in the pixels of those files. No torch."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.datasets.annotations import RepairLog
from engine.datasets.coco_files import ImageFolder
from engine.datasets.coco_values import identity, number
from engine.datasets.images import BadImageError, exif_orientation, probe_size
from engine.excerpts import short_repr

Corners = tuple[float, float, float, float]


class CocoBox(NamedTuple):
    """An annotation's box, with x and y of the top left corner; `line` is the annotation's id."""

    line: int | None
    class_id: int
    x: float
    y: float
    w: float
    h: float


@dataclass
class CocoImage:
    """An image listed in the file, with its annotations.

    Attributes:
        file_name: as written.
        size: stated width and height; None if missing.
        boxes: of all its annotations.
        clash: why its boxes are ambiguous; "" if they are not.
    """

    file_name: str
    size: tuple[float, float] | None
    boxes: list[CocoBox] = field(default_factory=list)
    clash: str = ""


def list_images(
    source: str, entries: Iterable[Any], log: RepairLog
) -> tuple[list[CocoImage], dict[int | str, CocoImage]]:
    """The images in order, and the image of each id.

    Two entries for one file are merged into one image. One id for two files, or different sizes of one file,
    make the images ambiguous.
    """
    images: dict[str, CocoImage] = {}
    owners: dict[int | str, CocoImage] = {}
    for entry in entries:
        parsed = _entry(source, entry, log)
        if parsed is None:
            log.add("malformed_line", source, None, f"skipped the image entry {short_repr(entry)}")
            continue
        own_id, image = parsed
        key = posixpath.normpath(image.file_name.replace("\\", "/"))
        known, owner = images.setdefault(key, image), owners.get(own_id)
        if None not in (known.size, image.size) and known.size != image.size:
            known.clash = f"two entries of {image.file_name} state different sizes"
        known.size = known.size or image.size
        if owner is not None and owner is not known:
            owner.clash = known.clash = f"ID {own_id} refers to {owner.file_name} and {known.file_name}"
        elif known is not image and not known.clash:
            done = "skipped the duplicate" if owner is known else "merged the boxes of both entries"
            log.add("duplicate_image", source, None, f"{done} of {image.file_name}")
        owners.setdefault(own_id, known)
    return list(images.values()), owners


def leave_out_ambiguous(images: Iterable[CocoImage], source: str, log: RepairLog) -> list[CocoImage]:
    """The images without ambiguous boxes."""
    kept = []
    for image in images:
        if image.clash:
            lost = f"skipped {image.file_name}, {image.clash}; annotations skipped: {len(image.boxes)}"
            log.add("ambiguous_image", source, None, lost)
        else:
            kept.append(image)
    return kept


def locate(
    images: Sequence[CocoImage], folder: ImageFolder, source: str, log: RepairLog
) -> list[tuple[CocoImage, str]]:
    """Each image with its file, searched for by the end of its path if not found as named."""
    names = [image.file_name for image in images]
    located = {name: folder.path(name) for name in names if folder.has(name)}
    searched = {name: folder.search(name) for name in names if name not in located}
    claims = Counter([*located.values(), *(path for paths in searched.values() for path in paths)])
    for file_name, paths in searched.items():
        if not paths:
            log.add("missing_image", source, None, f"skipped {file_name}, no such file")
        elif len(paths) > 1 or claims[paths[0]] > 1:
            reason = (
                f"{len(paths)} files match"
                if len(paths) > 1
                else "the matching file also matches another entry"
            )
            log.add("missing_image", source, None, f"skipped {file_name}, {reason}")
        else:
            located[file_name] = paths[0]
            log.tally("moved_image", paths[0], "found by the end of its path")
    return [(image, located[image.file_name]) for image in images if image.file_name in located]


def fit_boxes(
    image: CocoImage, path: str, log: RepairLog, *, normalised: bool
) -> tuple[int, int, list[Corners]] | None:
    """The file's size, and the boxes as corners in its pixels.

    Args:
        image: with the boxes as annotated.
        path: its file.
        log: takes the repairs.
        normalised: whether the boxes are relative to the image's size.

    Returns:
        Width, height and the corners of all boxes; None if the file is damaged or not the annotated image.
    """
    try:
        width, height = probe_size(path)
    except BadImageError as error:
        log.add(error.kind, path, None, f"skipped, got {error.reason}")
        return None
    stated_width, stated_height = image.size or (width, height)
    factors = (stated_width, stated_height) if normalised else (1, 1)
    drawn = [_corners(box, *factors) for box in image.boxes]
    if (stated_width, stated_height) == (width, height):
        return width, height, drawn
    sizes = f"file {width}x{height}, annotations {stated_width:g}x{stated_height:g}"
    if _alike(stated_width / stated_height, width / height):
        log.add("wrong_size", path, None, f"scaled the boxes, {sizes}")
        return width, height, _scaled(drawn, width / stated_width)
    if not _alike(stated_width / stated_height, height / width):
        log.add("wrong_size", path, None, f"skipped, {sizes}")
        return None
    lying = _fit_lying(path, drawn, (stated_width, stated_height), (width, height), sizes, log)
    return None if lying is None else (width, height, lying)


def _fit_lying(
    path: str,
    boxes: list[Corners],
    stated: tuple[float, float],
    size: tuple[int, int],
    sizes: str,
    log: RepairLog,
) -> list[Corners] | None:
    """Boxes of an image with swapped width and height, such as a photograph before EXIF rotation."""
    orientation = exif_orientation(path)
    if orientation < 5:
        reason = "width and height are swapped, but the file has no EXIF orientation that swaps them"
        log.add("wrong_size", path, None, f"skipped, {sizes}: {reason}")
        return None
    if _exceeds(boxes, *stated) and not _exceeds(boxes, *reversed(stated)):
        log.add("wrong_size", path, None, f"kept the boxes, which match the upright photograph, {sizes}")
        return _scaled(boxes, size[0] / stated[1])
    log.add("turned_image", path, None, f"rotated the boxes by the EXIF orientation {orientation}, {sizes}")
    return [_turned(box, orientation, *size) for box in _scaled(boxes, size[1] / stated[0])]


def _entry(source: str, entry: Any, log: RepairLog) -> tuple[int | str, CocoImage] | None:
    if not isinstance(entry, dict):
        return None
    own_id, file_name = identity(entry.get("id")), entry.get("file_name")
    if own_id is None or not isinstance(file_name, str) or not file_name.strip() or "\0" in file_name:
        return None
    written = entry.get("width"), entry.get("height")
    width, height = map(number, written)
    if width is not None and height is not None and min(width, height) > 0 and max(width, height) < 10**9:
        return own_id, CocoImage(file_name, (width, height))
    if written != (None, None):
        stated = "x".join(short_repr(side, 20) for side in written)
        log.add("unclear_size", source, None, f"used the size of the file {file_name} instead of {stated}")
    return own_id, CocoImage(file_name, None)


def _corners(box: CocoBox, width: float, height: float) -> Corners:
    return box.x * width, box.y * height, (box.x + box.w) * width, (box.y + box.h) * height


def _scaled(boxes: Iterable[Corners], scale: float) -> list[Corners]:
    return [(x1 * scale, y1 * scale, x2 * scale, y2 * scale) for x1, y1, x2, y2 in boxes]


def _alike(first: float, second: float) -> bool:
    """Whether two aspect ratios differ only by rounding."""
    return abs(first / second - 1) <= 0.01


def _exceeds(boxes: Iterable[Corners], width: float, height: float) -> bool:
    return any(max(x1, x2) > width + 1 or max(y1, y2) > height + 1 for x1, y1, x2, y2 in boxes)


def _turned(box: Corners, orientation: int, width: int, height: int) -> Corners:
    """Convert a box in stored pixels to the upright image of this size."""
    x1, y1, x2, y2 = box
    return {
        5: (y1, x1, y2, x2),
        6: (width - y2, x1, width - y1, x2),
        7: (width - y2, height - x2, width - y1, height - x1),
        8: (y1, height - x2, y2, height - x1),
    }[orientation]
