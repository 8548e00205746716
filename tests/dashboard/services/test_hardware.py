# SPDX-License-Identifier: AGPL-3.0-only
"""The machine is read once a second at most."""

from __future__ import annotations

import pytest

from dashboard.services import hardware
from engine import hardware as engine_hardware


def test_many_looks_are_one_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    read = engine_hardware.snapshot
    times: list[int] = []
    monkeypatch.setattr(engine_hardware, "snapshot", lambda: times.append(1) or read())
    hardware.snapshot.clear()
    assert hardware.snapshot() == hardware.snapshot()
    assert len(times) == 1
