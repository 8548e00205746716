# SPDX-License-Identifier: AGPL-3.0-only
"""Image files: their size from the header alone, whether they are whole, and their pixels. No torch."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from engine.errors import DatasetError
from engine.excerpts import short_line

# What Ultralytics takes for an image, and what else is read here; what cannot be opened is reported.
_STILLS = (".bmp", ".dng", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp")
IMAGE_SUFFIXES = frozenset({*_STILLS, ".avif", ".gif", ".heic", ".heif", ".jfif", ".jpe"})
MOST_PIXELS = 2**30  # OpenCV decodes no more
_LONGEST_SIDE = 2**20  # nor a longer side

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"RIFF", "WEBP"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP", "JPEG2000"),
    (b"GIF8", "GIF"),
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
# Not every build of OpenCV has these, and those that do disagree on rotation and on the frames of a GIF.
_DECODED_BY_PILLOW = frozenset({"AVIF", "GIF", "HEIF"})
_NEEDED = {
    "AVIF": "an AVIF image, which needs Pillow 11.3 or newer",
    "HEIF": "a HEIC image, which needs the package pillow-heif",
}
_ORIENTATION_TAG = 274
_TURNED = frozenset({5, 6, 7, 8})  # EXIF orientations that swap width and height
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TAILS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82", "GIF": b";"}


Result = TypeVar("Result")
Read = Callable[[str | Path, BinaryIO], Result]


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

    Whether the file is whole is told from its end marker (JPEG, PNG, GIF) or its own length field (WebP,
    BMP); only a file that fails this test, or one of another format, is decoded to decide.

    Raises:
        BadImageError: the file is missing, empty, truncated, unreadable or too large.
    """
    return _with_file(path, _probe)


def read_rgb(path: str | Path) -> npt.NDArray[np.uint8]:
    """An image's pixels, uint8 (h, w, 3), RGB, EXIF orientation applied, as Ultralytics reads them.

    Of an animation the first frame.

    Raises:
        BadImageError: the file is missing, empty, truncated, unreadable or too large.
    """
    probe_size(path)
    pixels_bgr = _with_file(path, _decoded_bgr)
    if pixels_bgr is None:
        raise BadImageError(path, "unreadable_image", "one that cannot be decoded")
    return np.ascontiguousarray(pixels_bgr[..., ::-1], dtype=np.uint8)


def read_small(path: str | Path, side_px: int) -> Image.Image:
    """A small upright picture of an image, RGB, neither side longer than `side_px`.

    Raises:
        BadImageError: the file is missing, empty, truncated, unreadable or too large.
    """

    def read(path: str | Path, file: BinaryIO) -> Image.Image:
        with _opened(path, file, _format_of(path, file)) as image:
            image.draft("RGB", (side_px, side_px))  # a JPEG is decoded at a fraction of its size
            small = image.convert("RGB")
            orientation = _orientation(image)
        small.thumbnail((side_px, side_px))
        return small.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else small

    return _with_file(path, read)


def exif_orientation(path: str | Path) -> int:
    """The EXIF orientation that `read_rgb` applies, 1 (upright) to 8.

    Raises:
        BadImageError: the file is missing, empty, unreadable or too large.
    """

    def read(path: str | Path, file: BinaryIO) -> int:
        image = _opened(path, file, _format_of(path, file))
        # Pillow turns a TIFF by itself when it is decoded.
        tag = image.getexif().get(_ORIENTATION_TAG, 1) if image.format == "TIFF" else _orientation(image)
        return int(tag)

    return _with_file(path, read)


def _with_file(path: str | Path, read: Read[Result]) -> Result:
    """What is read from an open file; whatever goes wrong on the way becomes a `BadImageError`."""
    try:
        str(path).encode()
        with open(path, "rb") as file:
            return read(path, file)
    except FileNotFoundError:
        raise BadImageError(path, "missing_image", "no file there (moved or deleted?)") from None
    except BadImageError:
        raise
    except Exception as error:  # decoders fed damaged bytes raise nearly anything; so do odd paths
        raise BadImageError(path, "unreadable_image", f"one not readable ({_first_line(error)})") from error


