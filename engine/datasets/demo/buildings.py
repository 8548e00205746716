# SPDX-License-Identifier: AGPL-3.0-only
"""House fronts as flat textures: walls, windows, doors, shops."""

from __future__ import annotations

import cv2
import numpy as np

from engine.datasets.demo.canvas import Colour, Image, fractal_noise, scaled, tones

_WALLS: tuple[Colour, ...] = (
    (168, 92, 70), (196, 176, 148), (212, 200, 176), (140, 130, 122), (178, 144, 110), (120, 84, 74),
    (200, 204, 202), (150, 164, 170), (216, 186, 140), (104, 110, 118), (190, 150, 140), (146, 160, 132),
)  # fmt: skip


def draw_front(rng: np.random.Generator, width: int, height: int, *, lamps: bool) -> Image:
    """Draw one house front.

    Args:
        rng: draws its style.
        width, height: size in pixels, at least 40 each.
        lamps: whether windows are lit.

    Returns:
        uint8 RGB (height, width, 3), the ground at the bottom edge.
    """
    wall = tones(_WALLS[rng.integers(len(_WALLS))]) * rng.uniform(0.75, 1.1)
    front = np.empty((height, width, 3), dtype=np.float32)
    front[:] = wall
    if rng.random() < 0.5:
        _bricks(front, wall, max(height // 70, 4))
    front *= 1 + 0.1 * fractal_noise(rng, width, height, cell_px=width / 4)[..., None]
    floor = int(height / rng.integers(3, 6))
    _windows(rng, front, floor, lamps)
    if rng.random() < 0.6:
        _shop(rng, front, floor, lamps)
    else:
        _door(rng, front, floor)
    cv2.rectangle(front, (0, 0), (width, max(height // 40, 2)), tuple((wall * 0.6).tolist()), -1)
    return np.clip(front, 0, 255).astype(np.uint8)


def _bricks(front: np.ndarray, wall: np.ndarray, course: int) -> None:
    mortar = wall * 0.82 + 26
    front[::course] = mortar
    for row, top in enumerate(range(0, front.shape[0], course)):
        front[top : top + course, (row % 2) * course :: 2 * course] = mortar


def _windows(rng: np.random.Generator, front: np.ndarray, floor: int, lamps: bool) -> None:
    height, width = front.shape[:2]
    columns = max(int(width / (floor * rng.uniform(0.6, 0.95))), 1)
    pitch, frame = width / columns, _tone(rng, 60, 240)
    half, tall = pitch * rng.uniform(0.22, 0.34), floor * rng.uniform(0.5, 0.68)
    for bottom in range(height - floor, floor // 2, -floor):
        for column in range(columns):
            x, y = (column + 0.5) * pitch, bottom - floor * 0.18
            box = int(x - half), int(y - tall), int(x + half), int(y)
            _window(rng, front, box, frame, lamps and rng.random() < 0.45)


def _window(
    rng: np.random.Generator, front: np.ndarray, box: tuple[int, int, int, int], frame: Colour, lit: bool
) -> None:
    x0, y0, x1, y1 = box
    edge = max((x1 - x0) // 12, 1)
    y0 = max(y0, 0)
    cv2.rectangle(front, (x0 - edge, y0 - edge), (x1 + edge, y1 + edge), frame, -1)
    glass = tones((250, 214, 140) if lit else (58, 74, 92)) * rng.uniform(0.75, 1.15)
    pane = front[y0:y1, max(x0, 0) : x1]
    ramp = (1.35 - 0.55 / max(len(pane), 1) * np.arange(len(pane), dtype=np.float32))[:, None, None]
    pane[:] = glass * ramp
    if rng.random() < 0.35:
        pane[: int(pane.shape[0] * rng.uniform(0.2, 0.7))] = _tone(rng, 130, 230)
    cv2.line(front, ((x0 + x1) // 2, y0), ((x0 + x1) // 2, y1), frame, edge)
    cv2.line(front, (x0, (2 * y0 + y1) // 3), (x1, (2 * y0 + y1) // 3), frame, edge)
    cv2.rectangle(front, (x0 - 2 * edge, y1), (x1 + 2 * edge, y1 + 2 * edge), scaled(frame, 0.8), -1)


def _shop(rng: np.random.Generator, front: np.ndarray, floor: int, lamps: bool) -> None:
    """A shop on the ground floor: display windows, a fascia with lettering blocks, an awning."""
    height, width = front.shape[:2]
    top, colour = height - floor, _tone(rng, 30, 210)
    cv2.rectangle(front, (0, top), (width, height), colour, -1)
    inside = tones((240, 204, 140) if lamps else (72, 84, 92))
    panes = int(rng.integers(2, 5))
    for pane in range(panes):
        x0, x1 = int(width * (pane + 0.08) / panes), int(width * (pane + 0.92) / panes)
        y0, y1 = top + int(floor * 0.3), height - int(floor * (0.02 if pane == panes - 1 else 0.16))
        front[y0:y1, x0:x1] = inside * np.linspace(1.2, 0.7, y1 - y0, dtype=np.float32)[:, None, None]
        for _ in range(3):
            x, size = int(rng.integers(x0, x1)), int(floor * rng.uniform(0.05, 0.16))
            cv2.rectangle(front, (x, y1 - 2 * size), (x + size, y1), _tone(rng, 60, 220), -1)
        cv2.line(
            front, (x0, y1), (x0 + (x1 - x0) // 2, y0), tuple((inside * 1.5).tolist()), max(floor // 40, 1)
        )
    letters = _tone(rng, 180, 250)
    x = width * 0.15
    while x < width * 0.8:
        step = floor * rng.uniform(0.05, 0.1)
        cv2.rectangle(
            front,
            (int(x), top + int(floor * 0.1)),
            (int(x + step * 0.7), top + int(floor * 0.2)),
            letters,
            -1,
        )
        x += step
    if rng.random() < 0.5:
        _awning(rng, front, top + int(floor * 0.26), floor)


def _awning(rng: np.random.Generator, front: np.ndarray, top: int, floor: int) -> None:
    width, colours = front.shape[1], (_tone(rng, 60, 220), (236, 232, 222))
    stripe = max(int(floor * 0.14), 3)
    for index, x in enumerate(range(0, width, stripe)):
        cv2.rectangle(front, (x, top), (x + stripe, top + int(floor * 0.2)), colours[index % 2], -1)
        cv2.circle(front, (x + stripe // 2, top + int(floor * 0.2)), stripe // 2, colours[index % 2], -1)


def _door(rng: np.random.Generator, front: np.ndarray, floor: int) -> None:
    height, width = front.shape[:2]
    x, half = int(width * rng.uniform(0.25, 0.75)), int(floor * 0.17)
    colour = _tone(rng, 30, 170)
    top = height - int(floor * 0.78)
    cv2.rectangle(front, (x - half - 4, top - 4), (x + half + 4, height), (222, 216, 206), -1)
    cv2.rectangle(front, (x - half, top), (x + half, height), colour, -1)
    for y0, y1 in ((0.1, 0.4), (0.5, 0.9)):
        panel = (
            (x - half // 2, top + int(y0 * (height - top))),
            (x + half // 2, top + int(y1 * (height - top))),
        )
        cv2.rectangle(front, *panel, scaled(colour, 0.75), -1)


def _tone(rng: np.random.Generator, low: float, high: float) -> Colour:
    """A muted colour of a brightness between two levels."""
    grey = rng.uniform(low, high)
    red, green, blue = np.clip(grey + rng.uniform(-18, 18, 3), 0, 255).tolist()
    return red, green, blue
