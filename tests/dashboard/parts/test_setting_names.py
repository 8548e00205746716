# SPDX-License-Identifier: AGPL-3.0-only
"""Names and values of settings."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.i18n import speaking
from dashboard.parts.setting_names import NAMES, setting_name, setting_value
from dashboard.services.runs import flat
from engine.config import RunConfig


def test_every_setting_has_a_name_and_no_other_has() -> None:
    assert set(NAMES) == set(flat(RunConfig(dataset="demo", weights="demo").to_json()))
    with speaking("en"):
        assert setting_name("placement.scale") == "Placement: scale"
        assert setting_name("of a later version") == "of a later version"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),  # noqa: RUF001
        ("", "–"),  # noqa: RUF001
        (("man", "woman"), "man, woman"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (0.0300, "0.03"),
        ([0.8, 1.2], "0.8, 1.2"),
        ({"object": 1.0, "tv": 0.5}, "object 1, tv 0.5"),
        ("adam", "adam"),
        ("/home/me/best.pt", "best.pt"),
    ],
)
def test_values_are_written_in_short(value: Any, text: str) -> None:
    with speaking("en"):
        assert setting_value(value) == text
