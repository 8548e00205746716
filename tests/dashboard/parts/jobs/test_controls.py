# SPDX-License-Identifier: AGPL-3.0-only
"""What is asked twice; the rest is tested through the page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from dashboard.parts.jobs.controls import ACTIONS
from dashboard.services.jobs import allowed_actions
from engine.records import JOB_STATES
from tests.engine.store.factories import make_job


def asking() -> None:
    import streamlit as st

    from dashboard.parts.jobs.controls import asked_twice
    from engine.errors import JobError

    def act() -> None:
        st.session_state["acted"] = st.session_state.get("acted", 0) + 1
        raise JobError("job 1: expected one that waits, got none")

    asked_twice("Delete", "Sure?", "Delete it", act, icon=":material/delete:", key="gone")


def test_only_the_button_within_the_question_acts() -> None:
    app = AppTest.from_function(asking).run()
    assert [each.label for each in app.button] == ["Delete it"]
    assert "acted" not in app.session_state
    app.button(key="gone").click().run()
    assert app.session_state["acted"] == 1
    assert [each.value for each in app.error] == ["job 1: expected one that waits, got none"]
    app.run()
    assert app.session_state["acted"] == 1


def test_every_action_that_is_ever_allowed_has_a_button() -> None:
    allowed = set()
    for state in JOB_STATES:
        allowed |= set(allowed_actions(make_job(state=state)))
    assert allowed == {*ACTIONS, "cancel"}
