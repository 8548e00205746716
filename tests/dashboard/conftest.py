# SPDX-License-Identifier: AGPL-3.0-only
"""The app from its entry file, on an empty home of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine.records import Repair
from engine.store.repository import Repository
from tests.dashboard.homes import make_dataset

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"

# Streamlit's three seconds are too few where other tests keep the processor busy.
AppTest.from_function.__func__.__kwdefaults__["default_timeout"] = 30


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


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A weight file that lies outside the folders that pages may name."""
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(tmp_path / "allowed"))
    file = tmp_path / "elsewhere.pt"
    file.write_bytes(b"weights")
    return str(file)


@pytest.fixture
def streets(own_home: Path) -> None:
    """A small dataset with some repairs."""
    repairs = (
        Repair(kind="clipped_box", file="/data/a.txt", line=3, action="cut"),
        Repair(kind="clipped_box", file="/data/b.txt", line=1, action="cut"),
        Repair(kind="missing_image", file="/data/c.jpg", line=None, action="left out"),
    )
    with Repository() as repository:
        repository.datasets.save(replace(make_dataset(own_home / "pictures"), repairs=repairs))
