# SPDX-License-Identifier: AGPL-3.0-only
"""The floor: the step and what it is held to."""

from __future__ import annotations

from engine.benchmark.answers.cost import floor_answer
from engine.benchmark.floor import floor_parts
from tests.engine.benchmark.factories import measured, sides


def test_all_sides_are_measured_with_views_and_whole_images(subject, scale):
    rows = measured(floor_parts(subject, scale), "floor")
    alone = [
        "step",
        "bare pass",
        "bare pass without the box branch, side by side",
        "rendering alone",
        "loading alone",
    ]
    assert sides(rows, "s/image") == [
        f"{name}, {view}" for view in ("views", "whole images") for name in alone
    ]
    assert {each.settings["canvas_px"] for each in rows} == {32, 64}
    assert all(each.figure.value > 0 for each in rows)
    assert str(floor_answer(rows)).startswith("A step reaches ")
