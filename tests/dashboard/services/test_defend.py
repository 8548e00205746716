# SPDX-License-Identifier: AGPL-3.0-only
"""What the page Defend reads and launches: known attacks, an adaptive attack's settings, other jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dashboard.services import defend, generate
from dashboard.services.defend import DefendedSubject
from engine.errors import SettingsError
from engine.jobs.estimates import cost_key
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, add_matrix, fill

SUBJECT = DefendedSubject(dataset=DATASET, weights="demo", class_name=("person",))


@pytest.fixture(autouse=True)
def forget() -> None:
    for each in (defend.attacks, generate.estimate):
        each.clear()


def test_nothing_is_known_at_first() -> None:
    assert defend.attacks(SUBJECT) == []
    assert defend.run_s(defend.adaptive_config(None, SUBJECT, "bit-depth")) is None


def test_scores_and_matrices_are_known() -> None:
    with Repository() as repository:
        add_matrix(repository, fill(repository, runs=2, steps=2), ("demo",), defences=("none", "bit-depth"))
    found = defend.attacks(SUBJECT)
    assert {each.defence for each in found} == {"none", "bit-depth"}
    assert [each.defence for each in defend.outcomes(found)] == ["none", "bit-depth"]


def test_an_adaptive_attack_has_the_budget_of_the_patch_before() -> None:
    with Repository() as repository:
        (patch,) = fill(repository, runs=1, steps=2)
    made = patch.summary["config"]
    config = defend.adaptive_config(patch, SUBJECT, "bit-depth:3")
    assert (config.iterations, config.image_size) == (made["iterations"], made["image_size"])
    assert (config.defences, config.weights, config.class_names) == (
        ("bit-depth:bits=3",),
        "demo",
        ("person",),
    )
    art = replace(patch, summary={"config": made | {"backend": "art"}})
    assert defend.adaptive_config(art, SUBJECT, "bit-depth").backend == "native"


def test_a_file_outside_is_refused(outside: str) -> None:
    with pytest.raises(SettingsError, match="PATCHBENCH_ROOTS"):
        defend.adaptive_config(None, replace(SUBJECT, weights=outside), "bit-depth")


def test_the_time_is_that_of_the_run_behind_the_defence_or_else_before_it() -> None:
    with Repository() as repository:
        fill(repository, runs=1, steps=2)
    config = defend.adaptive_config(None, SUBJECT, "bit-depth")
    cost: dict[str, Any] = {"evaluated_per_s": 4.0, "overhead_s": 2.0, "peak_memory_bytes": 1}
    with Repository() as repository:
        repository.costs.put(cost_key(config.changed(defences=())), images_per_s=1.0, **cost)
    generate.estimate.clear()
    plain = defend.run_s(config)
    with Repository() as repository:
        repository.costs.put(cost_key(config), images_per_s=0.5, **cost)
    generate.estimate.clear()
    slower = defend.run_s(config)
    assert plain is not None
    assert slower is not None
    assert slower > plain
