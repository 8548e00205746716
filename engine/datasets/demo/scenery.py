# SPDX-License-Identifier: AGPL-3.0-only
"""The background of a scene: sky, skyline, house fronts, park, ground."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from engine.datasets.demo.buildings import draw_front
from engine.datasets.demo.canvas import Colour, Image, fractal_noise, tones
from engine.datasets.demo.lighting import Light

PLACES = ("row", "street", "park", "square")
GROUNDS = ("paving", "asphalt", "cobbles", "crossing")

_GROUND_TONES: dict[str, Colour] = {
    "paving": (158, 150, 140),
    "cobbles": (158, 150, 140),
    "asphalt": (92, 94, 98),
    "crossing": (88, 90, 94),
    "grass": (104, 138, 72),
}


@dataclass(frozen=True, kw_only=True)
class View:
    """The camera above a flat ground, in canvas pixels.

    Attributes:
        width, height: the canvas.
        horizon: the row of the horizon.
        camera_m: the camera's height above the ground.
        place: one of `PLACES`.
        vanish_x: the column at which the street's lines meet.
        wall_m: distances of the walls to the left (negative) and to the right of that column.
        end_m: distance of the wall at the end of the ground.
    """

    width: int
    height: int
    horizon: float
    camera_m: float
    place: str
    vanish_x: float
    wall_m: tuple[float, float]
    end_m: float

    @property
    def focal(self) -> float:
        """Canvas pixels of one metre at one metre's distance."""
        return 0.9 * max(self.width, self.height)

    def has_ground(self, foot_x: float, px_per_m: float) -> bool:
        """Whether something of a size can stand at a column: not inside or behind a wall."""
        across_m = (foot_x - self.vanish_x) / px_per_m
        return self.focal / px_per_m < self.end_m and self.wall_m[0] + 0.4 < across_m < self.wall_m[1] - 0.4

    def shrunk(self, factor: int) -> View:
        """The same view on a canvas smaller by a whole factor."""
        smaller = {name: getattr(self, name) / factor for name in ("horizon", "vanish_x")}
        return replace(self, width=self.width // factor, height=self.height // factor, **smaller)

    def px_per_m(self, foot_y: float) -> float:
        """The size of things that stand on the ground at a row below the horizon."""
        return (foot_y - self.horizon) / self.camera_m

    def foot_y(self, px_per_m: float) -> float:
        """The row on which things of a size stand."""
        return self.horizon + px_per_m * self.camera_m


def draw_view(rng: np.random.Generator, width: int, height: int) -> View:
    """Draw a camera and a place."""
    place = str(rng.choice(PLACES, p=[0.36, 0.32, 0.18, 0.14]))
    wide = (-float("inf"), float("inf"))
    return View(
        width=width,
        height=height,
        horizon=height * rng.uniform(0.34, 0.5),
        camera_m=float(rng.uniform(1.5, 2.9)),
        place=place,
        vanish_x=width * float(rng.uniform(0.35, 0.65)),
        wall_m=(-float(rng.uniform(4.5, 8)), float(rng.uniform(4.5, 8))) if place == "street" else wide,
        end_m=float({"row": rng.uniform(12, 20), "square": rng.uniform(24, 34)}.get(place, 60.0)),
    )


def draw_background(rng: np.random.Generator, view: View, light: Light) -> Image:
    """Draw the background, uint8 RGB (height, width, 3)."""
    canvas = _sky(rng, view, light)
    _skyline(rng, canvas, view, light)
    if view.place == "park":
        _hedges(rng, canvas, view, light)
    ground = _ground(rng, view)
    top = int(view.horizon)
    canvas[top:] = ground
    if view.place in ("row", "square"):
        _row(rng, canvas, view, light)
    elif view.place == "street":
        _street(rng, canvas, view, light)
    return canvas


def _sky(rng: np.random.Generator, view: View, light: Light) -> Image:
    rows = np.clip(np.arange(view.height) / view.horizon, 0, 1)[:, None, None] ** 1.2
    sky = tones(light.sky_top) * (1 - rows) + tones(light.sky_low) * rows
    sky = np.broadcast_to(sky, (view.height, view.width, 3)).astype(np.float32)
    clouds = fractal_noise(rng, view.width, view.height, cell_px=view.width / 4, octaves=4)
    cover = np.clip(clouds * 1.6 + rng.uniform(-0.5, 0.2), 0, 1)[..., None] * 0.6
    clouded = np.clip(sky + cover * (tones(light.sky_low) * 1.05 - sky), 0, 255)
    return np.ascontiguousarray(clouded, dtype=np.uint8)


def _skyline(rng: np.random.Generator, canvas: Image, view: View, light: Light) -> None:
    """Far towers, half lost in the haze."""
    low = tones(light.sky_low)
    x = -20.0
    while x < view.width:
        width, height = view.width * rng.uniform(0.03, 0.1), view.horizon * rng.uniform(0.1, 0.45)
        colour = low * rng.uniform(0.7, 0.88)
        corners = (int(x), int(view.horizon - height)), (int(x + width), int(view.horizon) + 2)
        cv2.rectangle(canvas, *corners, tuple(colour.tolist()), -1)
        x += width * rng.uniform(0.7, 1.5)


def _hedges(rng: np.random.Generator, canvas: Image, view: View, light: Light) -> None:
    """Rows of far trees and bushes."""
    for depth in (0.0, 0.4, 0.8):
        green = tones((58 + 30 * depth, 92 + 20 * depth, 48 + 26 * depth)) * rng.uniform(0.8, 1.2)
        colour = green * (1 - light.haze * (0.7 - 0.6 * depth)) + tones(light.sky_low) * light.haze * (
            0.7 - 0.6 * depth
        )
        for _ in range(40):
            x, radius = (
                rng.uniform(0, view.width),
                view.horizon * rng.uniform(0.05, 0.2) * (1.2 - 0.5 * depth),
            )
            y = view.horizon - radius * rng.uniform(0.1, 1.6) * (1.3 - depth)
            tone = tuple((colour * rng.uniform(0.85, 1.15)).tolist())
            cv2.ellipse(
                canvas, (int(x), int(y)), (int(radius), int(radius * 0.8)), 0, 0, 360, tone, -1, cv2.LINE_AA
            )


def _ground(rng: np.random.Generator, view: View) -> Image:
    """The ground in perspective: each pixel takes the colour of the point that it shows."""
    top = int(view.horizon)
    rows = np.arange(top, view.height, dtype=np.float32)[:, None] + 0.5
    below = np.maximum(rows - view.horizon, 1.0)
    depth_m = view.camera_m * view.focal / below
    across_m = (np.arange(view.width, dtype=np.float32)[None] - view.vanish_x) * depth_m / view.focal
    near = np.clip(below / (view.height * 0.25), 0, 1)
    kind = "grass" if view.place == "park" else str(rng.choice(GROUNDS))
    base = tones(_GROUND_TONES[kind])
    tone = 1 + _shrunk_pattern(rng, kind, across_m, np.broadcast_to(depth_m, across_m.shape)) * near
    noise = fractal_noise(rng, view.width, view.height - top, cell_px=view.width / 6, octaves=4)
    grain = 0.035 * rng.standard_normal(across_m.shape, dtype=np.float32)
    ground = base * rng.uniform(0.8, 1.15) * (tone + 0.1 * noise + grain * near)[..., None]
    if kind == "grass":
        path = np.abs(across_m + 0.8 * np.sin(depth_m / 5)) < rng.uniform(1.0, 2.0)
        ground[path] = tones((188, 172, 142)) * (1 + 0.1 * noise + grain)[path][..., None]
    return np.clip(ground, 0, 255).astype(np.uint8)


def _shrunk_pattern(rng: np.random.Generator, kind: str, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The pattern, drawn at twice the size because distant joints are thinner than a pixel."""
    double = (2 * x.shape[1], 2 * x.shape[0])
    fine = _pattern(rng, kind, *(cv2.resize(axis, double, interpolation=cv2.INTER_LINEAR) for axis in (x, z)))
    return cv2.resize(fine.astype(np.float32), x.shape[::-1], interpolation=cv2.INTER_AREA)


def _pattern(rng: np.random.Generator, kind: str, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Relative brightness, float32, added by joints and markings at ground coordinates in metres."""
    if kind == "paving":
        side = rng.uniform(0.5, 1.0)
        return _tiles(x / side, z / side, joint=0.05, dark=0.28, spread=0.05)
    if kind == "cobbles":
        x, z = x / 0.3, z / 0.3
        return _tiles(x + _fraction(np.floor(z) / 2), z, joint=0.13, dark=0.22, spread=0.07)
    if kind == "crossing":
        start = rng.uniform(3, 9)
        bar = (_fraction(x) < 0.5) & (z > start) & (z < start + 3.5)
        return bar * np.float32(1.3)
    if kind == "asphalt":
        place = rng.uniform(-4, 4)
        dash = (np.abs(x - place) < 0.08) & (_fraction(z / 4) < 0.55)
        return dash * np.float32(1.2)
    return 0.12 * np.sin(x * 2.2) * np.sin(z * 1.3)


def _tiles(x: np.ndarray, z: np.ndarray, *, joint: float, dark: float, spread: float) -> np.ndarray:
    """Tiles one unit wide, each of its own brightness, and the joints between them."""
    column, row = np.floor(x), np.floor(z)
    between = (x - column < joint) | (z - row < joint)
    own = np.float32(spread) * np.sin(column * np.float32(12.9) + row * np.float32(78.2))
    return np.where(between, np.float32(-dark), own)


def _fraction(values: np.ndarray) -> np.ndarray:
    """The fractional part, like `values % 1` but several times faster."""
    return values - np.floor(values)


def _row(rng: np.random.Generator, canvas: Image, view: View, light: Light) -> None:
    """House fronts that face the camera across the street."""
    foot = int(view.horizon + view.camera_m * view.focal / view.end_m)
    storey = 3.2 * view.focal / view.end_m
    x = -int(rng.uniform(0, view.width * 0.2))
    while x < view.width:
        width = int(view.width * rng.uniform(0.22, 0.5))
        height = int(storey * rng.uniform(2.2, 5.0))
        front = _hazed(draw_front(rng, width, height, lamps=light.lamps), light, 0.35)
        _paste(canvas, front, x, foot - height)
        x += width + (int(view.width * rng.uniform(0.02, 0.1)) if rng.random() < 0.25 else 0)
    kerb = max(int(view.height * 0.006), 2)
    cv2.rectangle(canvas, (0, foot), (view.width, foot + kerb), (70, 68, 66), -1)


def _street(rng: np.random.Generator, canvas: Image, view: View, light: Light) -> None:
    """House fronts along both sides that run to one vanishing point."""
    for wall_m in view.wall_m:
        length, roof = rng.uniform(9, 14), rng.uniform(8, 15)
        for index in reversed(range(7)):
            near, far = 3.0 + index * length, 3.0 + (index + 1) * length
            texels = 360 if index == 0 else 180 if index < 3 else 90
            front = draw_front(rng, texels, int(texels * roof / length), lamps=light.lamps)
            front = _hazed(front, light, 0.15 + 0.11 * index)
            corners = [
                (
                    view.vanish_x + view.focal * wall_m / z,
                    view.horizon + view.focal * (view.camera_m - up) / z,
                )
                for z, up in ((near, roof), (far, roof), (far, 0), (near, 0))
            ]
            _warp(canvas, front, tones(corners))
            roof = float(np.clip(roof * rng.uniform(0.8, 1.25), 7, 16))


def _warp(canvas: Image, front: Image, corners: np.ndarray) -> None:
    height, width = front.shape[:2]
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners)
    size = canvas.shape[1], canvas.shape[0]
    cv2.warpPerspective(
        front, matrix, size, dst=canvas, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT
    )


def _hazed(front: Image, light: Light, depth: float) -> Image:
    share = min(light.haze * depth * 2, 0.85)
    veil = np.full_like(front, tones(light.sky_low).astype(np.uint8))
    return cv2.addWeighted(front, 1 - share, veil, share, 0)


def _paste(canvas: Image, front: Image, x: int, y: int) -> None:
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + front.shape[1], canvas.shape[1]), min(y + front.shape[0], canvas.shape[0])
    if x1 > x0 and y1 > y0:
        canvas[y0:y1, x0:x1] = front[y0 - y : y1 - y, x0 - x : x1 - x]
