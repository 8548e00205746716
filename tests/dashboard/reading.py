# SPDX-License-Identifier: AGPL-3.0-only
"""What an opened page shows and has queued, for tests to look at."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from engine.config import RunConfig
from engine.records import Job
from engine.store.repository import Repository


def figure(page: AppTest, number: int = 0) -> dict[str, Any]:
    """A chart's plotly figure."""
    return json.loads(page.get("plotly_chart")[number].proto.spec)


def texts(page: AppTest) -> str:
    """All plain texts of the page."""
    return " ".join(each.value for kind in ("markdown", "caption", "text") for each in page.get(kind))


def imports() -> list[Job]:
    """The imports that are stored, newest first."""
    with Repository() as repository:
        return repository.jobs.find(kinds=["import"])


def launched(page: AppTest) -> Job:
    """Press the launch button; the newest run."""
    page.button(key="g-launch").click().run()
    assert not page.exception
    with Repository() as repository:
        return repository.jobs.find(kinds=["generate"], limit=1)[0]


def config_of(job: Job) -> RunConfig:
    """A run's settings."""
    return RunConfig.from_json(job.request["config"])
