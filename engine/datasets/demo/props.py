# SPDX-License-Identifier: AGPL-3.0-only
"""Street furniture, plants and cars: objects other than people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.datasets.demo.canvas import Colour, Sprite, capsule, ellipse, rectangle, scaled, smooth

Painter = Callable[[Sprite, np.random.Generator], None]
STEEL: Colour = (88, 94, 98)


def _tree(sprite: Sprite, rng: np.random.Generator) -> None:
    trunk = (92 * rng.uniform(0.7, 1.2), 70, 52)
    tall, spread = rng.uniform(2.2, 3.0), rng.uniform(0.9, 1.5)
    sprite.fill(capsule((0, 0), (rng.normal(0, 0.08), tall), 0.15, 0.09), trunk, relief_m=0.08)
    for x in (-0.5, 0.45):
        sprite.fill(capsule((0, tall * 0.75), (x, tall + 0.4), 0.07, 0.03), trunk, relief_m=0.03)
    hue = np.array(
        ((74, 112, 52), (104, 124, 50), (150, 110, 40), (52, 92, 60))[rng.integers(4)], dtype=float
    )
    for layer in range(26):
        turn, reach = rng.uniform(0, 2 * np.pi), spread * np.sqrt(rng.random())
        centre = reach * np.cos(turn), tall + 0.7 + reach * 0.75 * np.sin(turn)
        tone = hue * (0.72 + 0.5 * layer / 26) * rng.uniform(0.9, 1.1)
        radius = rng.uniform(0.25, 0.5)
        leaves = ellipse(centre, radius, radius * 0.85)
        leaves = centre + (leaves - centre) * rng.uniform(0.75, 1.2, (len(leaves), 1))
        sprite.fill(leaves, tuple(tone), relief_m=0.12, gloss=0.5)


def _bush(sprite: Sprite, rng: np.random.Generator) -> None:
    hue = np.array(((70, 108, 54), (96, 118, 60), (60, 90, 50))[rng.integers(3)], dtype=float)
    for layer in range(14):
        x, y = rng.uniform(-0.55, 0.55), rng.uniform(0.2, 0.75)
        blob = ellipse((x, y), 0.28, 0.22)
        blob = (x, y) + (blob - (x, y)) * rng.uniform(0.75, 1.2, (len(blob), 1))
        sprite.fill(blob, tuple(hue * (0.7 + 0.5 * layer / 14)), relief_m=0.08, gloss=0.5)
    if rng.random() < 0.4:
        sprite.fill(rectangle(-0.6, 0, 0.6, 0.42), (160, 148, 136), relief_m=0.04)


def _lamp(sprite: Sprite, rng: np.random.Generator) -> None:
    colour = (60, 66, 66) if rng.random() < 0.6 else STEEL
    sprite.fill(rectangle(-0.13, 0, 0.13, 0.5), colour, relief_m=0.06)
    sprite.fill(capsule((0, 0.3), (0, 3.9), 0.075, 0.045), colour, relief_m=0.05, gloss=0.6)
    if rng.random() < 0.5:
        arm = float(rng.choice([-1, 1]))
        sprite.fill(capsule((0, 3.85), (0.8 * arm, 4.0), 0.04, 0.04), colour)
        sprite.fill(ellipse((0.9 * arm, 3.97), 0.24, 0.07), (238, 226, 190))
    else:
        sprite.fill(ellipse((0, 4.05), 0.2, 0.24), (240, 230, 200), relief_m=0.08)
        sprite.fill(rectangle(-0.24, 4.22, 0.24, 4.3), colour)


def _sign(sprite: Sprite, rng: np.random.Generator) -> None:
    sprite.fill(rectangle(-0.035, 0, 0.035, 2.5), (150, 154, 156), relief_m=0.03)
    kind = int(rng.integers(5))
    if kind == 0:
        sprite.fill(ellipse((0, 2.3), 0.34, 0.34), (196, 34, 36))
        sprite.fill(ellipse((0, 2.3), 0.24, 0.24), (240, 238, 232))
    elif kind == 1:
        sprite.fill(ellipse((0, 2.3), 0.34, 0.34), (32, 80, 168))
        sprite.fill(capsule((-0.12, 2.18), (0.12, 2.42), 0.05, 0.05), (240, 240, 240))
    elif kind == 2:
        sprite.fill(np.array([(-0.4, 2.0), (0.4, 2.0), (0, 2.7)]), (198, 36, 38))
        sprite.fill(np.array([(-0.26, 2.08), (0.26, 2.08), (0, 2.54)]), (242, 238, 220))
    elif kind == 3:
        turn = np.arange(8) * np.pi / 4 + np.pi / 8
        sprite.fill(np.stack([0.38 * np.cos(turn), 2.3 + 0.38 * np.sin(turn)], axis=1), (190, 30, 34))
        sprite.fill(rectangle(-0.24, 2.24, 0.24, 2.36), (240, 236, 232))
    else:
        sprite.fill(rectangle(-0.5, 1.95, 0.5, 2.55), (34, 104, 74), relief_m=0.02)
        for y in (2.12, 2.3):
            sprite.fill(rectangle(-0.4, y, rng.uniform(0.0, 0.4), y + 0.08), (234, 236, 230))


def _signal(sprite: Sprite, rng: np.random.Generator) -> None:
    sprite.fill(capsule((0, 0), (0, 2.5), 0.07, 0.06), (54, 58, 58), relief_m=0.04)
    sprite.fill(rectangle(-0.19, 2.2, 0.19, 3.2), (34, 36, 36), relief_m=0.05)
    lit = int(rng.integers(3))
    lamps = ((236, 54, 40), (244, 180, 40), (58, 214, 110))
    for index, colour in enumerate(lamps):
        shown = colour if index == lit else scaled(colour, 0.28)
        sprite.fill(ellipse((0, 3.02 - 0.31 * index), 0.11, 0.11), shown, relief_m=0.04)


def _bin(sprite: Sprite, rng: np.random.Generator) -> None:
    colour = ((46, 92, 62), (70, 74, 80), (58, 84, 128), (134, 92, 50))[rng.integers(4)]
    if rng.random() < 0.5:
        sprite.fill(np.array([(-0.25, 0), (0.25, 0), (0.31, 0.85), (-0.31, 0.85)]), colour, relief_m=0.08)
        sprite.fill(ellipse((0, 0.86), 0.33, 0.1), scaled(colour, 0.7), relief_m=0.04)
    else:
        sprite.fill(np.array([(-0.27, 0.1), (0.27, 0.1), (0.33, 1.0), (-0.33, 1.0)]), colour, relief_m=0.05)
        sprite.fill(rectangle(-0.37, 0.98, 0.37, 1.1), scaled(colour, 1.2), relief_m=0.04)
        for x in (-0.22, 0.22):
            sprite.fill(ellipse((x, 0.1), 0.1, 0.1), (28, 28, 30), relief_m=0.03)


def _hydrant(sprite: Sprite, rng: np.random.Generator) -> None:
    colour = ((196, 44, 36), (222, 168, 40), (60, 100, 160))[rng.integers(3)]
    sprite.fill(rectangle(-0.2, 0, 0.2, 0.09), scaled(colour, 0.8), relief_m=0.03)
    sprite.fill(rectangle(-0.14, 0.05, 0.14, 0.6), colour, relief_m=0.07, gloss=0.6)
    sprite.fill(rectangle(-0.25, 0.36, 0.25, 0.5), colour, relief_m=0.05, gloss=0.6)
    sprite.fill(ellipse((0, 0.6), 0.18, 0.05), scaled(colour, 0.75))
    sprite.fill(ellipse((0, 0.67), 0.13, 0.12), colour, relief_m=0.05, gloss=0.6)


def _cone(sprite: Sprite, rng: np.random.Generator) -> None:
    sprite.fill(rectangle(-0.22, 0, 0.22, 0.05), (40, 40, 42))
    sprite.fill(
        np.array([(-0.17, 0.05), (0.17, 0.05), (0.03, 0.72), (-0.03, 0.72)]), (236, 98, 30), relief_m=0.05
    )
    for low in (0.25, 0.47):
        half = 0.17 - 0.2 * low
        sprite.fill(
            np.array([(-half, low), (half, low), (half - 0.02, low + 0.1), (0.02 - half, low + 0.1)]),
            (238, 236, 230),
        )


def _bollard(sprite: Sprite, rng: np.random.Generator) -> None:
    colour = (62, 64, 66) if rng.random() < 0.6 else (176, 172, 164)
    sprite.fill(capsule((0, 0.02), (0, 0.88), 0.1, 0.1), colour, relief_m=0.06, gloss=0.6)
    sprite.fill(rectangle(-0.1, 0.68, 0.1, 0.78), (226, 220, 206) if rng.random() < 0.5 else (190, 40, 38))


def _bench(sprite: Sprite, rng: np.random.Generator) -> None:
    wood = (136 * rng.uniform(0.7, 1.15), 92, 58)
    for x in (-0.7, 0.7):
        sprite.fill(rectangle(x - 0.04, 0, x + 0.04, 0.85), (48, 50, 52), relief_m=0.03)
    for y in (0.38, 0.56, 0.7, 0.84):
        sprite.fill(rectangle(-0.9, y, 0.9, y + 0.09), wood, relief_m=0.03)


def _box(sprite: Sprite, rng: np.random.Generator) -> None:
    """A letter box or a switch cabinet: as tall and narrow as a child."""
    colour = ((176, 36, 36), (228, 184, 44), (120, 128, 128), (44, 82, 130))[rng.integers(4)]
    half, tall = rng.uniform(0.24, 0.45), rng.uniform(1.1, 1.6)
    sprite.fill(rectangle(-half, 0.02, half, tall), colour, relief_m=0.08)
    sprite.fill(ellipse((0, tall), half, 0.1), colour, relief_m=0.05)
    sprite.fill(rectangle(-half * 0.7, tall * 0.72, half * 0.7, tall * 0.77), (30, 30, 32))
    sprite.fill(rectangle(-half * 0.5, tall * 0.4, half * 0.5, tall * 0.62), (232, 228, 216))


def _car(sprite: Sprite, rng: np.random.Generator) -> None:
    red, green, blue = rng.uniform(0.25, 0.9, 3) * rng.uniform(150, 255)
    grey = (red + green + blue) / 3
    mix = rng.uniform(0.2, 0.9)
    paint = tuple(mix * c + (1 - mix) * grey for c in (red, green, blue))
    way, roof = float(rng.choice([-1, 1])), rng.uniform(1.38, 1.75)
    cabin = [(-1.75, 0.9), (-1.3, roof), (0.55, roof), (1.25, 0.92)]
    body = [(-2.1, 0.3), (-2.12, 0.86), (-1.5, 0.95), (1.2, 0.93), (2.0, 0.78), (2.12, 0.32)]
    flip = np.array([way, 1.0])
    sprite.fill(smooth(np.array(cabin) * flip, 3), paint, relief_m=0.12, gloss=0.5)
    glass = np.array([(-1.5, 0.95), (-1.2, roof - 0.1), (0.48, roof - 0.1), (1.02, 0.96)])
    sprite.fill(glass * flip, (52, 64, 78), relief_m=0.15, gloss=0.6)
    sprite.fill(rectangle(-0.32, 0.94, -0.24, roof - 0.08) * flip, paint)
    sprite.fill(smooth(np.array(body) * flip, 3), paint, relief_m=0.16, gloss=0.55)
    sprite.fill(rectangle(-2.1, 0.28, 2.1, 0.4) * flip, (44, 46, 48))
    sprite.fill(ellipse(np.array((2.0, 0.66)) * flip, 0.13, 0.09), (246, 238, 206))
    sprite.fill(ellipse(np.array((-2.04, 0.72)) * flip, 0.08, 0.12), (186, 34, 32))
    for x in (-1.3, 1.32):
        sprite.fill(ellipse((x * way, 0.32), 0.33, 0.33), (26, 26, 28), relief_m=0.06)
        sprite.fill(ellipse((x * way, 0.32), 0.19, 0.19), (150, 154, 158), relief_m=0.06, gloss=0.7)


PROPS: dict[str, tuple[float, float, float, Painter]] = {
    "tree": (2.2, 5.2, 0.14, _tree),
    "bush": (1.0, 1.2, 0.08, _bush),
    "lamp": (1.25, 4.5, 0.12, _lamp),
    "sign": (0.6, 2.9, 0.12, _sign),
    "signal": (0.4, 3.4, 0.07, _signal),
    "bin": (0.5, 1.3, 0.1, _bin),
    "hydrant": (0.4, 1.0, 0.06, _hydrant),
    "cone": (0.4, 0.9, 0.05, _cone),
    "bollard": (0.3, 1.1, 0.07, _bollard),
    "bench": (1.1, 1.1, 0.05, _bench),
    "box": (0.6, 1.8, 0.06, _box),
    "car": (2.7, 2.2, 0.08, _car),
}
"""name → (half width and height in metres, how often it is drawn, its painter)."""


def draw_prop(name: str, rng: np.random.Generator, px_per_m: float, light_xy: tuple[float, float]) -> Sprite:
    """Draw one thing out of `PROPS`, origin on the ground below its middle; see `Sprite` for the units."""
    half, height, _, painter = PROPS[name]
    sprite = Sprite(half, half, height, 0.15, px_per_m, light_xy)
    painter(sprite, rng)
    return sprite
