# SPDX-License-Identifier: AGPL-3.0-only
"""Shapes and sprites: polygons in metres, filled with relief shading on a cut-out with a mask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

SUPERSAMPLE = 2
"""Everything is drawn this many times larger than it is kept: shrinking smooths the edges."""

Image = npt.NDArray[Any]
Points = npt.NDArray[np.float64]
Colour = tuple[float, float, float]


_TURN = np.arange(32) * (2 * np.pi / 32)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_SOBEL_X = np.array([(-1, 0, 1), (-2, 0, 2), (-1, 0, 1)], dtype=np.float32)


@dataclass(eq=False)
class Sprite:
    """A cut-out that stands on the ground, with the drawing's origin at its foot.

    Shapes are given in metres, x to the right and y up; colours are RGB, 0 to 255.

    Attributes:
        left_m, right_m, top_m, bottom_m: the drawable extent around the origin (bottom_m below it).
        px_per_m: canvas pixels a metre.
        light_xy: where light comes from, in image directions (y down), length 0 to 1.
        rgb, mask: uint8 (h, w, 3) and (h, w), 255 where something was drawn.
    """

    left_m: float
    right_m: float
    top_m: float
    bottom_m: float
    px_per_m: float
    light_xy: tuple[float, float] = (0.0, 0.0)
    rgb: Image = field(init=False)
    mask: Image = field(init=False)

    def __post_init__(self) -> None:
        width = int(np.ceil((self.left_m + self.right_m) * self.px_per_m)) + 2
        height = int(np.ceil((self.top_m + self.bottom_m) * self.px_per_m)) + 2
        self.rgb = np.zeros((height, width, 3), dtype=np.uint8)
        self.mask = np.zeros((height, width), dtype=np.uint8)

    @property
    def origin_px(self) -> tuple[float, float]:
        """The foot's position in the sprite, x and y in canvas pixels."""
        return self.left_m * self.px_per_m, self.top_m * self.px_per_m

    def to_px(self, points_m: Points) -> Points:
        """Points (n, 2) in metres as pixels of the sprite."""
        return np.asarray(points_m) * (self.px_per_m, -self.px_per_m) + self.origin_px

    def fill(
        self, points_m: Points, colour: Colour | Image, *, relief_m: float = 0.0, gloss: float = 0.4
    ) -> None:
        """Fill a polygon with a colour or with an image as large as the sprite.

        Args:
            points_m: corners (n, 2) in metres.
            colour: one RGB colour, or uint8 (h, w, 3) to cut the polygon out of.
            relief_m: how wide the rounding of the edges is; 0 leaves the shape flat.
            gloss: how much darker and lighter the rounding gets, 0 to 1.
        """
        points = np.round(self.to_px(points_m) * 16).astype(np.int32)
        pad = 2 + int(relief_m * self.px_per_m)
        x0, y0 = np.maximum(points.min(axis=0) // 16 - pad, 0)
        x1, y1 = np.minimum(points.max(axis=0) // 16 + pad + 1, self.mask.shape[::-1])
        if x1 <= x0 or y1 <= y0:
            return
        local = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
        cv2.fillPoly(local, [points - (x0 * 16, y0 * 16)], 255, shift=4)
        inside = local > 0
        paint = colour[y0:y1, x0:x1][inside] if isinstance(colour, np.ndarray) else tones(colour)
        if relief_m:
            shade = self._relief(local, relief_m * self.px_per_m)[inside] * np.float32(gloss)
            paint = np.clip(paint * (1 + shade)[:, None], 0, 255)
        self.rgb[y0:y1, x0:x1][inside] = paint
        self.mask[y0:y1, x0:x1] |= local

    def _relief(self, mask: Image, width_px: float) -> npt.NDArray[np.float32]:
        """Light on rounded edges: the slope of the blurred mask against the light, about -1 to 1."""
        side = max(int(width_px), 1) * 2 + 1
        soft = cv2.blur(cv2.blur(mask.astype(np.float32) / 255, (side, side)), (side, side))
        slope = self.light_xy[0] * _SOBEL_X + self.light_xy[1] * _SOBEL_X.T
        return np.clip(cv2.filter2D(soft, cv2.CV_32F, slope * (-1.6 * side / 8)), -1, 1)


def scaled(colour: npt.ArrayLike, factor: float) -> Colour:
    """A colour made darker or lighter, at most 255 a channel."""
    red, green, blue = np.minimum(tones(colour) * factor, 255).tolist()
    return red, green, blue


def tones(values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Colours or other numbers as float32, which keeps the arithmetic of images in single precision."""
    return np.asarray(values, dtype=np.float32)


def moved(point: Points, dx: float, dy: float) -> Points:
    """A point (2,) moved by metres to the right and up."""
    return point + np.array((dx, dy))


def rectangle(left: float, bottom: float, right: float, top: float) -> Points:
    """An upright rectangle's corners, (4, 2)."""
    return np.array([(left, bottom), (right, bottom), (right, top), (left, top)], dtype=np.float64)


def ellipse(centre: npt.ArrayLike, radius_x: float, radius_y: float, angle_rad: float = 0.0) -> Points:
    """An ellipse as a polygon (32, 2), turned counter-clockwise."""
    x, y = radius_x * _CIRCLE[:, 0], radius_y * _CIRCLE[:, 1]
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    return np.stack([x * cos - y * sin, x * sin + y * cos], axis=1) + np.asarray(centre, dtype=np.float64)


def capsule(start: npt.ArrayLike, end: npt.ArrayLike, start_radius: float, end_radius: float) -> Points:
    """A limb: the hull of two circles, as a polygon (n, 2)."""
    discs = np.concatenate([ellipse(start, start_radius, start_radius), ellipse(end, end_radius, end_radius)])
    return cv2.convexHull(discs.astype(np.float32))[:, 0].astype(np.float64)


def smooth(corners: npt.ArrayLike, steps: int = 6) -> Points:
    """A closed Catmull-Rom curve through corners (n, 2), as a polygon (n × steps, 2)."""
    p1 = np.asarray(corners, dtype=np.float64)
    p0, p2, p3 = np.roll(p1, 1, axis=0), np.roll(p1, -1, axis=0), np.roll(p1, -2, axis=0)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (p[:, None] for p in (p0, p1, p2, p3))
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return curve.reshape(-1, 2)


def fractal_noise(
    rng: np.random.Generator, width: int, height: int, *, cell_px: float, octaves: int = 3
) -> npt.NDArray[np.float32]:
    """Smooth noise (height, width), -1 to 1, whose largest blobs are about `cell_px` wide."""
    # No blob is finer than a few pixels, so a coarse map enlarged once looks the same and costs a tenth.
    coarse = 4 if cell_px / 2 ** (octaves - 1) >= 8 else 1
    rows, columns = height // coarse + 2, width // coarse + 2
    total = np.zeros((rows, columns), dtype=np.float32)
    for octave in range(octaves):
        cell = max(cell_px / coarse / 2**octave, 1.0)
        grid = rng.uniform(-1, 1, (int(rows / cell) + 2, int(columns / cell) + 2)).astype(np.float32)
        total += cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_CUBIC) / 2**octave
    return np.clip(cv2.resize(total, (width, height), interpolation=cv2.INTER_LINEAR) / 1.6, -1, 1)
