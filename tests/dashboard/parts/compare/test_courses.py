# SPDX-License-Identifier: AGPL-3.0-only
"""The course of runs: none, losses over steps, time and the clock, scores on images held out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import streamlit as st

from dashboard.i18n import speaking
from dashboard.parts.compare import courses
from dashboard.services import runs as service
from dashboard.services.runs import Run
from engine.store.repository import Repository
from tests.dashboard.homes import fill

EVENTS = [
    {"event": "validated", "iteration": 2, "asr": 0.2, "ap50": 0.5},
    {"event": "something else"},
    {"event": "validated", "iteration": 5, "asr": 0.6, "ap50": 0.3},
]


@pytest.fixture
def runs(own_home: object) -> Iterator[list[Run]]:
    st.cache_data.clear()
    with Repository() as repository:
        fill(repository, runs=2)
    first, second = service.compared((1, 2))
    with speaking("en"):
        yield [first, replace(second, job=replace(second.job, result=second.facts | {"events": EVENTS}))]


def drawn(runs: list[Run], **how: Any) -> Any:
    found = courses.figure(runs, strength=0.0, **how)
    assert found is not None
    return found


def test_nothing_is_drawn_of_no_runs_and_of_runs_that_held_nothing_out(runs: list[Run]) -> None:
    assert courses.figure([], strength=0.9) is None
    assert courses.figure(runs[:1], what="asr", strength=0.9) is None


@pytest.mark.parametrize(("over", "last"), [("steps", 60.0), ("iterations", 8.0), ("seconds", 9.0)])
def test_losses_are_drawn_over_steps_or_time(runs: list[Run], over: str, last: float) -> None:
    raw, smoothed, *others = courses.figure(runs, over=over, strength=0.9).data  # type: ignore[union-attr]
    assert raw.x[-1] == smoothed.x[-1] == pytest.approx(last)
    assert len(others) == 2


def test_the_clock_says_when(runs: list[Run]) -> None:
    began = datetime.fromtimestamp(runs[0].job.started_at or 0)
    figure = drawn(runs, over="clock", log_x=True)
    assert figure.data[0].x[-1] == began + timedelta(seconds=9)
    assert figure.layout.xaxis.type is None


def test_scores_lie_where_their_iteration_ended(runs: list[Run]) -> None:
    (scores,) = drawn(runs, what="asr", over="iterations").data
    assert (list(scores.x), list(scores.y), scores.mode) == ([2, 5], [0.2, 0.6], "lines+markers")
    (scores,) = drawn(runs, what="asr", over="steps", log_y=True).data
    assert list(scores.x) == [16, 40]
