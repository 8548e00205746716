# SPDX-License-Identifier: AGPL-3.0-only
"""Steps of the widgets in the forms; the rest is tested through the page."""

from __future__ import annotations

import pytest

from dashboard.parts.setting_rows import step_of


@pytest.mark.parametrize(("high", "step"), [(0.9, 0.05), (1.0, 0.001), (1e7, 60.0)])
def test_steps_suit_the_range(high: float, step: float) -> None:
    assert step_of(high) == step
