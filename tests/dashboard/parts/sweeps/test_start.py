# SPDX-License-Identifier: AGPL-3.0-only
"""The form that starts a sweep; the rest is tested through the page."""

from __future__ import annotations

from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.services import sweeps
from engine.store.repository import Repository
from tests.dashboard import reading
from tests.dashboard.homes import fill

opened = partial(reading.opened, "sweeps")


@pytest.fixture(autouse=True)
def filled() -> None:
    with Repository() as repository:
        fill(repository, runs=0)


def test_nothing_to_vary_is_told(app: AppTest) -> None:
    opened(app)
    app.multiselect(key="widget.s.vary").set_value([]).run()
    assert "Choose a class and at least one setting to vary." in reading.texts(app)


def test_what_is_chosen_stands_in_the_link(app: AppTest) -> None:
    opened(app, **{"s.vary": '["top_k"]', "s.top_k": "5,10", "s.sampler": "grid", "s.seeds": 3})
    assert app.text_input(key="widget.s.top_k").value == "5,10"
    assert "6 runs; 20% of the images are held out" in reading.texts(app)
    app.selectbox(key="widget.s.objective").set_value("images_per_s").run()
    assert "6 runs." in reading.texts(app)


def test_how_long_it_may_take(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "estimate", lambda asked: 600.0)
    opened(app)
    assert "compare them; about 10 min 0 s." in reading.texts(app)
