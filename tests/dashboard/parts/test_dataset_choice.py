# SPDX-License-Identifier: AGPL-3.0-only
"""The dataset that is chosen at first; others are chosen in the pages' tests."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def choosing() -> None:
    import streamlit as st

    from dashboard.parts.dataset_choice import choose_dataset
    from dashboard.services import datasets

    st.session_state["chosen"] = choose_dataset(datasets.summaries(), "What it is for.").name


def test_the_first_dataset_is_chosen_at_first(streets: None) -> None:
    app = AppTest.from_function(choosing).run()
    assert not app.exception
    assert (app.selectbox[0].options, app.session_state["chosen"]) == (["streets"], "streets")
