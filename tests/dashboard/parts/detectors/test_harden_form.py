# SPDX-License-Identifier: AGPL-3.0-only
"""Parts of the hardening's form; the rest is tested through the page."""

from __future__ import annotations

from dashboard.parts.detectors.harden_form import COURSE, MORE
from dashboard.services.settings import HARDENING


def test_every_setting_that_matters_is_in_the_form() -> None:
    chosen = {"dataset", "weights", "class_name", "patches"}
    # All that have objects are learned, the last weights are kept, and patches lie on objects.
    left = {"classes", "early_stop", "placement.kind", "placement.position"}
    left |= {key for key in HARDENING if key.startswith("schedule.")}
    assert {*COURSE, *MORE, *chosen, *left} == set(HARDENING)
