# SPDX-License-Identifier: AGPL-3.0-only
"""Reads and writes patches as NumPy arrays, without torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from engine.disk import write_atomically
from engine.errors import PatchFileError
from engine.outpost import here

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

SMALLEST_PX, LARGEST_PX = 4, 4096
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
IMAGE_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")
ROUNDING = 1e-4  # tolerated excess over 0 to 1 from float32 arithmetic


def read_patch_array(path: str | Path) -> tuple[FloatArray, BoolArray | None]:
    """Read a patch and its mask from a file, written by PatchBench or not.

    Args:
        path: `.npy` (float 0 to 1 or uint8; 3×h×w or h×w×3), or `.png`, `.jpg` (RGB, grey or palette, with
            or without transparency), with sides of 4 to 4096 texels.

    Returns:
        The patch, float32 (3, h, w), 0 to 1, and the mask of drawn texels, bool (h, w): those at least half
        opaque, or None for all.

    Raises:
        PatchFileError: the file does not exist or is not such a patch.
    """
    path = here(Path(path))
    if not path.is_file():
        raise PatchFileError(f"{path}: expected a patch file (.npy or .png), found none; check the path")
    if path.suffix.lower() == ".npy":
        return _read_array(path), None
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _read_image(path)
    raise PatchFileError(
        f"{path}: expected a patch as .npy, {', '.join(IMAGE_SUFFIXES)}, got {path.suffix or 'no suffix'}"
    )


def write_patch_array(
    folder: Path, patch_chw: FloatArray, mask_hw: BoolArray | None = None, *, stem: str = "patch"
) -> None:
    """Write `patch.npy` (float32, 3×h×w) and `patch.png` (8 bits; the mask as transparency), atomically each.

    Args:
        folder: an existing folder.
        patch_chw: float32 (3, h, w), 0 to 1.
        mask_hw: bool (h, w), True for texels that are drawn; None for all.
        stem: the files' name without suffix.

    Raises:
        StorageError: the folder cannot be written to (full, read-only, missing).
    """
    pixels = np.rint(patch_chw.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    if mask_hw is not None:
        pixels = np.concatenate([pixels, mask_hw.astype(np.uint8)[..., None] * 255], axis=2)
    write_atomically(folder / f"{stem}.npy", lambda file: np.save(file, patch_chw, allow_pickle=False))
    image = Image.fromarray(np.ascontiguousarray(pixels))
    write_atomically(folder / f"{stem}.png", lambda file: image.save(file, format="PNG"))


def fingerprint(patch_chw: FloatArray, mask_hw: BoolArray | None = None) -> str:
    """SHA-256 of a patch's texels and mask, independent of the file format."""
    digest = hashlib.sha256(repr(patch_chw.shape).encode())
    digest.update(np.ascontiguousarray(patch_chw, dtype="<f4").tobytes())
    if mask_hw is not None:
        digest.update(np.packbits(mask_hw).tobytes())
    return digest.hexdigest()


def _read_array(path: Path) -> FloatArray:
    try:
        # Memory-mapped: a header that claims more data than the file has is rejected without allocation.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise PatchFileError(
            f"{path}: expected a NumPy array, got an unreadable file; save it again"
        ) from error
    if not isinstance(array, np.ndarray) or not (array.dtype == np.uint8 or array.dtype.kind == "f"):
        got = getattr(array, "dtype", "an archive")
        raise PatchFileError(f"{path}: expected floats of 0 to 1 or uint8, got {got}; convert it")
    if array.ndim == 3 and array.shape[0] != 3 and array.shape[2] == 3:
        array = array.transpose(2, 0, 1)
    if array.ndim != 3 or array.shape[0] != 3:
        shape = "x".join(map(str, array.shape)) or "a single number"
        raise PatchFileError(f"{path}: expected a patch of 3xheightxwidth, got {shape}; reshape it")
    _require_size(path, array.shape[2], array.shape[1])
    patch = np.array(array, dtype=np.float32)
    if array.dtype == np.uint8:
        patch /= 255
    return _in_range(path, patch)


def _in_range(path: Path, patch: FloatArray) -> FloatArray:
    if not np.isfinite(patch).all():
        raise PatchFileError(f"{path}: expected finite numbers, got NaN or infinity; the patch is damaged")
    low, high = float(patch.min()), float(patch.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise PatchFileError(f"{path}: expected values of 0 to 1, got {low:g} to {high:g}; scale them")
    return patch.clip(0, 1)


def _read_image(path: Path) -> tuple[FloatArray, BoolArray | None]:
    try:
        with Image.open(path) as image:
            _require_size(path, image.width, image.height)
            if image.mode not in IMAGE_MODES:
                raise PatchFileError(
                    f"{path}: expected 8 bits a channel (RGB or grey), got mode {image.mode}"
                )
            rgba = np.asarray(image.convert("RGBA"))
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise PatchFileError(f"{path}: expected an image, got an unreadable file; save it again") from error
    patch = np.ascontiguousarray(rgba[..., :3].transpose(2, 0, 1), dtype=np.float32) / np.float32(255)
    opaque = rgba[..., 3] >= 128
    if not opaque.any():
        raise PatchFileError(f"{path}: expected a visible patch, got a fully transparent image")
    return patch, None if opaque.all() else opaque


def _require_size(path: Path, width: int, height: int) -> None:
    if not (SMALLEST_PX <= width <= LARGEST_PX and SMALLEST_PX <= height <= LARGEST_PX):
        limits = f"{SMALLEST_PX} to {LARGEST_PX}"
        raise PatchFileError(f"{path}: expected sides of {limits} texels, got {width}x{height}; resize it")
