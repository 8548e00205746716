# SPDX-License-Identifier: AGPL-3.0-only
"""Workers as the sidebar sees them."""

from __future__ import annotations

from dashboard.services import workers


def test_without_workers_one_is_asked_for(no_worker_is_started: list[str]) -> None:
    workers.alive.clear()
    assert workers.alive() == []
    workers.ensure()
    assert no_worker_is_started == ["worker"]
