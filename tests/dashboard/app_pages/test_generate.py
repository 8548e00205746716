# SPDX-License-Identifier: AGPL-3.0-only
"""The page Generate: what leads to it, the estimate, the launch."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from engine.config import RunConfig
from engine.jobs.estimates import cost_key
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET
from tests.dashboard.reading import config_of, launched


@pytest.fixture
def page(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: True)
    app.switch_page("app_pages/generate.py")
    return app


def test_without_a_dataset_it_leads_to_one(page: AppTest) -> None:
    page.run()
    assert "Import one first" in " ".join(each.value for each in page.markdown)
    assert not page.exception
    assert not any(each.key == "g-launch" for each in page.button)


def test_one_click_launches_the_standard_run(
    page: AppTest, streets: None, no_worker_is_started: list[str]
) -> None:
    page.run()
    job = launched(page)
    assert config_of(job) == RunConfig(dataset=DATASET, weights="demo")
    assert (job.request["evaluate_after"], job.request["trust"], job.estimate) == (True, False, {})
    assert no_worker_is_started == ["worker"]


def test_time_and_memory_are_estimated_once_measured(page: AppTest, streets: None) -> None:
    config = RunConfig(dataset=DATASET, weights="demo")
    with Repository() as repository:
        repository.costs.put(
            cost_key(config),
            images_per_s=10.0,
            evaluated_per_s=7.0,
            overhead_s=0.0,
            peak_memory_bytes=2**30,
        )
    page.run()
    figures = {each.label: each.value for each in page.metric}
    # 6 images × 200 at 10 a second; the one held out, scored 21 times meanwhile and 4 times at the end, at 7.
    assert figures["Estimated time"] == "2 min 4 s"
    assert "Quick: 50 iterations, 31 s" in " ".join(each.value for each in page.caption)
    assert launched(page).estimate["elapsed_s"] == pytest.approx(120 + 25 / 7)


@pytest.mark.parametrize("query", [{"g.start": "patch", "g.initial": "{outside}"}, {"detector": "{outside}"}])
def test_a_link_to_a_file_outside_the_allowed_folders_reads_nothing(
    page: AppTest, streets: None, outside: str, query: dict[str, str], no_worker_is_started: list[str]
) -> None:
    for name, value in {"g.preview": "True", "g.check": "True", **query}.items():
        page.query_params[name] = value.format(outside=outside)
    page.run()
    (error,) = page.error
    assert "path: expected a path below" in error.value
    assert not any(each.key == "g-launch" for each in page.button)
    assert no_worker_is_started == []
    with Repository() as repository:
        assert repository.connection.rows("SELECT count(*) FROM previews") == [(0,)]
