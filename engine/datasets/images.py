# SPDX-License-Identifier: AGPL-3.0-only
"""Image files: size from the header, integrity, and pixels. No torch."""

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
from engine.outpost import here

# Ultralytics' image suffixes, and further ones; files that cannot be opened are reported.
_STILLS = (".bmp", ".dng", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp")
IMAGE_SUFFIXES = frozenset({*_STILLS, ".avif", ".gif", ".heic", ".heif", ".jfif", ".jpe"})
MOST_PIXELS = 2**30  # OpenCV's limit
_LONGEST_SIDE = 2**20  # OpenCV's limit

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
# Not every build of OpenCV supports these, and builds disagree on rotation and on frames of a GIF.
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
    """An image file cannot be used; `kind` is the repair's name, `reason` the fault in a few words."""

    def __init__(self, path: str | Path, kind: str, reason: str) -> None:
        super().__init__(
            f"{path}: expected a whole image file, got {reason}; restore the file or import the dataset again"
        )
        self.kind = kind
        self.reason = reason


def probe_size(path: str | Path) -> tuple[int, int]:
    """Width and height in pixels from the header, with EXIF orientation applied, as in `read_rgb`.

    Integrity is checked by the end marker (JPEG, PNG, GIF) or the length field (WebP, BMP); files of other
    formats or that fail this check are decoded.

    Raises:
        BadImageError: the file is missing, empty, truncated, unreadable or too large.
    """
    return _with_file(path, _probe)


def read_rgb(path: str | Path) -> npt.NDArray[np.uint8]:
    """Read an image, or an animation's first frame, with EXIF orientation applied, like Ultralytics.

    Returns:
        uint8 (h, w, 3), RGB.

    Raises:
        BadImageError: the file is missing, empty, truncated, unreadable or too large.
    """
    probe_size(path)
    pixels_bgr = _with_file(path, _decoded_bgr)
    if pixels_bgr is None:
        raise BadImageError(path, "unreadable_image", "a file that cannot be decoded")
    return np.ascontiguousarray(pixels_bgr[..., ::-1], dtype=np.uint8)


def read_small(path: str | Path, side_px: int) -> Image.Image:
    """Read an image as an upright RGB thumbnail with sides of at most `side_px`.

    Raises:
        BadImageError: the file is missing, empty, truncated, unreadable or too large.
    """

    def read(path: str | Path, file: BinaryIO) -> Image.Image:
        with _opened(path, file, _format_of(path, file)) as image:
            image.draft("RGB", (side_px, side_px))  # decodes a JPEG at a fraction of its size
            small = image.convert("RGB")
            orientation = _orientation(image)
        small.thumbnail((side_px, side_px))
        return small.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else small

    return _with_file(path, read)


def exif_orientation(path: str | Path) -> int:
    """The EXIF orientation applied by `read_rgb`, 1 (upright) to 8.

    Raises:
        BadImageError: the file is missing, empty, unreadable or too large.
    """

    def read(path: str | Path, file: BinaryIO) -> int:
        image = _opened(path, file, _format_of(path, file))
        # Pillow rotates a TIFF itself when decoding it.
        tag = image.getexif().get(_ORIENTATION_TAG, 1) if image.format == "TIFF" else _orientation(image)
        return int(tag)

    return _with_file(path, read)


def _with_file(path: str | Path, read: Read[Result]) -> Result:
    """Open a file and read from it, turning all exceptions into `BadImageError`."""
    try:
        str(path).encode()
        with open(here(Path(path)), "rb") as file:
            return read(path, file)
    except FileNotFoundError:
        raise BadImageError(path, "missing_image", "no file (moved or deleted?)") from None
    except BadImageError:
        raise
    except Exception as error:  # damaged bytes and odd paths can raise almost anything
        raise BadImageError(path, "unreadable_image", f"an unreadable file ({_first_line(error)})") from error


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
        raise BadImageError(path, kind, f"a {word} file ({reason})") from error


def _format_of(path: str | Path, file: BinaryIO) -> str:
    """Pillow's name of a file's format, detected from its first bytes, not from its suffix."""
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
    raise BadImageError(path, "unreadable_image", f"a file that is not {known}")


def _opened(path: str | Path, file: BinaryIO, image_format: str) -> ImageFile.ImageFile:
    """Open an image and read its header, rejecting sizes that OpenCV cannot decode.

    Avoids `Image.open`, which Ultralytics replaces by a function that may try to install packages.
    """
    Image.preinit()  # only common formats, which is fast
    if image_format not in Image.OPEN:
        Image.init()
    if image_format == "HEIF" and find_spec("pillow_heif") is not None:
        import_module("pillow_heif").register_heif_opener()
    if image_format not in Image.OPEN:
        reason = _NEEDED.get(image_format, f"{image_format}, which this version of Pillow cannot read")
        raise BadImageError(path, "unreadable_image", reason)
    image = Image.OPEN[image_format][0](file, "")
    width, height = image.size
    if width * height > MOST_PIXELS or max(width, height) > _LONGEST_SIDE:
        reason = f"one of {width}x{height} pixels, more than the limit of {MOST_PIXELS:,}"
        raise BadImageError(path, "huge_image", reason)
    return image


def _orientation(image: ImageFile.ImageFile) -> int:
    """The EXIF orientation to apply, 1 to 8."""
    # Without an EXIF block, Pillow may return an orientation from XMP, which OpenCV ignores.
    return int(image.getexif().get(_ORIENTATION_TAG, 1)) if "exif" in image.info else 1


def _upright_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Width and height from the header, with EXIF orientation applied."""
    width, height = image.size
    return (height, width) if _orientation(image) in _TURNED else (width, height)


def _decoded_bgr(path: str | Path, file: BinaryIO) -> npt.NDArray[Any] | None:
    """The pixels; None if they cannot be decoded."""
    image_format = _format_of(path, file)
    if image_format in _DECODED_BY_PILLOW:
        image = _opened(path, file, image_format)
        orientation = _orientation(image)
        upright = image.convert("RGB")
        if orientation in _UPRIGHT:
            upright = upright.transpose(_UPRIGHT[orientation])
        return np.asarray(upright)[..., ::-1]
    import cv2  # not needed by most imports of datasets, which read only headers

    try:
        return cv2.imdecode(np.frombuffer(file.read(), dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None


def _decoded_size(
    path: str | Path, file: BinaryIO, image: ImageFile.ImageFile, image_format: str
) -> tuple[int, int]:
    """Width and height from the pixels; both Pillow and OpenCV must accept the file."""
    image.load()  # some builds of OpenCV silently fill missing parts with grey
    if image_format in _DECODED_BY_PILLOW:
        return _upright_size(image)
    pixels = _decoded_bgr(path, file)
    if pixels is None:
        raise ValueError("its end is missing")
    return pixels.shape[1], pixels.shape[0]


def _ends_well(file: BinaryIO, image_format: str) -> bool:
    """Whether the file's end marker or length proves it complete; False if only decoding can."""
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
