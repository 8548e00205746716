# SPDX-License-Identifier: AGPL-3.0-only
"""A line of the table by attacker says what was tried, and what was not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.i18n import speaking
from dashboard.parts.defend import outcomes
from dashboard.services.defend import DefenceOutcome, KnownAttack


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with speaking("en"):
        yield


def scores(ap50: float) -> dict[str, Any]:
    return {"ap50": ap50, "ci95": {"ap50": [ap50 - 0.1, ap50 + 0.1]}}


def attack(left: float, **known: Any) -> KnownAttack:
    evaluation = {"patch": scores(left), "controls": {"clean": scores(0.9), "grey": scores(0.8)}}
    usual: dict[str, Any] = {"patch": 1, "name": "first", "defence": "jpeg", "adaptive": False}
    return KnownAttack(**usual | known, evaluation=evaluation)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, ("–", "not tested", "not tested", "–", "–", "–")),  # noqa: RUF001
        (
            {
                "unaware": attack(0.7),
                "adaptive": attack(0.3, name="second", adaptive=True),
                "ms_per_image": 12.0,
                "undefended_ms_per_image": 10.0,
            },
            (
                "0.90 (0.80 to 1.00)",
                "0.70 (0.60 to 0.80) · first",
                "0.30 (0.20 to 0.40) · second",
                "0.80 (0.70 to 0.90)",
                "–",  # noqa: RUF001
                "12.0 (+2.0)",
            ),
        ),
        (
            {"ms_per_image": 12.0, "undefended_ms_per_image": 12.0},
            ("–", "not tested", "not tested", "–", "–", "12.0"),  # noqa: RUF001
        ),
    ],
)
def test_a_line_says_what_is_known(known: dict[str, Any], said: tuple[str, ...]) -> None:
    usual: dict[str, Any] = dict.fromkeys(("unaware", "adaptive", "ms_per_image", "undefended_ms_per_image"))
    line = outcomes._row(DefenceOutcome(**usual | {"defence": "jpeg"} | known))
    assert tuple(line.values()) == ("jpeg", *said)
