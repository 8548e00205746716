# SPDX-License-Identifier: AGPL-3.0-only
"""The hour of the day: sun, sky, haze, and the shadows that sprites cast on the ground."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from engine.datasets.demo.canvas import Colour, Sprite


@dataclass(frozen=True, kw_only=True)
class Light:
    """The lighting of a scene.

    Attributes:
        hour: the preset's name.
        side: position of the sun, -1 left to 1 right.
        sun: hardness of shadows, 0 to 1.
        length: a shadow's length as a share of the object's height.
        sky_top, sky_low: the sky's colours at the zenith and at the horizon.
        haze: share of the sky's low colour over the farthest things, 0 to 1.
        tint: factor of each colour channel over the whole image.
        lamps: whether windows and lamps are lit.
    """

    hour: str
    side: float
    sun: float
    length: float
    sky_top: Colour
    sky_low: Colour
    haze: float
    tint: Colour
    lamps: bool

    @property
    def direction_xy(self) -> tuple[float, float]:
        """Where light comes from in image directions (y down), as `Sprite` takes it."""
        strength = 0.55 + 0.45 * self.sun
        return self.side * strength, -0.6 * strength


_HOURS = {
    "noon": (0.85, 0.35, (84, 142, 214), (190, 216, 236), 0.25, (1.03, 1.02, 0.99), False),
    "morning": (0.7, 0.9, (120, 170, 222), (236, 226, 206), 0.45, (1.05, 1.0, 0.93), False),
    "golden": (0.8, 1.1, (96, 120, 176), (250, 196, 138), 0.4, (1.12, 0.96, 0.8), False),
    "overcast": (0.1, 0.3, (168, 178, 188), (214, 219, 222), 0.5, (0.95, 0.97, 1.0), False),
    "dusk": (0.15, 0.4, (44, 56, 104), (206, 134, 128), 0.35, (0.72, 0.7, 0.86), True),
    "night": (0.2, 0.5, (16, 22, 46), (52, 58, 88), 0.3, (0.62, 0.61, 0.76), True),
}
_HOUR_SHARES = (0.3, 0.19, 0.16, 0.2, 0.1, 0.05)


def draw_light(rng: np.random.Generator) -> Light:
    """Draw the hour and the sun's position."""
    hour = str(rng.choice(list(_HOURS), p=_HOUR_SHARES))
    sun, length, sky_top, sky_low, haze, tint, lamps = _HOURS[hour]
    return Light(
        hour=hour,
        side=float(rng.choice([-1, 1]) * rng.uniform(0.4, 1)),
        sun=sun * rng.uniform(0.8, 1.1),
        length=length * rng.uniform(0.8, 1.3),
        sky_top=sky_top,
        sky_low=sky_low,
        haze=haze * rng.uniform(0.5, 1.2),
        tint=tint,
        lamps=lamps,
    )


def cast_shadow(
    shadows: npt.NDArray[np.float32], sprite: Sprite, foot_xy: tuple[float, float], light: Light, scale: float
) -> None:
    """Add a sprite's shadow to a map of shadows, in place.

    Args:
        shadows: float32 (h, w), 0 lit to 1 dark; smaller than the canvas by the factor `scale`.
        sprite: casts the shadow.
        foot_xy: the sprite's foot, in canvas pixels.
        light: the sun, which gives length, side and hardness.
        scale: the map's pixels a canvas pixel, 0 to 1.
    """
    origin_x, origin_y = sprite.origin_px
    squash, lean = 0.42 * light.length, 0.75 * light.length * light.side
    # The foot stays where it is; a higher point falls away from the sun and back into the picture.
    matrix = np.array(
        [
            [scale, lean * scale, scale * (foot_xy[0] - origin_x - lean * origin_y)],
            [0, squash * scale, scale * (foot_xy[1] - squash * origin_y)],
        ]
    )
    height, width = shadows.shape
    cast = cv2.warpAffine(sprite.mask, matrix, (width, height), flags=cv2.INTER_LINEAR)
    np.maximum(shadows, cast.astype(np.float32) * (0.62 * light.sun / 255), out=shadows)
    columns = np.flatnonzero(sprite.mask[int(origin_y * 0.9) :].any(axis=0))
    if columns.size:
        spread = (columns[-1] - columns[0]) * scale / 2 + 2
        centre = (foot_xy[0] - origin_x + (columns[0] + columns[-1]) / 2) * scale, foot_xy[1] * scale
        contact = np.zeros_like(shadows)
        axes = (int(spread * 1.15), max(int(spread * 0.28), 1))
        cv2.ellipse(contact, (int(centre[0]), int(centre[1])), axes, 0, 0, 360, 0.5, -1)
        np.maximum(shadows, contact, out=shadows)
