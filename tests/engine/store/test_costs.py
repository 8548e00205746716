# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from engine.store.repository import Repository

COST = {"images_per_s": 4.0, "evaluated_per_s": 9.0, "overhead_s": 2.0, "peak_memory_bytes": 2**40}


def test_what_was_not_measured_is_not_known() -> None:
    with Repository(":memory:") as repository:
        assert repository.costs.get({}) is None
        assert repository.costs.latest({}) is None


def test_the_latest_measurement_of_the_same_settings_counts() -> None:
    with Repository(":memory:") as repository:
        repository.costs.put({"batch": 2, "device": "cpu"}, **COST)
        latest = repository.costs.put(
            {"device": "cpu", "batch": 2}, **COST | {"overhead_s": 3.0}, runs=1, spread=0.5
        )
        assert repository.costs.get({"batch": 2, "device": "cpu"}) == latest
        assert (latest.overhead_s, latest.runs, latest.spread) == (3.0, 1, 0.5)
        assert repository.costs.get({"batch": 4, "device": "cpu"}) is None


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({}, "cuda"),
        ({"device": "mps"}, None),
        ({"device": "cpu"}, "cpu"),
        ({"device": "cpu", "batch": 2.0}, "cpu"),
        ({"device": "cpu", "further": None}, "cpu"),
        ({"device": "cpu", "further": []}, None),
        ({"further": ["a", "ö"]}, "cuda"),
        ({"further": ["a"]}, None),
        ({"view.size": 1}, "cuda"),
    ],
)
def test_the_latest_of_those_that_share_some_settings(parts: dict[str, Any], found: str | None) -> None:
    with Repository(":memory:") as repository:
        keys = [
            {"batch": 2, "device": "cpu"},
            {"batch": 2, "device": "cuda", "further": ["a", "ö"], "view.size": 1},
        ]
        for moment, key in enumerate(keys):
            with mock.patch("time.time", lambda moment=moment: moment):
                repository.costs.put(key, **COST)
        known = {key["device"]: (key, repository.costs.get(key)) for key in keys}
        assert repository.costs.latest(parts) == known.get(found)
