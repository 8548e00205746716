# SPDX-License-Identifier: AGPL-3.0-only
"""Bodies and their poses: the joints of a three-dimensional skeleton, seen from the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Joints = dict[str, npt.NDArray[np.float64]]

_POSES = ("stand", "walk", "run", "wave", "phone", "hips", "point")
_POSE_SHARES = (0.22, 0.36, 0.09, 0.08, 0.11, 0.08, 0.06)


@dataclass(frozen=True, kw_only=True)
class Pose:
    """A body's build and the angles of its joints, in radians; the first of each pair is the left limb.

    Attributes:
        height_m: from sole to crown.
        build: width of the trunk and limbs, 1 for an average body.
        yaw: where the body faces: 0 to the viewer, π/2 to the right, π away.
        lean: of the trunk, forward.
        hips, knees: forward swing of each thigh; bend of each knee, back.
        shoulders, elbows: forward swing of each upper arm; bend of each elbow, forward.
        spread: outward angle of each upper arm; negative elbow spread turns the forearm inward.
    """

    height_m: float
    build: float
    yaw: float
    lean: float
    hips: tuple[float, float]
    knees: tuple[float, float]
    shoulders: tuple[float, float]
    elbows: tuple[float, float]
    spread: tuple[float, float]
    fold: tuple[float, float]


def draw_pose(rng: np.random.Generator) -> Pose:
    """Draw a build and a pose: standing, walking, running, waving, on the phone, hands on hips, pointing."""
    kind = str(rng.choice(_POSES, p=_POSE_SHARES))
    child = rng.random() < 0.12
    stride = {"walk": rng.uniform(0.25, 0.5), "run": rng.uniform(0.55, 0.85)}.get(kind, rng.uniform(0, 0.08))
    phase = float(rng.choice([-1, 1]))
    bend = {"walk": 0.3, "run": 0.9}.get(kind, 0.05)
    arms = _arms(kind, stride * phase, rng)
    return Pose(
        height_m=float(rng.uniform(1.1, 1.45) if child else rng.normal(1.71, 0.09)),
        build=float(np.clip(rng.normal(1.05, 0.16), 0.8, 1.5)),
        yaw=float(rng.choice([0, np.pi / 2, np.pi, -np.pi / 2]) + rng.normal(0, 0.45)),
        lean=float({"run": 0.2, "walk": 0.06}.get(kind, 0.0) + rng.normal(0, 0.03)),
        hips=(stride * phase, -stride * phase),
        knees=(bend * (0.35 if phase > 0 else 1.0), bend * (1.0 if phase > 0 else 0.35)),
        **arms,
    )


def _arms(kind: str, swing: float, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """The angles of both arms for a kind of pose."""
    shoulder, elbow = [-swing, swing], [0.25, 0.25]
    spread, fold = [rng.uniform(0.05, 0.22), rng.uniform(0.05, 0.22)], [0.0, 0.0]
    one = int(rng.integers(2))
    if kind == "run":
        elbow = [1.5, 1.5]
    elif kind == "wave":
        spread[one], fold[one], elbow[one] = rng.uniform(1.6, 2.5), rng.uniform(-0.2, 0.9), 0.1
    elif kind == "phone":
        shoulder[one], elbow[one], fold[one] = rng.uniform(0.3, 0.7), rng.uniform(1.6, 2.2), -0.4
    elif kind == "hips":
        spread, fold, elbow = [0.75, 0.75], [-1.5, -1.5], [0.1, 0.1]
    elif kind == "point":
        shoulder[one], spread[one], elbow[one] = rng.uniform(1.0, 1.6), rng.uniform(0.2, 0.7), 0.1
    pairs = {"shoulders": shoulder, "elbows": elbow, "spread": spread, "fold": fold}
    return {name: (float(a), float(b)) for name, (a, b) in pairs.items()}


def skeleton(pose: Pose) -> Joints:
    """The joints of a pose as seen from the front of the scene.

    Returns:
        name → (3,): x right and y up in metres from the ground between the feet, and the depth towards
        the viewer. Names: pelvis, neck, head, and hip, knee, ankle, toe, shoulder, elbow, wrist with the
        suffix 0 (left) or 1 (right).
    """
    h, b = pose.height_m, pose.build
    trunk = np.array([0, np.sin(pose.lean), np.cos(pose.lean)])
    joints = {
        "pelvis": np.zeros(3),
        "neck": 0.325 * h * trunk,
        "head": 0.325 * h * trunk + (0, 0.01 * h, 0.088 * h),
    }
    for side, sign in ((0, 1.0), (1, -1.0)):
        hip = np.array([0.052 * h * b * sign, 0, 0])
        knee = hip + 0.245 * h * _limb(pose.hips[side], 0.03, sign)
        ankle = knee + 0.24 * h * _limb(pose.hips[side] - pose.knees[side], 0.0, sign)
        toe = ankle + 0.09 * h * np.array([0.15 * sign, 1.0, -0.12])
        shoulder = 0.3 * h * trunk + (0.094 * h * b * sign, 0, -0.006 * h)
        elbow = shoulder + 0.172 * h * _limb(pose.shoulders[side], pose.spread[side], sign)
        fore = _limb(pose.shoulders[side] + pose.elbows[side], pose.spread[side] + pose.fold[side], sign)
        wrist = elbow + 0.15 * h * fore
        names = ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist")
        points = (hip, knee, ankle, toe, shoulder, elbow, wrist)
        joints |= {f"{name}{side}": point for name, point in zip(names, points, strict=True)}
    return _project(joints, pose)


def _limb(swing: float, spread: float, sign: float) -> npt.NDArray[np.float64]:
    """The direction of a limb that hangs down, swung forward and spread outward."""
    return np.array([np.sin(spread) * sign, np.sin(swing) * np.cos(spread), -np.cos(swing) * np.cos(spread)])


def _project(joints: Joints, pose: Pose) -> Joints:
    """Turn the body by its yaw and set its lower foot on the ground."""
    cos, sin = np.cos(pose.yaw), np.sin(pose.yaw)
    ground = min(joints["ankle0"][2], joints["ankle1"][2]) - 0.035 * pose.height_m
    return {
        name: np.array([lateral * cos + forward * sin, up - ground, forward * cos - lateral * sin])
        for name, (lateral, forward, up) in joints.items()
    }
