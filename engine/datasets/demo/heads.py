# SPDX-License-Identifier: AGPL-3.0-only
"""Heads: neck, face, hair and hats, turned with the body."""

from __future__ import annotations

import numpy as np

from engine.datasets.demo.canvas import Points, Sprite, capsule, ellipse, moved, scaled, smooth
from engine.datasets.demo.poses import Joints, Pose
from engine.datasets.demo.wardrobe import Outfit

_FACE_SEEN = -0.35
"""The cosine of the yaw above which a face is seen rather than the back of a head."""


def draw_head(sprite: Sprite, joints: Joints, pose: Pose, outfit: Outfit) -> None:
    """Paint a head on its neck; the arms in front come later."""
    h = pose.height_m
    neck, head = joints["neck"][:2], joints["head"][:2]
    facing, profile = np.cos(pose.yaw), np.sin(pose.yaw)
    sprite.fill(
        capsule(neck - (0, 0.01 * h), head - (0, 0.03 * h), 0.03 * h, 0.028 * h),
        outfit.skin,
        relief_m=0.02 * h,
    )
    if outfit.hair == "long":
        fall = smooth(
            [
                moved(head, dx * h, dy * h)
                for dx, dy in ((-0.05, 0.04), (0.05, 0.04), (0.06, -0.1), (-0.06, -0.1))
            ]
        )
        sprite.fill(fall - (0.015 * h * profile, 0), outfit.hair_colour, relief_m=0.03 * h)
    skull = ellipse(head, 0.049 * h, 0.066 * h)
    sprite.fill(skull, outfit.skin if facing > _FACE_SEEN else outfit.crown, relief_m=0.04 * h)
    if facing > _FACE_SEEN:
        _face(sprite, head, h, profile, outfit)
    if outfit.hair == "bun":
        sprite.fill(
            ellipse(moved(head, -0.03 * h * profile, 0.075 * h), 0.025 * h, 0.025 * h), outfit.hair_colour
        )
    _crown(sprite, head, h, facing, profile, outfit)
    if outfit.hair == "long" and facing < _FACE_SEEN:
        sprite.fill(fall, outfit.hair_colour, relief_m=0.03 * h)


def _face(sprite: Sprite, head: Points, h: float, profile: float, outfit: Outfit) -> None:
    """Eyes, nose and mouth, shifted to the side that the face looks to."""
    shift = 0.026 * h * profile
    dark = scaled(outfit.skin, 0.35)
    for eye in (-0.019, 0.019):
        if abs(eye * h + shift) < 0.042 * h:
            sprite.fill(ellipse(moved(head, eye * h + shift, 0.008 * h), 0.006 * h, 0.004 * h), (28, 22, 22))
    nose = scaled(outfit.skin, 0.85)
    sprite.fill(ellipse(moved(head, 1.7 * shift, -0.012 * h), 0.007 * h, 0.012 * h), nose)
    sprite.fill(ellipse(moved(head, 1.1 * shift, -0.035 * h), 0.014 * h, 0.004 * h), dark)
    if outfit.beard:
        jaw = [
            moved(head, dx * h + 0.5 * shift, dy * h)
            for dx, dy in ((-0.042, -0.03), (0.042, -0.03), (0.02, -0.068), (-0.02, -0.068))
        ]
        sprite.fill(smooth(jaw), outfit.hair_colour)


def _crown(sprite: Sprite, head: Points, h: float, facing: float, profile: float, outfit: Outfit) -> None:
    """Hair or a hat."""
    low = 0.012 if facing > _FACE_SEEN else -0.03
    corners = (
        (-0.053, low),
        (-0.046, 0.045),
        (0.0, 0.073),
        (0.046, 0.045),
        (0.053, low),
        (0.0, 0.034 if facing > _FACE_SEEN else low),
    )
    cap = [moved(head, dx * h - 0.012 * h * profile, dy * h) for dx, dy in corners]
    if outfit.hair != "bald" or outfit.hat != "none":
        sprite.fill(smooth(cap), outfit.crown, relief_m=0.025 * h, gloss=0.5)
    if outfit.hat == "cap":
        sprite.fill(
            capsule(
                moved(head, 0, 0.03 * h), moved(head, 0.075 * h * profile, 0.026 * h), 0.014 * h, 0.008 * h
            ),
            outfit.crown,
        )
    elif outfit.hat == "brim":
        sprite.fill(ellipse(moved(head, 0, 0.032 * h), 0.095 * h, 0.016 * h), outfit.crown, relief_m=0.01 * h)
    elif outfit.hat == "helmet":
        sprite.fill(
            ellipse(moved(head, 0, 0.04 * h), 0.06 * h, 0.045 * h), outfit.crown, relief_m=0.03 * h, gloss=0.7
        )
