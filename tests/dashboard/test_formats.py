# SPDX-License-Identifier: AGPL-3.0-only
"""Numbers as people read them."""

from __future__ import annotations

import pytest

from dashboard import formats
from dashboard.formats import DASH
from dashboard.i18n import speaking


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        *((each, None, DASH) for each in (formats.number, formats.percent, formats.bytes_text)),
        *((each, None, DASH) for each in (formats.duration, formats.moment)),
        (formats.number, float("nan"), DASH),
        (formats.number, 1234.5678, "1,234.57"),
        (formats.percent, float("nan"), DASH),
        (formats.percent, 0.514, "51%"),
        (formats.bytes_text, 0, "0 B"),
        (formats.bytes_text, 1536, "1.5 KiB"),
        (formats.bytes_text, 2**50, "1024.0 TiB"),
        (formats.duration, float("inf"), DASH),
        (formats.duration, 0, "0 s"),
        (formats.duration, 59.6, "1 min 0 s"),
        (formats.duration, 7325, "2 h 2 min"),
    ],
)
def test_formats(function: object, value: float | None, text: str) -> None:
    assert function(value) == text


@pytest.mark.parametrize(
    ("value", "bounds", "text"),
    [(None, (None, None), DASH), (0.5, (None, None), "0.50"), (0.5, (0.4, 0.6), "0.50 (0.40 to 0.60)")],
)
def test_an_interval_stands_beside_its_value(value: float | None, bounds: tuple, text: str) -> None:
    assert formats.interval(value, bounds) == text


def test_bounds_are_told_in_the_language_spoken() -> None:
    with speaking("ko"):
        assert formats.spread("2", "1", "3") == "2 (1–3)"  # noqa: RUF001


def test_a_score_has_its_interval_where_it_is_known() -> None:
    assert formats.score({"asr": 0.5, "ci95": {"asr": [0.4, 0.6]}}, "asr") == "0.50 (0.40 to 0.60)"
    assert formats.score({"asr": 0.5}, "asr") == "0.50"
    assert formats.score({}, "asr") == DASH
