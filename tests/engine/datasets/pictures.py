# SPDX-License-Identifier: AGPL-3.0-only
"""Small pictures on disk for the tests of readers and loader."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from engine.records import ImageRecord


def picture_bytes(width=64, height=48, *, image_format="JPEG", orientation=None, seed=0) -> bytes:
    """A picture of smooth colours (so that JPEG keeps them), encoded."""
    corners = np.random.default_rng(seed).integers(0, 255, (2, 2, 3), dtype=np.uint8)
    picture = Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR)
    exif = Image.Exif()
    if orientation:
        exif[274] = orientation
    buffer = io.BytesIO()
    picture.save(buffer, image_format, exif=exif)
    return buffer.getvalue()


def write_picture(path: Path, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture_bytes(**options))
    return path


def record(path: Path, width=64, height=48, boxes=(), classes=()) -> ImageRecord:
    return ImageRecord(
        path=str(path),
        width=width,
        height=height,
        boxes_xyxy_px=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        class_ids=np.array(classes, dtype=np.int64),
    )
