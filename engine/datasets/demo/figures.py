# SPDX-License-Identifier: AGPL-3.0-only
"""People as sprites: limbs, trunk and bags painted over a posed skeleton, the far side first."""

from __future__ import annotations

import numpy as np

from engine.datasets.demo.canvas import Image, Points, Sprite, capsule, ellipse, moved, rectangle, smooth
from engine.datasets.demo.heads import draw_head
from engine.datasets.demo.poses import Joints, Pose, draw_pose, skeleton
from engine.datasets.demo.wardrobe import Outfit, draw_outfit, fabric


def draw_person(rng: np.random.Generator, px_per_m: float, light_xy: tuple[float, float]) -> Sprite:
    """Draw one person, origin on the ground between the feet; see `Sprite` for the units."""
    pose, outfit = draw_pose(rng), draw_outfit(rng)
    reach = 0.62 * pose.height_m
    sprite = Sprite(reach, reach, 1.3 * pose.height_m, 0.08, px_per_m, light_xy)
    joints = skeleton(pose)
    cloth = fabric(rng, outfit, sprite.rgb.shape[:2], 0.05 * pose.height_m * px_per_m)
    order = sorted((0, 1), key=lambda side: joints[f"shoulder{side}"][2] + joints[f"wrist{side}"][2])
    behind = [
        side for side in order if joints[f"wrist{side}"][2] < -0.03 or joints[f"shoulder{side}"][2] < -0.05
    ]
    for side in behind:
        _arm(sprite, joints, pose, outfit, cloth, side)
    for side in sorted((0, 1), key=lambda side: joints[f"knee{side}"][2] + joints[f"hip{side}"][2]):
        _leg(sprite, joints, pose, outfit, side)
    if outfit.backpack and np.cos(pose.yaw) >= -0.2:
        _backpack(sprite, joints, pose, outfit)
    _trunk(sprite, joints, pose, outfit, cloth)
    if outfit.backpack and np.cos(pose.yaw) < -0.2:
        _backpack(sprite, joints, pose, outfit)
    draw_head(sprite, joints, pose, outfit)
    for side in order:
        if side not in behind:
            _arm(sprite, joints, pose, outfit, cloth, side)
    if outfit.bag is not None and joints["wrist0"][1] < joints["pelvis"][1] + 0.1 * pose.height_m:
        _bag(sprite, joints["wrist0"][:2], pose.height_m, outfit)
    return sprite


def _arm(sprite: Sprite, joints: Joints, pose: Pose, outfit: Outfit, cloth: Image, side: int) -> None:
    h, b = pose.height_m, 0.5 + 0.5 * pose.build
    shoulder, elbow, wrist = (joints[f"{name}{side}"][:2] for name in ("shoulder", "elbow", "wrist"))
    relief = 0.018 * h
    sprite.fill(ellipse(wrist, 0.021 * h, 0.025 * h), outfit.skin, relief_m=relief)
    long = outfit.sleeves == "long"
    lower = capsule(elbow, wrist, 0.026 * h * b, 0.02 * h * b)
    sprite.fill(lower, cloth if long else outfit.skin, relief_m=relief)
    upper = capsule(shoulder, elbow, 0.034 * h * b, 0.027 * h * b)
    sprite.fill(upper, outfit.skin if outfit.sleeves == "none" else cloth, relief_m=relief)


def _leg(sprite: Sprite, joints: Joints, pose: Pose, outfit: Outfit, side: int) -> None:
    h, b = pose.height_m, 0.5 + 0.5 * pose.build
    hip, knee, ankle, toe = (joints[f"{name}{side}"][:2] for name in ("hip", "knee", "ankle", "toe"))
    heel = moved(ankle, 0, -0.012 * h)
    sprite.fill(capsule(heel, toe, 0.026 * h, 0.018 * h), outfit.shoes, relief_m=0.012 * h)
    bare = outfit.legs in ("shorts", "skirt")
    shin = capsule(knee, ankle, 0.036 * h * b, 0.024 * h if bare else 0.03 * h * b)
    sprite.fill(shin, outfit.skin if bare else outfit.bottom, relief_m=0.025 * h)
    thigh = capsule(hip, knee, 0.056 * h * b, 0.039 * h * b)
    sprite.fill(thigh, outfit.skin if outfit.legs == "skirt" else outfit.bottom, relief_m=0.03 * h)


