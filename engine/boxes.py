# SPDX-License-Identifier: AGPL-3.0-only
"""Box maths on NumPy arrays of corners x1 y1 x2 y2 in pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Letterbox:
    """Scale and position of an image on a canvas: canvas = image × scale + (left, top).

    Attributes:
        scale: factor from image pixels to canvas pixels.
        left, top: padding before the image in canvas pixels.
        width, height: the scaled image's size in canvas pixels.
    """

    scale: float
    left: int
    top: int
    width: int
    height: int

    def to_canvas(self, boxes_xyxy_px: FloatArray) -> npt.NDArray[np.float32]:
        """Convert boxes (n, 4) from image pixels to canvas pixels."""
        offset = np.array([self.left, self.top, self.left, self.top])
        return (np.asarray(boxes_xyxy_px, dtype=np.float64) * self.scale + offset).astype(np.float32)


def letterbox(width: int, height: int, *, canvas_width: int, canvas_height: int) -> Letterbox:
    """Fit an image into a canvas, centred, preserving its aspect ratio (like Ultralytics' LetterBox)."""
    scale = min(canvas_width / width, canvas_height / height)
    new_width = min(max(round(width * scale), 1), canvas_width)
    new_height = min(max(round(height * scale), 1), canvas_height)
    return Letterbox(
        scale=scale,
        left=(canvas_width - new_width) // 2,
        top=(canvas_height - new_height) // 2,
        width=new_width,
        height=new_height,
    )


def iou_matrix(first_xyxy: FloatArray, second_xyxy: FloatArray) -> npt.NDArray[np.float64]:
    """Intersection over union of each pair, (n, 4) and (m, 4) → (n, m), 0 for an empty union."""
    first = np.asarray(first_xyxy, dtype=np.float64).reshape(-1, 4)
    second = np.asarray(second_xyxy, dtype=np.float64).reshape(-1, 4)
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    intersection = np.prod(np.clip(bottom_right - top_left, 0, None), axis=2)
    areas = [np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
