# SPDX-License-Identifier: AGPL-3.0-only
"""What can be launched is offered with its time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.i18n import speaking
from dashboard.parts.defend import launch
from engine.store.repository import Repository
from tests.dashboard import reading
from tests.dashboard.homes import fill


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with speaking("en"):
        yield


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "No time estimate yet."), (75.0, "About 1 min 15 s.")],
)
def test_a_time_is_told_or_not_known(seconds: float | None, said: str) -> None:
    assert launch._time(seconds) == said


def test_a_training_is_launched(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, no_worker_is_started: list[str]
) -> None:
    with Repository() as repository:
        fill(repository, runs=1, steps=2)
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: None)
    reading.opened("defend", app)
    assert "Up to 10 min 0 s." in reading.texts(app)
    app.button(key="defend-train-defence").click().run()
    assert not app.exception
    with Repository() as repository:
        assert [job.kind for job in repository.jobs.find(limit=1)] == ["train-defence"]
