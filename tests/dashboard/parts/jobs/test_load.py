# SPDX-License-Identifier: AGPL-3.0-only
"""The load while a job ran: no samples, some, and an axis that seldom changes."""

from __future__ import annotations

import socket

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.parts.jobs.load import rounded
from engine.store.repository import Repository
from tests.dashboard import reading

LOAD = {"cpu": 50.0, "memory": 20.0, "gpus": []}


def page() -> None:
    from dashboard.parts.jobs.load import load
    from tests.engine.store.factories import make_job

    load(make_job(state="succeeded", started_at=1000.0, finished_at=1100.0))


def test_the_load_is_drawn_where_it_was_sampled(own_home: object) -> None:
    st.cache_data.clear()
    app = AppTest.from_function(page).run()
    assert not reading.lines(app)
    with Repository() as repository:
        for at in (990.0, 1010.0, 1100.0, 1110.0):
            repository.loads.add(socket.gethostname(), LOAD, at=at)
    st.cache_data.clear()
    ((spec, alt, _data),) = reading.lines(app.run())
    assert alt == "Load during the job."
    assert spec["encoding"]["x"]["scale"]["domain"] == [0, 135]


@pytest.mark.parametrize(("spent", "length"), [(0, 60), (60, 60), (61, 90), (100, 135)])
def test_an_axis_stays_as_a_job_goes_on(spent: float, length: float) -> None:
    assert rounded(spent) == length
