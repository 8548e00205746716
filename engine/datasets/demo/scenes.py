# SPDX-License-Identifier: AGPL-3.0-only
"""One picture of the demo: a place, things and people set in depth, their shadows and their boxes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from engine.datasets.demo.camera import photograph
from engine.datasets.demo.canvas import SUPERSAMPLE, Image, Sprite, tones
from engine.datasets.demo.figures import draw_person
from engine.datasets.demo.lighting import Light, cast_shadow, draw_light
from engine.datasets.demo.props import PROPS, draw_prop
from engine.datasets.demo.scenery import View, draw_background, draw_view

MOST_HIDDEN = 0.65
"""The largest share of a person that others, things and the picture's edge hide together."""

_ATTEMPTS = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A drawn picture and where its people are.

    Attributes:
        image: uint8 RGB (h, w, 3).
        boxes_xyxy_px: float32 (n, 4), around each person's whole silhouette inside the picture.
        hidden: float64 (n,), the share of each silhouette that is hidden or outside.
    """

    image: Image
    boxes_xyxy_px: npt.NDArray[np.float32]
    hidden: npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Actor:
    sprite: Sprite
    foot_xy: tuple[float, float]
    person: bool

    @property
    def corner(self) -> tuple[int, int]:
        """The canvas position of the sprite's first pixel."""
        origin = self.sprite.origin_px
        return round(self.foot_xy[0] - origin[0]), round(self.foot_xy[1] - origin[1])

    def window(self, width: int, height: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Where canvas and sprite overlap: rows and columns of each."""
        x, y = self.corner
        rows, columns = self.sprite.mask.shape
        x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + columns, width), min(y + rows, height)
        x1, y1 = max(x1, x0), max(y1, y0)
        return (slice(y0, y1), slice(x0, x1)), (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))


def draw_scene(rng: np.random.Generator, people: int, width: int, height: int) -> Scene:
    """Draw a street scene with exactly this many people, each at least partly visible.

    Args:
        rng: the only source of randomness.
        people: number of people, 0 or more.
        width, height: the picture's size in pixels.
    """
    view = draw_view(rng, width * SUPERSAMPLE, height * SUPERSAMPLE)
    light = draw_light(rng)
    actors, hidden = _cast(rng, view, light, people)
    # Only the outlines of actors in front of the background need the large canvas.
    background = draw_background(rng, view.shrunk(SUPERSAMPLE), light)
    _shade(background[int(view.horizon / SUPERSAMPLE) :], actors, view, light)
    canvas = cv2.resize(background, (view.width, view.height), interpolation=cv2.INTER_LINEAR)
    for actor in actors:
        _place(canvas, actor, view, light)
    image = photograph(rng, canvas, light, width, height)
    boxes = [_box(actor, view) for actor in actors if actor.person]
    return Scene(image=image, boxes_xyxy_px=np.array(boxes, dtype=np.float32).reshape(-1, 4), hidden=hidden)


def _cast(
    rng: np.random.Generator, view: View, light: Light, people: int
) -> tuple[list[_Actor], npt.NDArray[np.float64]]:
    """Things and people from far to near, redrawn until nobody is hidden too much."""
    things = [_thing(rng, view, light) for _ in range(int(rng.integers(2, 8)))]
    actors, hidden = sorted(things, key=_depth), np.zeros(0)
    for _ in range(_ATTEMPTS * people):
        if len(hidden) == people:
            break
        trial = sorted([*actors, _person(rng, view, light)], key=_depth)
        trial_hidden = _hidden(trial, view)
        if trial_hidden.max() <= MOST_HIDDEN:
            actors, hidden = trial, trial_hidden
    return (actors, hidden) if len(hidden) == people else _cast(rng, view, light, people)


def _depth(actor: _Actor) -> float:
    """Sort key: actors lower in the picture are nearer."""
    return actor.foot_xy[1]


def _person(rng: np.random.Generator, view: View, light: Light) -> _Actor:
    foot_xy, scale = _spot(rng, view, 62 / 1.7, 360 / 1.7)
    return _Actor(sprite=draw_person(rng, scale, light.direction_xy), foot_xy=foot_xy, person=True)


def _thing(rng: np.random.Generator, view: View, light: Light) -> _Actor:
    shares = np.array([share for _, _, share, _ in PROPS.values()])
    name = str(rng.choice(list(PROPS), p=shares / shares.sum()))
    foot_xy, scale = _spot(rng, view, 24, 70 if name in ("car", "tree") else 120)
    return _Actor(sprite=draw_prop(name, rng, scale, light.direction_xy), foot_xy=foot_xy, person=False)


def _spot(rng: np.random.Generator, view: View, low: float, high: float) -> tuple[tuple[float, float], float]:
    """A foot's place on free ground and the canvas pixels a metre there; low and high are picture pixels."""
    while True:
        drawn = SUPERSAMPLE * float(np.exp(rng.uniform(np.log(low), np.log(high))))
        foot_y = min(view.foot_y(drawn), view.height + 0.5 * drawn)
        foot_x = float(rng.uniform(0.02, 0.98)) * view.width
        scale = view.px_per_m(foot_y)
        if view.has_ground(foot_x, scale):
            return (foot_x, foot_y), scale


def _hidden(actors: list[_Actor], view: View) -> npt.NDArray[np.float64]:
    """The share of each person that cannot be seen, in the order given (far to near)."""
    owner = np.full((view.height, view.width), -1, dtype=np.int16)
    for index, actor in enumerate(actors):
        on_canvas, on_sprite = actor.window(view.width, view.height)
        owner[on_canvas][actor.sprite.mask[on_sprite] > 0] = index
    seen = np.bincount(owner.ravel() + 1, minlength=len(actors) + 1)[1:]
    whole = [np.count_nonzero(actor.sprite.mask) for actor in actors]
    return np.array([1 - s / w for s, w, actor in zip(seen, whole, actors, strict=True) if actor.person])


def _shade(ground: Image, actors: list[_Actor], view: View, light: Light) -> None:
    """Darken the small background below the horizon where actors stand between it and the light."""
    top = view.height - ground.shape[0] * SUPERSAMPLE
    shadows = np.zeros((ground.shape[0] // 2, ground.shape[1] // 2), dtype=np.float32)
    for actor in actors:
        foot_xy = (actor.foot_xy[0], actor.foot_xy[1] - top)
        cast_shadow(shadows, actor.sprite, foot_xy, light, 0.5 / SUPERSAMPLE)
    shadows = cv2.GaussianBlur(shadows, (0, 0), 1.6)
    full = cv2.resize(shadows, ground.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    # Sky light still reaches a shadow, so it turns blue rather than black.
    ground[:] = (ground * (1 - full[..., None] * tones((0.9, 0.86, 0.74)))).astype(np.uint8)


def _place(canvas: Image, actor: _Actor, view: View, light: Light) -> None:
    """Paint one actor; the haze takes those that are far away."""
    on_canvas, on_sprite = actor.window(view.width, view.height)
    inside = actor.sprite.mask[on_sprite] > 0
    haze = light.haze * float(np.clip(1.1 - actor.sprite.px_per_m / (90 * SUPERSAMPLE), 0, 1)) * 0.45
    painted = actor.sprite.rgb[on_sprite][inside] * (1 - haze) + tones(light.sky_low) * haze
    canvas[on_canvas][inside] = painted.astype(np.uint8)


def _box(actor: _Actor, view: View) -> tuple[float, float, float, float]:
    """Around the silhouette inside the picture, hidden parts included, in the picture's pixels."""
    (rows, columns), on_sprite = actor.window(view.width, view.height)
    inside = actor.sprite.mask[on_sprite] > 0
    ys, xs = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    left, top = columns.start + xs[0], rows.start + ys[0]
    right, bottom = columns.start + xs[-1] + 1, rows.start + ys[-1] + 1
    return left / SUPERSAMPLE, top / SUPERSAMPLE, right / SUPERSAMPLE, bottom / SUPERSAMPLE
