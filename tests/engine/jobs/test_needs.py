# SPDX-License-Identifier: AGPL-3.0-only
"""What a job asks of a node, checked where it is declared."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import SettingsError
from engine.jobs.needs import Needs


@pytest.mark.parametrize("given", [{}, {"gpus": 0.5}, {"gpus": 0.0, "cpus": 2, "memory_gb": 8.0}])
def test_what_is_asked_for_is_kept(given: dict[str, Any]) -> None:
    assert Needs(**given).to_json() == given
    assert Needs.from_json(given) == Needs(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gpus": 2.0}, "gpus: expected 0 to 1, got 2"),
        ({"cpus": 0}, "cpus: expected 1 to 4096, got 0"),
        ({"cpus": 1.5}, "cpus: expected a whole number or null, got 1.5"),
        ({"memory_gb": 0.0}, "memory gb: expected 0.001 to 1000000, got 0"),
    ],
)
def test_what_no_node_has_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Needs(**given)
