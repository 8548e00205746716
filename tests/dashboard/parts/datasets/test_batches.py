# SPDX-License-Identifier: AGPL-3.0-only
"""The batch planner: its sentence and its table."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.reading import figure


@pytest.fixture
def page(app: AppTest) -> AppTest:
    app.switch_page("app_pages/datasets.py")
    return app


def test_the_batch_planner_answers(page: AppTest, streets: None) -> None:
    page.query_params.update({"datasets.view": "batches", "datasets.batch": "4", "class": "person"})
    page.run()
    (table,) = (each.value for each in page.dataframe)
    assert list(table["Batches per pass"]) == [7, 5, 2]
    assert "Time per pass" not in table  # nothing was measured
    assert [each.value for each in page.caption if each.value.startswith("A pass uses every image once")]
    assert [bars["name"].split(":")[0] for bars in figure(page)["data"]] == ["Grouped", "Ragged"]
    assert "Per pass, grouping needs 5 batches and ragged batching 2" in page.info[0].value
    page.number_input(key="widget.datasets.batch").set_value(1).run()
    assert "grouping costs nothing" in page.success[0].value
