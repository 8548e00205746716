# SPDX-License-Identifier: AGPL-3.0-only
"""The lineage in links: nothing known, and a run with its dataset."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from dashboard.parts.runs.lineage import KINDS
from engine.store.repository import Repository
from tests.dashboard.homes import fill
from tests.dashboard.reading import texts


def page(job: int | None) -> None:
    from dashboard.parts.runs.lineage import lineage

    lineage(job, job)


def test_nothing_known_is_not_shown_and_a_run_links_to_its_dataset(own_home: object) -> None:
    assert not AppTest.from_function(page, kwargs={"job": None}).run().expander
    with Repository() as repository:
        fill(repository, runs=1, steps=2)
    app = AppTest.from_function(page, kwargs={"job": 1}).run()
    assert not app.exception
    assert "Nothing yet." in texts(app)
    assert "Detector: demo" in texts(app)
    assert set(KINDS) >= {"dataset", "detector"}
