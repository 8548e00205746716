# SPDX-License-Identifier: AGPL-3.0-only
"""Camera effects: exposure, vignette, lens and motion blur, sensor noise."""

from __future__ import annotations

import cv2
import numpy as np

from engine.datasets.demo.canvas import Image, tones
from engine.datasets.demo.lighting import Light


def photograph(rng: np.random.Generator, canvas: Image, light: Light, width: int, height: int) -> Image:
    """Shrink the canvas to the picture's size and make it look like a photograph.

    Args:
        rng: draws blur, exposure and noise.
        canvas: uint8 RGB, larger than the picture.
        light: gives the tint, and with `lamps` more noise.
        width, height: the picture's size in pixels.

    Returns:
        uint8 RGB (height, width, 3).
    """
    picture = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    picture = _blur(rng, picture)
    picture *= tones(light.tint) * rng.uniform(0.88, 1.12)
    contrast = rng.uniform(0.88, 1.14)
    picture = 118 + (picture - 118) * contrast
    picture *= _vignette(rng, width, height)
    sigma = rng.uniform(1.0, 4.5) + (2.0 if light.lamps else 0.0)
    grey = rng.standard_normal((height, width, 1), dtype=np.float32)
    coloured = rng.standard_normal((height, width, 3), dtype=np.float32)
    return np.clip(picture + sigma * (grey + 0.5 * coloured), 0, 255).astype(np.uint8)


def _blur(rng: np.random.Generator, picture: Image) -> Image:
    """None, a soft lens, or a short shake of the camera."""
    draw = rng.random()
    if draw < 0.45:
        return picture
    if draw < 0.85:
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.0))
    kernel = np.zeros((7, 7), dtype=np.float32)
    turn, length = rng.uniform(0, np.pi), rng.uniform(1.0, 3.0)
    ends = [(int(3.5 + s * length * np.cos(turn)), int(3.5 + s * length * np.sin(turn))) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())


def _vignette(rng: np.random.Generator, width: int, height: int) -> Image:
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return (1 - rng.uniform(0, 0.22) * (x**2 + y**2) / 2).astype(np.float32)[..., None]
