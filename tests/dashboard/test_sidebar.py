# SPDX-License-Identifier: AGPL-3.0-only
"""The sidebar's language, presentation mode and worker."""

from __future__ import annotations

import os
import socket

import psutil
from streamlit.testing.v1 import AppTest

from engine.store.repository import Repository
from engine.store.workers import Worker


def test_the_language_and_the_mode_stand_in_the_link_and_outlive_a_page(app: AppTest) -> None:
    app.run()
    app.segmented_control(key="widget.lang").set_value("ko").run()
    app.toggle(key="widget.present").set_value(True).run()
    app.switch_page("app_pages/hardware.py").run()
    assert app.title[0].value == "하드웨어"
    assert (app.query_params["lang"], app.query_params["present"]) == ("ko", "True")
    app.segmented_control(key="widget.lang").set_value("en").run()
    assert app.title[0].value == "Hardware"


def test_without_a_worker_one_can_be_started(app: AppTest, no_worker_is_started: list[str]) -> None:
    app.run()
    assert any("No worker" in each.value for each in app.sidebar.caption)
    app.button(key="start-worker").click().run()
    assert no_worker_is_started == ["worker"]


def test_a_worker_at_work_is_named_with_its_device(app: AppTest) -> None:
    own = psutil.Process(os.getpid()).create_time()
    worker = Worker(
        id="w",
        host=socket.gethostname(),
        pid=os.getpid(),
        process_started_at=own,
        device="cpu",
        started_at=own,
        heartbeat_at=own,
    )
    with Repository() as repository:
        repository.workers.add(worker)
    app.run()
    assert any("1 worker running (cpu)" in each.value for each in app.sidebar.caption)
