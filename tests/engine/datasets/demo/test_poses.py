# SPDX-License-Identifier: AGPL-3.0-only
"""Skeletons."""

import numpy as np
import pytest

from engine.datasets.demo.poses import Pose, draw_pose, skeleton

BONES = [
    ("hip", "knee", 0.245),
    ("knee", "ankle", 0.24),
    ("shoulder", "elbow", 0.172),
    ("elbow", "wrist", 0.15),
]


def standing(**changes):
    pair = (0.0, 0.0)
    settings = dict.fromkeys(("hips", "knees", "shoulders", "elbows", "spread", "fold"), pair)
    return Pose(**{"height_m": 1.7, "build": 1.0, "yaw": 0.0, "lean": 0.0, **settings, **changes})


@pytest.mark.parametrize("seed", range(8))
def test_bones_keep_their_length_and_feet_stay_on_the_ground(seed):
    pose = draw_pose(np.random.default_rng(seed))
    joints = skeleton(pose)
    for upper, lower, share in BONES:
        for side in (0, 1):
            length = np.linalg.norm(joints[f"{upper}{side}"] - joints[f"{lower}{side}"])
            assert length == pytest.approx(share * pose.height_m)
    assert min(joints["ankle0"][1], joints["ankle1"][1]) == pytest.approx(0.035 * pose.height_m)


def test_whoever_faces_us_has_the_left_side_on_our_right():
    front, back = skeleton(standing()), skeleton(standing(yaw=np.pi))
    assert front["shoulder0"][0] > 0 > back["shoulder0"][0]
    assert front["toe0"][2] > front["ankle0"][2]
    assert back["toe0"][2] < back["ankle0"][2]


def test_a_turned_body_is_narrow_and_steps_sideways():
    joints = skeleton(standing(yaw=np.pi / 2, hips=(0.5, -0.5)))
    assert joints["shoulder0"][0] == pytest.approx(joints["shoulder1"][0])
    assert joints["knee0"][0] - joints["knee1"][0] > 0.3


def test_a_raised_arm_is_above_the_head():
    joints = skeleton(standing(spread=(3.0, 0.1)))
    assert joints["wrist0"][1] > joints["head"][1] > joints["wrist1"][1]
