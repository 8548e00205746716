# SPDX-License-Identifier: AGPL-3.0-only
"""The floor: the step and what it is held to, and the answer from hand-made figures."""

from __future__ import annotations

import pytest

from engine.benchmark.floor import floor_answer, floor_parts
from tests.engine.benchmark.factories import measured, row, sides


def test_all_sides_are_measured_with_views_and_whole_images(subject, scale):
    rows = measured(floor_parts(subject, scale), "floor")
    alone = ["step", "bare pass", "bare pass without the box branch", "rendering alone", "loading alone"]
    assert sides(rows, "s/image") == [
        f"{name}, {view}" for view in ("views", "whole images") for name in alone
    ]
    assert {each.settings["canvas_px"] for each in rows} == {32, 64}
    assert all(each.figure.value > 0 for each in rows)
    assert floor_answer(rows).startswith("A step reaches ")


@pytest.mark.parametrize(
    ("share", "words"), [(0.9, "0.90 (0.85 to 0.95) of the bare pass's speed"), (1.1, "1.10 (1.05 to 1.15)")]
)
def test_the_share_is_told_with_its_interval(share, words):
    rows = [
        row("bare pass / step, views", share, "share", noise=0.05),
        row("rendering alone / step, views", 0.07, "share"),
        row("loading alone / step, views", 0.02, "share"),
    ]
    assert words in floor_answer(rows)
    assert floor_answer(rows).endswith("with views (of its time rendering 7%, loading 2%).")


def test_nothing_measured_is_said():
    assert floor_answer([]) == "No step could be measured."
