# SPDX-License-Identifier: AGPL-3.0-only
"""What an opened page shows and has queued, for tests to look at."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from dashboard.parts.generate.fields import GROUPS
from engine.config import RunConfig
from engine.records import Job
from engine.store.repository import Repository

TEXTS = ("title", "subheader", "markdown", "caption", "text", "info", "success", "warning", "error")


def figure(page: AppTest, number: int = 0) -> dict[str, Any]:
    """A chart's plotly figure."""
    return json.loads(page.get("plotly_chart")[number].proto.spec)


def lines(page: AppTest) -> list[tuple[dict[str, Any], str, bytes]]:
    """The charts of lines: their specifications, what they are said to show, and their data."""
    drawn = [each.proto for each in page.get("vega_lite_chart")]
    return [(json.loads(each.spec), each.alt, each.data.data) for each in drawn]


def opened(page: str, app: AppTest, *, failing: bool = False, **query: object) -> AppTest:
    """The dashboard on a page as a link with a query opens it, without errors unless `failing`."""
    app.switch_page(f"app_pages/{page}.py")
    for name, value in query.items():
        app.query_params[name] = str(value)
    app.run()
    assert not app.exception
    assert bool(app.error) is failing
    return app


def with_groups_open(page: AppTest) -> AppTest:
    """Generate with all its groups of settings open."""
    for name in GROUPS:
        page.session_state[f"g-group-{name}"] = True
    return page


def texts(page: AppTest) -> str:
    """All plain texts of the page, one a line."""
    return "\n".join(str(each.value) for kind in TEXTS for each in page.get(kind))


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
