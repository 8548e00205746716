# SPDX-License-Identifier: AGPL-3.0-only
"""All that is on record against a detector, by defence and attacker."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from engine.jobs.known_attacks import KnownAttack, known_attacks, outcomes, strongest
from engine.store.matrices import MatrixCell
from engine.store.repository import Repository

WHERE = {"dataset": "streets", "detector": "net", "classes": "person"}


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository(":memory:") as opened:
        yield opened


def evaluation(left: float | None) -> dict[str, Any]:
    return {
        "patch": {"ap50": left, "asr": 0.5},
        "controls": {"clean": {"ap50": 0.9}},
        "settings": {"dataset": "streets"},
    }


def add(repository: Repository, name: str, left: float, *, dataset: str = "streets", **made: Any) -> int:
    """A patch that was made on the detector, and scored on a dataset."""
    patch = repository.patches.add(
        name=name,
        path="",
        image="",
        height=16,
        width=16,
        circular=False,
        sha256=name,
        detector="net",
        summary={"config": {"weights": "net.pt"} | made},
    )
    repository.patches.add_score(
        patch.id,
        dataset=dataset,
        detector="net",
        class_name="person",
        held_out=None,
        evaluation=evaluation(left),
    )
    return patch.id


def attack(defence: str, left: float, **known: Any) -> KnownAttack:
    usual: dict[str, Any] = {"patch": 1, "name": "p", "adaptive": False}
    return KnownAttack(**usual | known, defence=defence, evaluation=evaluation(left))


def test_nothing_is_known_at_first(repository: Repository) -> None:
    assert known_attacks(repository, **WHERE) == []
    assert outcomes([]) == []
    assert strongest([]) is None


def test_scores_count_for_their_subject_alone(repository: Repository) -> None:
    weak, strong = add(repository, "weak", 0.8), add(repository, "strong", 0.3)
    add(repository, "elsewhere", 0.1, dataset="fields")
    through = add(repository, "through", 0.5, defences=["bit-depth"])
    found = known_attacks(repository, **WHERE)
    assert [(each.patch, each.adaptive) for each in found] == [(strong, True), (through, False), (weak, True)]
    assert strongest(found) == found[0]
    assert known_attacks(repository, **WHERE | {"classes": "car"}) == []


def test_matrices_count_by_their_cells(repository: Repository) -> None:
    request = {
        "patches": ["1"],
        "detectors": ["/w/net.pt", "demo"],
        "datasets": ["/d/streets.yaml"],
        "defences": ["none", "bit-depth"],
        "class_name": "person",
    }
    patch = {"id": 1, "name": "first"}
    matrix = repository.matrices.begin({}, label="", request=request, facts={"patches": {"1": patch}})
    subject = {"patch": "1", "dataset": "/d/streets.yaml", "defence": "bit-depth"}
    facts = {"own": True, "adaptive": True, "ms_per_image": 12.0, "undefended_ms_per_image": 10.0}
    for weights, left in (("/w/net.pt", 0.4), ("demo", 0.1)):
        repository.matrices.add_cell(
            matrix,
            MatrixCell(
                subject=subject | {"detector": weights},
                scored_at=0.0,
                facts=facts,
                evaluation=evaluation(left),
            ),
        )
    (found,) = known_attacks(repository, **WHERE)
    assert (found.patch, found.name, found.defence, found.adaptive, found.left) == (
        1,
        "first",
        "bit-depth",
        True,
        0.4,
    )
    (outcome,) = outcomes([found])
    assert (outcome.ms_per_image, outcome.undefended_ms_per_image) == (12.0, 10.0)


def test_what_the_adaptive_attacker_leaves_decides_the_order() -> None:
    weak = [attack("weak", 0.9), attack("weak", 0.2, adaptive=True)]
    strong = [
        attack("strong", 0.7),
        attack("strong", 0.6, adaptive=True),
        attack("strong", 0.8, adaptive=True),
    ]
    found = outcomes([*weak, attack("untried", 0.9), *strong, attack("none", 0.1), attack("none", math.nan)])
    assert [each.defence for each in found] == ["none", "strong", "weak", "untried"]
    assert [each.adaptive and each.adaptive.left for each in found] == [None, 0.6, 0.2, None]
    assert [each.unaware and each.unaware.left for each in found] == [0.1, 0.7, 0.9, 0.9]
    assert all(each.controls == {"clean": {"ap50": 0.9}} for each in found)
