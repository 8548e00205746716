# SPDX-License-Identifier: AGPL-3.0-only
"""Image files: their size from the header alone, whether they are whole, and their pixels. No torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from engine.errors import DatasetError
from engine.excerpts import short_line

__all__ = ["IMAGE_SUFFIXES", "BadImageError", "probe_size", "read_rgb"]

# What Ultralytics takes for an image; those that cannot be opened here are reported, not passed over.
_STILLS = (".bmp", ".dng", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp")
IMAGE_SUFFIXES = frozenset({*_STILLS, ".avif", ".heic", ".heif"})

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"RIFF", "WEBP"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP", "JPEG2000"),
)
_ORIENTATION_TAG = 274
_TURNED = frozenset({5, 6, 7, 8})  # EXIF orientations that swap width and height
_TAILS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


class BadImageError(DatasetError):
    """An image file cannot be used; `kind` is the repair's name, `reason` what is wrong in a few words."""

    def __init__(self, path: str | Path, kind: str, reason: str) -> None:
        super().__init__(
            f"{path}: expected a whole image file, got {reason}; restore the file or import the dataset again"
        )
        self.kind = kind
        self.reason = reason


def probe_size(path: str | Path) -> tuple[int, int]:
    """Width and height in pixels as `read_rgb` gives them (EXIF orientation applied), from the header.

    Whether the file is whole is told from its end marker (JPEG, PNG) or its own length field (WebP, BMP);
    only a file that fails this test, or a TIFF or JPEG 2000, is decoded to decide.

    Raises:
        BadImageError: the file is missing, empty, truncated or unreadable.
    """
    try:
        str(path).encode()
        with open(path, "rb") as file:
            return _probe(path, file)
    except FileNotFoundError:
        raise BadImageError(path, "missing_image", "no file there (moved or deleted?)") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte or not in UTF-8
        raise BadImageError(path, "unreadable_image", f"one not readable ({error})") from error


def read_rgb(path: str | Path) -> npt.NDArray[np.uint8]:
    """An image's pixels, uint8 (h, w, 3), RGB, EXIF orientation applied, as Ultralytics reads them.

    Raises:
        BadImageError: the file is missing, empty, truncated or unreadable.
    """
    probe_size(path)
    pixels_bgr = _decoded_bgr(path)
    if pixels_bgr is None:
        raise BadImageError(path, "unreadable_image", "one that cannot be decoded")
    return np.ascontiguousarray(pixels_bgr[..., ::-1], dtype=np.uint8)


def _probe(path: str | Path, file: BinaryIO) -> tuple[int, int]:
    head = file.read(16)
    if not head:
        raise BadImageError(path, "empty_image", "an empty file")
    image_format = next((name for signature, name in _SIGNATURES if head.startswith(signature)), None)
    if image_format is None:
        raise BadImageError(path, "unreadable_image", "no JPEG, PNG, WebP, BMP, TIFF or JPEG 2000")
    whole = _ends_well(file, head, image_format)
    file.seek(0)
    try:
        image = _opener(image_format)(file)
        return _upright_size(image) if whole else _decoded_size(image, path)
    except Exception as error:  # decoders fed damaged bytes raise nearly anything
        kind, word = ("unreadable_image", "damaged") if whole else ("truncated_image", "truncated")
        reason = short_line(str(error) or type(error).__name__, 80)
        raise BadImageError(path, kind, f"a {word} one ({reason})") from error


def _opener(image_format: str) -> Callable[[BinaryIO], ImageFile.ImageFile]:
    """Pillow's class for a format, called directly.

    `Image.open` is avoided: Ultralytics replaces it by one that tries to install packages on a damaged file.
    """
    Image.preinit()  # the common formats, quick
    if image_format not in Image.OPEN:
        Image.init()
    factory = Image.OPEN[image_format][0]
    return lambda file: factory(file, "")


def _upright_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Width and height from the header, EXIF orientation applied."""
    width, height = image.size
    # Pillow also finds orientations in XMP, which OpenCV ignores: ask only where there is an EXIF block.
    turned = "exif" in image.info and image.getexif().get(_ORIENTATION_TAG, 1) in _TURNED
    return (height, width) if turned else (width, height)


def _decoded_bgr(path: str | Path) -> npt.NDArray[Any] | None:
    """The pixels, None where OpenCV cannot decode them."""
    import cv2  # most imports of datasets read headers only and do without

    return cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_COLOR)


def _decoded_size(image: ImageFile.ImageFile, path: str | Path) -> tuple[int, int]:
    """Width and height from the pixels; both decoders must agree that the file is whole."""
    image.load()  # some OpenCV fill what is missing with grey and say nothing
    pixels = _decoded_bgr(path)
    if pixels is None:
        raise ValueError("its end is missing")
    return pixels.shape[1], pixels.shape[0]


def _ends_well(file: BinaryIO, head: bytes, image_format: str) -> bool:
    """Whether the file's end says that it is whole; False where only decoding can tell."""
    length = file.seek(0, 2)
    if image_format in _TAILS:
        tail = _TAILS[image_format]
        file.seek(max(length - len(tail), 0))
        return file.read() == tail
    if image_format == "WEBP":
        return length >= int.from_bytes(head[4:8], "little") + 8
    return image_format == "BMP" and length >= int.from_bytes(head[2:6], "little") > 0
