# SPDX-License-Identifier: AGPL-3.0-only
"""The HTML report of a sweep: what it says, and that it loads nothing."""

from __future__ import annotations

import pytest
import streamlit as st

from dashboard.sweep_report import sweep_report_html
from engine.errors import JobError
from engine.store.repository import Repository
from tests.dashboard.homes import add_sweep, fill
from tests.dashboard.test_report import LARGEST, Reader


@pytest.fixture(autouse=True)
def home() -> None:
    st.cache_data.clear()
    with Repository() as repository:
        fill(repository, runs=0)


@pytest.mark.parametrize("trials", [1, 12])
def test_it_is_one_file_that_loads_nothing(trials: int) -> None:
    with Repository() as repository:
        sweep = add_sweep(repository, trials=trials)
    html = sweep_report_html(sweep.id)
    read = Reader(html)
    assert len(html.encode()) < LARGEST
    assert read.loaded
    assert all(each.startswith("data:image/png;base64,") for each in read.loaded)
    assert "learning_rate=0.003..0.1:log" in read.text
    charts = ["Objective by trial", "Settings and objective", "Importance of settings"]
    shown = charts if trials > 1 else charts[:1]
    assert read.headings == ["Trials so far", *shown, "Trials", "Best patches"]


def test_it_speaks_korean() -> None:
    with Repository() as repository:
        sweep = add_sweep(repository)
    assert "스윕" in Reader(sweep_report_html(sweep.id, code="ko")).text


def test_there_is_none_of_an_unknown_sweep() -> None:
    with pytest.raises(JobError, match="sweep 9: expected an existing one"):
        sweep_report_html(9)
