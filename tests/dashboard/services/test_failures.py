# SPDX-License-Identifier: AGPL-3.0-only
"""Failures in the log."""

from __future__ import annotations

import logging

import pytest

from dashboard.navigation import PAGES
from dashboard.services import failures
from dashboard.services.failures import for_pages, logged, way_out
from engine.errors import ClusterError, DetectorError, EngineError, SettingsError


def test_a_failure_is_found_in_the_log_by_its_id(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="dashboard"):
        first, second = logged(KeyError("a")), logged(KeyError("b"))
    assert first != second
    assert [each.getMessage() for each in caplog.records] == [f"failure {first}", f"failure {second}"]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("", ""),
        ("job 9: expected one, found none; see: jobs list", "job 9: expected one, found none"),
        ("data: none; try: python -m engine dataset import demo", "data: none"),
        ("a: expected b, got c; use d", "a: expected b, got c; use d"),
    ],
)
def test_pages_name_no_commands(message: str, shown: str) -> None:
    assert for_pages(message) == shown


@pytest.mark.parametrize(
    ("message", "error", "page"),
    [
        ("", None, None),
        ("batch_size: expected 1 to 9, got 0; use fewer", SettingsError(), None),
        ("job 9: expected one, found none; see: jobs list", None, "jobs"),
        ("dataset 'street': expected an imported dataset (a), found none", SettingsError(), "datasets"),
        ("/a: cannot be written; free space with: python -m engine storage prune", None, "jobs"),
        ("7: expected a patch file, or the number of one; see: patch list", EngineError(), "patches"),
        ("Ray: expected a cluster at a:1, got none; see: ray status", ClusterError(), "hardware"),
        ("expected finite weights, got infinite or NaN values", DetectorError(), "detectors"),
    ],
)
def test_a_message_leads_to_the_page_of_what_it_is_about(
    message: str, error: Exception | None, page: str | None
) -> None:
    assert way_out(message, error) == page


def test_all_ways_lead_to_pages() -> None:
    assert {*failures._PLACES.values(), *failures._KINDS.values()} <= set(PAGES)
