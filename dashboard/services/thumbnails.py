# SPDX-License-Identifier: AGPL-3.0-only
"""Small pictures of a dataset's images with their boxes drawn, quick enough for the page to make itself."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw

from dashboard.charts.theme import colour
from dashboard.services import datasets
from dashboard.services.storage import cached
from engine.datasets.images import BadImageError, read_rgb, read_small

SIDE_PX = 480
CUT_PX = 240
MARGIN = 0.25  # of an object's longer side, around it
SMALLEST_PX = 24  # a cut-out of less would show nothing but blocks
MOST_PIXELS = 60_000_000  # larger images would keep the page waiting


@cached(ttl_s=600, max_entries=256)
def thumbnail(name: str, imported_at: str, position: int, class_id: int | None) -> bytes | None:
    """An image as a JPEG of at most 480 pixels, with its boxes of one class or (None) of all drawn.

    Returns:
        None if its file cannot be shown: moved, damaged, in an unknown format, or huge.

    Raises:
        DatasetError: the dataset has no such image.
    """
    record = datasets.image(name, imported_at, position)
    keep = slice(None) if class_id is None else record.class_ids == class_id
    boxes, classes = record.boxes_xyxy_px[keep].tolist(), record.class_ids[keep].tolist()
    if record.width * record.height > MOST_PIXELS:
        return None
    try:
        return drawn(record.path, record.width, boxes, classes)
    except BadImageError:
        return None


def drawn(path: str, width: int, boxes_xyxy_px: Sequence[Sequence[float]], classes: Sequence[int]) -> bytes:
    """A file's thumbnail with boxes.

    Args:
        path: of the image.
        width: of the upright image in pixels, which boxes are in.
        boxes_xyxy_px, classes: as many of either; the class chooses the colour.

    Raises:
        BadImageError: the file cannot be read as an image.
    """
    small = read_small(path, SIDE_PX)
    scale = small.width / width
    pen = ImageDraw.Draw(small)
    for box, class_id in zip(boxes_xyxy_px, classes, strict=True):
        corners = [side * scale for side in box]
        pen.rectangle(corners, outline="#FFFFFF", width=4)  # a light rim shows on any picture
        pen.rectangle(corners, outline=colour(class_id), width=2)
    return _jpeg(small)


@cached(ttl_s=600, max_entries=512)
def cut_out(name: str, imported_at: str, position: int, box_xyxy_px: tuple[float, ...]) -> bytes | None:
    """An object with what is around it, in a square of 240 pixels, as a JPEG with its box drawn.

    Args:
        name, imported_at, position: of its image; see `thumbnail`.
        box_xyxy_px: corners in pixels of the image.

    Returns:
        None if its file cannot be shown; see `thumbnail`.

    Raises:
        DatasetError: the dataset has no such image.
    """
    record = datasets.image(name, imported_at, position)
    if record.width * record.height > MOST_PIXELS:
        return None
    try:
        image = Image.fromarray(read_rgb(record.path))
    except BadImageError:
        return None
    left, top, right, bottom = box_xyxy_px
    half = max(right - left, bottom - top, SMALLEST_PX) * (0.5 + MARGIN)
    x, y = (left + right) / 2 - half, (top + bottom) / 2 - half
    scale = CUT_PX / (2 * half)
    cut = image.crop((round(x), round(y), round(x + 2 * half), round(y + 2 * half))).resize((CUT_PX, CUT_PX))
    corners = [(side - (x, y)[place % 2]) * scale for place, side in enumerate(box_xyxy_px)]
    pen = ImageDraw.Draw(cut)
    pen.rectangle(corners, outline="#000000", width=4)
    pen.rectangle(corners, outline=colour(0), width=2)
    return _jpeg(cut)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
