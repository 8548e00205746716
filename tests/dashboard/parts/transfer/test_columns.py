# SPDX-License-Identifier: AGPL-3.0-only
"""What a column costs and what its attackers leave, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.i18n import speaking
from dashboard.parts.transfer import columns
from dashboard.services import matrices
from dashboard.services.matrices import Attack, ColumnSummary, Figure, Matrix, TableColumn

MATRIX = Matrix(
    id=1,
    job_id=None,
    label="",
    state="running",
    attempt=1,
    started_at=0.0,
    finished_at=None,
    request={"patches": ["1"], "detectors": [], "datasets": ["streets"], "defences": ["none"]},
    facts={"patches": {"1": {"name": "first"}}},
)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with speaking("en"):
        yield


def summary(defence: str = "none", **known: Any) -> ColumnSummary:
    usual: dict[str, Any] = dict.fromkeys(("ms_per_image", "undefended_ms_per_image", "best", "adaptive"))
    column = TableColumn(detector="net.pt", name="net", defence=defence)
    return ColumnSummary(**usual | {"column": column, "clean": Figure(pending=True)} | known)


def test_without_columns_there_are_no_lines() -> None:
    assert columns.column_rows(MATRIX, "streets") == []


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, ("none", "not yet", "–", "not tested", "not tested")),  # noqa: RUF001
        (
            {
                "defence": "jpeg",
                "clean": Figure(value=0.9, low=0.8, high=1.0),
                "ms_per_image": 12.0,
                "undefended_ms_per_image": 10.0,
                "best": Attack(patch="1", left=Figure(value=0.5)),
            },
            ("jpeg", "0.90 (0.80 to 1.00)", "12.0 (+2.0)", "0.50 · first", "not tested"),
        ),
        (
            {
                "clean": Figure(error="no weights"),
                "ms_per_image": 10.0,
                "undefended_ms_per_image": 10.0,
                "adaptive": Attack(patch="1", left=Figure(value=0.25)),
            },
            ("none", "failed", "10.0", "not tested", "0.25 · first"),
        ),
    ],
)
def test_a_line_says_what_is_known(
    monkeypatch: pytest.MonkeyPatch, known: dict[str, Any], said: tuple[str, ...]
) -> None:
    monkeypatch.setattr(matrices, "summaries", lambda matrix, dataset: [summary(**known)])
    (line,) = columns.column_rows(MATRIX, "streets")
    assert tuple(line.values()) == ("net", *said)
