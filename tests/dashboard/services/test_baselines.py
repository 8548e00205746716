# SPDX-License-Identifier: AGPL-3.0-only
"""Differences to a pinned run: without a score, of the same images, of others."""

from __future__ import annotations

import pytest
import streamlit as st

from dashboard.services import run_table
from dashboard.services.baselines import COMPARED, against
from engine.store.repository import Repository
from tests.dashboard.homes import add_running, fill


@pytest.mark.usefixtures("own_home")
def test_runs_scored_alike_differ_from_the_baseline_by_intervals() -> None:
    st.cache_data.clear()
    with Repository() as repository:
        fill(repository, runs=3, steps=2)
        running = add_running(repository)
        repository.connection.sqlite.execute(
            "UPDATE scores SET evaluation = json_set(evaluation, '$.settings.image_size', 64) WHERE id = 3"
        )
        repository.connection.sqlite.commit()
    rows = {row.id: row for row in run_table.rows()}
    assert against(rows[str(running.id)], list(rows.values())) == {}
    found = against(rows["1"], list(rows.values()))
    assert list(found) == ["2"]
    assert set(found["2"]) == set(COMPARED)
    asr = found["2"]["asr"]
    assert asr.interval.value == pytest.approx(rows["2"].values["asr"] - rows["1"].values["asr"])
    assert not asr.paired
    assert against(rows["1"], [rows["3"]]) == {}
