# SPDX-License-Identifier: AGPL-3.0-only
"""People's outfits and the patterns of their cloth."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import cv2
import numpy as np

from engine.datasets.demo.canvas import Colour, Image, fractal_noise, tones

_SKINS: tuple[Colour, ...] = (
    (246, 214, 190), (232, 190, 160), (214, 164, 128), (186, 134, 98), (150, 102, 70), (112, 74, 52),
    (82, 54, 40),
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = (
    (26, 22, 22),
    (58, 38, 26),
    (98, 64, 36),
    (168, 124, 70),
    (140, 140, 142),
    (150, 66, 34),
)
_TROUSERS: tuple[Colour, ...] = (
    (38, 48, 76), (62, 84, 122), (34, 34, 38), (86, 88, 92), (150, 132, 100), (78, 70, 52), (112, 44, 44),
    (206, 200, 186),
)  # fmt: skip
PATTERNS = ("plain", "hoops", "stripes", "check", "dots", "blocks", "camouflage", "print", "safety")
_PATTERN_SHARES = (0.36, 0.12, 0.07, 0.12, 0.06, 0.08, 0.05, 0.08, 0.06)


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """A person's looks; colours are RGB, 0 to 255."""

    skin: Colour
    hair: str
    hair_colour: Colour
    hat: str
    crown: Colour
    beard: bool
    top: str
    sleeves: str
    pattern: str
    cloth: Colour
    second: Colour
    inner: Colour
    legs: str
    dress: bool
    bottom: Colour
    shoes: Colour
    accent: Colour
    backpack: bool
    bag: str | None


def _colour(rng: np.random.Generator, saturation: float = 0.9) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(
        rng.random(), saturation * rng.random() ** 1.4, rng.uniform(0.2, 0.9)
    )
    return 255 * red, 255 * green, 255 * blue


def _pick(rng: np.random.Generator, palette: tuple[Colour, ...]) -> Colour:
    jitter = rng.uniform(0.88, 1.1)
    red, green, blue = palette[rng.integers(len(palette))]
    return min(red * jitter, 255), min(green * jitter, 255), min(blue * jitter, 255)


def draw_outfit(rng: np.random.Generator) -> Outfit:
    """Draw skin, hair, clothes and carried items."""
    hair = str(rng.choice(["short", "long", "bun", "bald"], p=[0.5, 0.28, 0.1, 0.12]))
    hat = str(rng.choice(["none", "cap", "brim", "beanie", "helmet"], p=[0.66, 0.12, 0.06, 0.11, 0.05]))
    skin, hair_colour = _pick(rng, _SKINS), _pick(rng, _HAIRS)
    legs = str(rng.choice(["trousers", "shorts", "skirt"], p=[0.7, 0.14, 0.16]))
    bald_crown = skin if hair == "bald" else hair_colour
    return Outfit(
        skin=skin,
        hair=hair,
        hair_colour=hair_colour,
        hat=hat,
        crown=bald_crown if hat == "none" else _colour(rng),
        beard=bool(hair in ("short", "bald") and rng.random() < 0.3),
        top=str(rng.choice(["shirt", "jacket", "coat"], p=[0.55, 0.3, 0.15])),
        sleeves=str(rng.choice(["long", "short", "none"], p=[0.6, 0.32, 0.08])),
        pattern=str(rng.choice(PATTERNS, p=_PATTERN_SHARES)),
        cloth=_colour(rng),
        second=_colour(rng),
        inner=_colour(rng, 0.3),
        legs=legs,
        dress=bool(legs == "skirt" and rng.random() < 0.6),
        bottom=_pick(rng, _TROUSERS) if legs != "skirt" else _colour(rng),
        shoes=_colour(rng, 0.4),
        accent=_colour(rng, 0.7),
        backpack=bool(rng.random() < 0.14),
        bag=str(rng.choice(["hand", "shopping"])) if rng.random() < 0.16 else None,
    )


def fabric(rng: np.random.Generator, outfit: Outfit, shape: tuple[int, int], period_px: float) -> Image:
    """The cloth of an outfit's top as an image, woven at half the size and enlarged.

    Args:
        rng: draws the pattern's place and size.
        outfit: gives the pattern's name and its two colours.
        shape: height and width in pixels.
        period_px: about how often the pattern repeats.

    Returns:
        uint8 (height, width, 3).
    """
    height, width = shape
    period = max(period_px * rng.uniform(0.7, 1.6), 2.0)
    weave = fractal_noise(rng, width, height, cell_px=period * 2)[::2, ::2]
    y, x = (2 * np.arange(size, dtype=np.float32) / period for size in weave.shape)
    u = np.broadcast_to(x[None] + rng.random(), weave.shape)
    share = _second_share(outfit.pattern, u, y[:, None] + 0.15 * weave, weave).astype(np.float32)
    first, second = tones(outfit.cloth), tones(outfit.second)
    if outfit.pattern == "safety":
        first = tones((228, 232, 40) if rng.random() < 0.6 else (255, 128, 20))
        second = tones((214, 218, 220))
    cloth = (first + share[..., None] * (second - first)) * (1 + 0.1 * weave[..., None])
    return cv2.resize(np.minimum(cloth, 255).astype(np.uint8), (width, height))


def _second_share(pattern: str, u: np.ndarray, v: np.ndarray, weave: np.ndarray) -> np.ndarray:
    """The share of the second colour in each pixel, 0 to 1, by pattern coordinates u and v."""
    if pattern == "hoops":
        return (v % 1 < 0.45).astype(np.float32)
    if pattern == "stripes":
        return (u % 1 < 0.35).astype(np.float32)
    if pattern == "check":
        return 0.5 * (u % 1 < 0.5) + 0.5 * (v % 1 < 0.5)
    if pattern == "dots":
        return (np.hypot(u % 1 - 0.5, v % 1 - 0.5) < 0.25).astype(np.float32)
    if pattern == "blocks":
        return (v % 7 < 3).astype(np.float32)
    if pattern == "camouflage":
        return (weave > 0.08).astype(np.float32)
    if pattern == "print":
        middle = u - u.mean()
        return (np.hypot(middle, v % 9 - 4) < 1.3).astype(np.float32)
    if pattern == "safety":
        return (v % 2.6 < 0.5).astype(np.float32)
    return np.zeros_like(u)
