# SPDX-License-Identifier: AGPL-3.0-only
"""The tab's title and the message about a job that has ended."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.i18n import speaking
from dashboard.notices import worded
from engine.store.repository import Repository
from tests.dashboard.homes import add_running


@pytest.mark.parametrize(
    ("title", "running", "ended", "whole"),
    [
        ("PatchBench", 0, None, "PatchBench"),
        ("Datasets", 0, None, "Datasets – PatchBench"),  # noqa: RUF001
        ("Datasets", 2, None, "(2) Datasets – PatchBench"),  # noqa: RUF001
        ("PatchBench", 1, (12, "failed"), "✗ Job 12 · (1) PatchBench"),
        ("Jobs", 0, (3, "succeeded"), "✓ Job 3 · Jobs – PatchBench"),  # noqa: RUF001
    ],
)
def test_the_title_in_words(title: str, running: int, ended: tuple[int, str] | None, whole: str) -> None:
    with speaking("en"):
        assert worded(title, running, ended) == whole


def page() -> None:
    from dashboard import notices

    notices.watch(str.title)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("running", []),
        ("queued", []),
        ("cancelled", []),
        ("succeeded", ["Job 1 succeeded: Run In Progress"]),
        ("failed", ["Job 1 failed: Run In Progress"]),
    ],
)
def test_a_job_that_ends_is_told_once(own_home: object, state: str, said: list[str]) -> None:
    st.cache_data.clear()
    with Repository() as repository:
        add_running(repository)
        app = AppTest.from_function(page).run()
        assert not app.toast
        with repository.connection.transaction():
            repository.connection.rows(
                "UPDATE jobs SET state = ?, running_on = iif(?1 = 'running', 'cpu', NULL)", [state]
            )
    for expected in (said, []):
        st.cache_data.clear()
        app.run()
        assert not app.exception
        assert [each.value for each in app.toast] == expected
