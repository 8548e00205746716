# SPDX-License-Identifier: AGPL-3.0-only
"""Failures in the log."""

from __future__ import annotations

import logging

import pytest

from dashboard.services.failures import logged


def test_a_failure_is_found_in_the_log_by_its_id(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="dashboard"):
        first, second = logged(KeyError("a")), logged(KeyError("b"))
    assert first != second
    assert [each.getMessage() for each in caplog.records] == [f"failure {first}", f"failure {second}"]
