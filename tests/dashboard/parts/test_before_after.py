# SPDX-License-Identifier: AGPL-3.0-only
"""The legend of marks; the rest is tested through the pages."""

from __future__ import annotations

from dashboard.parts.before_after import LEGEND
from dashboard.services.marks import MARKS


def test_every_mark_is_in_the_legend_with_its_sign() -> None:
    assert set(LEGEND) == set(MARKS)
    signs = {"vanished": "×", "appeared": "+"}  # noqa: RUF001
    for mark, (_colour, _dash, lines) in MARKS.items():
        assert bool(lines) == (mark in signs)
        assert signs.get(mark, "") in LEGEND[mark]
