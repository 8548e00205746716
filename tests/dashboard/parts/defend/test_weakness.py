# SPDX-License-Identifier: AGPL-3.0-only
"""The subject is chosen with its classes, and its strongest patch told."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from engine.store.repository import Repository
from tests.dashboard import reading
from tests.dashboard.homes import fill


@pytest.fixture(autouse=True)
def filled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: None)
    with Repository() as repository:
        fill(repository, runs=2, steps=2)


def test_the_strongest_patch_is_that_which_leaves_the_least(app: AppTest) -> None:
    with Repository() as repository:
        left = {patch.name: patch.score.ap50 for patch in repository.patches.find() if patch.score}
    reading.opened("defend", app)
    name = min(left, key=lambda each: left[each] or 0.0)
    falls = f"AP50 falls from 0.80 to {left[name]:.2f}."
    text = f"The strongest known patch is **{name}** (made on this detector): {falls}"
    assert text in reading.texts(app)


def test_without_a_class_nothing_more_is_asked(app: AppTest) -> None:
    reading.opened("defend", app)
    app.multiselect(key="widget.f.class").set_value([]).run()
    assert "Weakness" not in reading.texts(app)
    assert "Choose one class or more" in reading.texts(app)
