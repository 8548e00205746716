# SPDX-License-Identifier: AGPL-3.0-only
"""How runs end, and what their patches' scores are worth."""

from __future__ import annotations

import random
from typing import Any

import pytest

from dashboard.services.outcomes import Ended, ended, verdict
from tests.dashboard.homes import make_evaluation

LIMITED = {"iterations": 50, "time_limit_s": 45.0}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, None),
        ({"iterations": 3}, None),
        ({"iterations": 3, "config": {"iterations": 50}}, None),  # by whatever: no limit was set
        ({"iterations": 50, "config": LIMITED}, Ended(how="iterations", done=50, asked=50)),
        ({"iterations": 37, "config": LIMITED, "events": []}, Ended(how="time limit", done=37, asked=50)),
        (
            {"iterations": 20, "config": LIMITED, "events": [{"event": "stopped early", "step": 9}]},
            Ended(how="early stop", done=20, asked=50),
        ),
    ],
)
def test_how_a_run_ended(facts: dict[str, Any], expected: Ended | None) -> None:
    assert ended(facts) == expected


@pytest.mark.parametrize(
    ("patch", "grey", "expected"),
    [
        ((None, None, None), (0.1, 0.0, 0.2), None),
        ((0.5, 0.4, 0.6), (0.1, 0.0, 0.2), "stronger"),
        ((0.6, 0.3, 0.9), (0.1, 0.0, 0.2), "stronger"),
        ((0.3, 0.15, 0.4), (0.1, 0.0, 0.2), "unclear"),
        ((0.3, None, None), (0.1, None, None), "unclear"),
        ((0.29, 0.0, 0.67), (0.1, 0.0, 0.4), "few"),
        ((0.1, 0.0, 0.2), (0.1, 0.0, 0.2), "weaker"),
    ],
)
def test_a_patch_is_held_against_a_grey_one(patch: Any, grey: Any, expected: str | None) -> None:
    def scores(asr: float | None, *bounds: float | None) -> dict[str, Any]:
        return {"asr": asr, "ci95": {"asr": list(bounds)}}

    assert verdict({"patch": scores(*patch), "controls": {"grey": scores(*grey)}}) == expected


def test_an_evaluation_of_invented_figures_has_a_verdict() -> None:
    assert verdict(make_evaluation(random.Random(0))) == "stronger"
