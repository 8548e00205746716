# SPDX-License-Identifier: AGPL-3.0-only
"""The page Datasets: empty, filled, with nonsense in its link, a dataset removed."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.reading import figure, imports, texts


@pytest.fixture
def page(app: AppTest) -> AppTest:
    app.switch_page("app_pages/datasets.py")
    return app


def test_without_datasets_the_way_to_one_is_open(page: AppTest, no_worker_is_started: list[str]) -> None:
    page.run()
    assert "No datasets yet" in texts(page)
    page.button(key="import-demo").click().run()
    (job,) = imports()
    assert (job.request["source"], no_worker_is_started) == ("demo", ["worker"])
    assert "Import demo" in texts(page)
    assert not page.exception


def test_nonsense_in_the_link_gives_the_defaults(page: AppTest, streets: None) -> None:
    page.query_params.update(
        {"dataset": "none", "datasets.limit": "900", "datasets.bucket": "77", "datasets.view": "x"}
    )
    page.run()
    assert not page.exception
    assert len(figure(page)["data"][0]["x"]) == 9


def test_a_dataset_is_removed_when_asked_twice(page: AppTest, streets: None) -> None:
    page.run()
    page.button(key="datasets-remove").click().run()
    assert "No datasets yet" in texts(page)
