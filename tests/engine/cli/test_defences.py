# SPDX-License-Identifier: AGPL-3.0-only
"""`defence list`."""

from __future__ import annotations

from engine.registries import DEFENCES
from tests.engine.cli.conftest import Run


def test_each_defence_is_listed_with_its_settings_and_their_ranges(run: Run) -> None:
    told = run("defence", "list").out
    blocks = told.strip().split("\n\n")
    assert [block.split("  ")[0] for block in blocks] == list(DEFENCES)
    assert "    quality=75  The encoder's quality; lower ones lose more. 1 to 100." in told
    assert "Random. [Xie et al. 2018]" in told


def test_as_json_each_setting_has_its_default_and_bounds(run: Run) -> None:
    listed = {each["name"]: each for each in run("defence", "list", "--json").json}
    assert list(listed) == list(DEFENCES)
    assert listed["resize-pad"]["random"]
    assert listed["jpeg"]["settings"]["quality"] == {
        "help": "The encoder's quality; lower ones lose more.",
        "default": 75,
        "unit": "",
        "bounds": [1, 100],
    }
