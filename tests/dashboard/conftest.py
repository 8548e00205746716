# SPDX-License-Identifier: AGPL-3.0-only
"""The app from its entry file, on an empty home of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"


@pytest.fixture(autouse=True)
def no_worker_is_started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pages ask for workers; tests note it instead of starting processes."""
    asked: list[str] = []
    monkeypatch.setattr("engine.jobs.queue.ensure_worker", lambda *_args, **_how: asked.append("worker"))
    return asked


@pytest.fixture
def app(own_home: Path) -> AppTest:
    """The app before its first run; `app.switch_page("app_pages/hardware.py").run()` opens a page."""
    st.cache_data.clear()
    return AppTest.from_file(str(APP), default_timeout=30)
