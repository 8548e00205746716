# SPDX-License-Identifier: AGPL-3.0-only
"""Reads and writes patches as tensors; see `engine.patch.arrays` for the file formats."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from engine.patch.arrays import LARGEST_PX, SMALLEST_PX, read_patch_array, write_patch_array

__all__ = ["LARGEST_PX", "SMALLEST_PX", "read_patch", "write_patch"]


def read_patch(path: str | Path) -> tuple[Tensor, Tensor | None]:
    """Read a patch, float32 (3, h, w), 0 to 1, and its mask, bool (h, w) or None; see `read_patch_array`."""
    patch, mask = read_patch_array(path)
    return torch.from_numpy(patch), None if mask is None else torch.from_numpy(mask)


def write_patch(
    folder: str | Path, patch_chw: Tensor, mask_hw: Tensor | None = None, *, stem: str = "patch"
) -> None:
    """Write a patch, float (3, h, w), 0 to 1, and its mask, bool (h, w) or None; see `write_patch_array`."""
    patch = patch_chw.detach().to("cpu", torch.float32).numpy()
    mask = None if mask_hw is None else mask_hw.cpu().numpy()
    write_patch_array(Path(folder), patch, mask, stem=stem)
