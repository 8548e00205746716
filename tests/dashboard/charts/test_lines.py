# SPDX-License-Identifier: AGPL-3.0-only
"""The look of lines that are drawn on in place."""

from __future__ import annotations

import pytest

from dashboard.charts.lines import framed, number, pointed_at


@pytest.mark.parametrize(
    ("over", "scale"),
    [
        (None, {"zero": False, "nice": False}),
        ({"zero": True}, {"zero": True, "nice": False}),
        ({"domain": [0, 1]}, {"zero": False, "nice": False, "domain": [0, 1]}),
    ],
)
def test_an_axis_follows_the_data_unless_told_otherwise(over: dict | None, scale: dict) -> None:
    assert number("loss", scale=over)["scale"] == scale


@pytest.mark.parametrize(
    "shown", [[], [("step", "Steps", ",")], [("step", "Steps", ","), ("loss", "Loss", ".3f")]]
)
def test_what_is_pointed_at_is_told_column_by_column(shown: list[tuple[str, str, str]]) -> None:
    layer = pointed_at(shown)
    told = [(each["field"], each["title"], each["format"]) for each in layer["encoding"]["tooltip"]]
    assert told == shown


def test_nothing_takes_the_wheel_or_a_drag_from_the_page() -> None:
    (selection,) = [each["select"] for each in pointed_at([])["params"]]
    assert (selection["type"], selection["on"], selection["clear"]) == ("point", "pointerover", "pointerout")


def test_it_follows_the_page() -> None:
    light, dark, large = (
        framed({"mark": "line"}, title="t", height=100, **look)
        for look in ({}, {"dark": True}, {"large": True})
    )
    assert (light["mark"], light["title"], light["height"]) == ("line", "t", 100)
    assert light["config"]["background"] != dark["config"]["background"]
    assert light["config"]["axis"]["labelFontSize"] < large["config"]["axis"]["labelFontSize"]
    assert light["height"] < large["height"]
    assert pointed_at([])["mark"]["color"] != pointed_at([], dark=True)["mark"]["color"]
