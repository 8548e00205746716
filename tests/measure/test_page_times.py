# SPDX-License-Identifier: AGPL-3.0-only
"""The command that times pages fills its home and opens every page."""

from __future__ import annotations

from pathlib import Path

from dashboard.navigation import PAGES
from engine.store.repository import Repository
from tests.measure import page_times


def test_every_page_has_a_view() -> None:
    assert {view.partition("?")[0] for view in page_times.views()} == set(PAGES)


def test_a_filled_home_is_opened_and_its_times_are_told(own_home: Path) -> None:
    page_times.fill_home(10, 100)
    with Repository() as repository:
        assert repository.jobs.count() == 10
        assert repository.steps.last(10) == 10
    clock, processor = page_times.script_seconds("jobs?job=1", 2)
    assert (len(clock), len(processor)) == (2, 2)
    assert min(clock) > 0
    assert page_times.line("jobs", [0.1, 0.1], [0.5, 0.5]).split() == ["jobs", "100", "100", "500", "500"]
