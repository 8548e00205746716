# SPDX-License-Identifier: AGPL-3.0-only
"""The machine as it is now, and what it is advised to run."""

from __future__ import annotations

from dashboard.services.storage import cached
from engine import hardware
from engine.hardware import HardwareSnapshot


@cached(ttl_s=1, max_entries=4)
def snapshot() -> HardwareSnapshot:
    """The machine at this moment, read at most once a second however many sessions look."""
    return hardware.snapshot()