def _outline(joints: Joints, pose: Pose, levels: list[tuple[float, float, float]]) -> Points:
    """A turned trunk: levels of (share of pelvis → neck, half width, half thickness), as shares of height."""
    h, b = pose.height_m, pose.build
    pelvis, neck = joints["pelvis"][:2], joints["neck"][:2]
    cos, sin = np.cos(pose.yaw), np.sin(pose.yaw)
    halves = [h * b * np.hypot(width * cos, depth * sin) for _, width, depth in levels]
    centres = [pelvis + share * (neck - pelvis) for share, _, _ in levels]
    left = [moved(centre, -half, 0) for centre, half in zip(centres, halves, strict=True)]
    right = [moved(centre, half, 0) for centre, half in zip(centres, halves, strict=True)]
    return smooth(np.array(left + right[::-1]))


def _trunk(sprite: Sprite, joints: Joints, pose: Pose, outfit: Outfit, cloth: Image) -> None:
    h = pose.height_m
    if outfit.legs == "skirt":
        flare = [(-0.62, 0.125, 0.12), (-0.2, 0.1, 0.09), (0.25, 0.08, 0.06)]
        sprite.fill(
            _outline(joints, pose, flare), cloth if outfit.dress else outfit.bottom, relief_m=0.04 * h
        )
    else:
        seat = [(-0.16, 0.085, 0.07), (0.0, 0.098, 0.078), (0.22, 0.088, 0.066)]
        sprite.fill(_outline(joints, pose, seat), outfit.bottom, relief_m=0.04 * h)
    hem = {"coat": (-0.75, 0.115, 0.09), "jacket": (-0.12, 0.106, 0.085)}.get(outfit.top, (-0.02, 0.1, 0.078))
    levels = [
        hem,
        (0.25, 0.09, 0.066),
        (0.62, 0.112, 0.075),
        (0.88, 0.12, 0.066),
        (0.97, 0.075, 0.05),
        (1.03, 0.03, 0.03),
    ]
    sprite.fill(_outline(joints, pose, levels), cloth, relief_m=0.045 * h)
    if outfit.top in ("coat", "jacket") and np.cos(pose.yaw) > 0.3:
        opening = [(0.02, 0.028, 0.01), (0.6, 0.03, 0.01), (1.0, 0.036, 0.02)]
        sprite.fill(_outline(joints, pose, opening), outfit.inner, relief_m=0.01 * h)


def _backpack(sprite: Sprite, joints: Joints, pose: Pose, outfit: Outfit) -> None:
    h = pose.height_m
    centre = (joints["pelvis"][:2] + joints["neck"][:2]) / 2 + (-0.1 * h * np.sin(pose.yaw), 0.04 * h)
    half = 0.085 * h
    box = rectangle(centre[0] - half, centre[1] - 0.12 * h, centre[0] + half, centre[1] + 0.12 * h)
    sprite.fill(smooth(box, 8), outfit.accent, relief_m=0.04 * h)


def _bag(sprite: Sprite, wrist: Points, h: float, outfit: Outfit) -> None:
    x, y = wrist
    sprite.fill(capsule(wrist, wrist - (0, 0.05 * h), 0.006 * h, 0.006 * h), outfit.accent)
    width, height = (0.055, 0.1) if outfit.bag == "hand" else (0.075, 0.17)
    sprite.fill(
        rectangle(x - width * h, y - (0.04 + height) * h, x + width * h, y - 0.04 * h),
        outfit.accent,
        relief_m=0.015 * h,
    )