def _probe(path: str | Path, file: BinaryIO) -> tuple[int, int]:
    image_format = _format_of(path, file)
    whole = _ends_well(file, image_format)
    file.seek(0)
    try:
        image = _opened(path, file, image_format)
        return _upright_size(image) if whole else _decoded_size(path, file, image, image_format)
    except BadImageError:
        raise
    except Exception as error:
        kind, word = ("unreadable_image", "damaged") if whole else ("truncated_image", "truncated")
        reason = short_line(str(error) or type(error).__name__, 80)
        raise BadImageError(path, kind, f"a {word} one ({reason})") from error


def _format_of(path: str | Path, file: BinaryIO) -> str:
    """Pillow's name of a file's format, told from its first bytes; its suffix may say otherwise."""
    file.seek(0)
    head = file.read(64)
    file.seek(0)
    if not head:
        raise BadImageError(path, "empty_image", "an empty file")
    if head[4:8] == b"ftyp":
        length = int.from_bytes(head[:4], "big")
        brands = {head[8:12], *(head[start : start + 4] for start in range(16, min(length, 64), 4))}
        if brands & _AVIF_BRANDS:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIF"
    for signature, image_format in _SIGNATURES:
        if head.startswith(signature):
            return image_format
    known = "JPEG, PNG, WebP, AVIF, HEIC, GIF, BMP, TIFF or JPEG 2000"
    raise BadImageError(path, "unreadable_image", f"no {known}")


def _opened(path: str | Path, file: BinaryIO, image_format: str) -> ImageFile.ImageFile:
    """An image with its header read, at most as large as OpenCV decodes.

    `Image.open` is avoided: Ultralytics replaces it by one that tries to install packages on a damaged file.
    """
    Image.preinit()  # the common formats, quick
    if image_format not in Image.OPEN:
        Image.init()
    if image_format == "HEIF" and find_spec("pillow_heif") is not None:
        import_module("pillow_heif").register_heif_opener()
    if image_format not in Image.OPEN:
        reason = _NEEDED.get(image_format, f"{image_format}, which this Pillow cannot read")
        raise BadImageError(path, "unreadable_image", reason)
    image = Image.OPEN[image_format][0](file, "")
    width, height = image.size
    if width * height > MOST_PIXELS or max(width, height) > _LONGEST_SIDE:
        reason = f"one of {width}x{height} pixels, more than can be decoded ({MOST_PIXELS:,})"
        raise BadImageError(path, "huge_image", reason)
    return image


def _orientation(image: ImageFile.ImageFile) -> int:
    """The EXIF orientation that is applied, 1 to 8."""
    # Pillow also finds orientations in XMP, which OpenCV ignores: ask only where there is an EXIF block.
    return int(image.getexif().get(_ORIENTATION_TAG, 1)) if "exif" in image.info else 1


def _upright_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Width and height from the header, EXIF orientation applied."""
    width, height = image.size
    return (height, width) if _orientation(image) in _TURNED else (width, height)


def _decoded_bgr(path: str | Path, file: BinaryIO) -> npt.NDArray[Any] | None:
    """The pixels, None where they cannot be decoded."""
    image_format = _format_of(path, file)
    if image_format in _DECODED_BY_PILLOW:
        image = _opened(path, file, image_format)
        orientation = _orientation(image)
        upright = image.convert("RGB")
        if orientation in _UPRIGHT:
            upright = upright.transpose(_UPRIGHT[orientation])
        return np.asarray(upright)[..., ::-1]
    import cv2  # most imports of datasets read headers only and do without

    try:
        return cv2.imdecode(np.frombuffer(file.read(), dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None


def _decoded_size(
    path: str | Path, file: BinaryIO, image: ImageFile.ImageFile, image_format: str
) -> tuple[int, int]:
    """Width and height from the pixels; all decoders in use must agree that the file is whole."""
    image.load()  # some OpenCV fill what is missing with grey and say nothing
    if image_format in _DECODED_BY_PILLOW:
        return _upright_size(image)
    pixels = _decoded_bgr(path, file)
    if pixels is None:
        raise ValueError("its end is missing")
    return pixels.shape[1], pixels.shape[0]


def _ends_well(file: BinaryIO, image_format: str) -> bool:
    """Whether the file's end says that it is whole; False where only decoding can tell."""
    head = file.read(16)
    length = file.seek(0, 2)
    if image_format in _TAILS:
        tail = _TAILS[image_format]
        file.seek(max(length - len(tail), 0))
        return file.read() == tail
    if image_format == "WEBP":
        return length >= int.from_bytes(head[4:8], "little") + 8
    return image_format == "BMP" and length >= int.from_bytes(head[2:6], "little") > 0


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:80]
