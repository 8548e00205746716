# SPDX-License-Identifier: AGPL-3.0-only
"""The trial of a hardening on its job's page."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.parts.jobs.hardenings import ATTACKS, cell, headline
from engine.config import HardeningConfig
from engine.jobs import queue
from engine.jobs.kinds.harden import HardenRequest
from engine.runs.hardening_trial import BATTERY, PLAIN, TRANSFER
from engine.store.repository import Repository
from tests.dashboard.parts.jobs.test_trainings import RESULT
from tests.dashboard.reading import opened, texts


def scores(ap50: float, asr: float | None) -> dict[str, Any]:
    bounds = [None, None] if asr is None else [asr - 0.1, asr + 0.1]
    return {"ap50": ap50, "asr": asr, "hallucinations_per_image": 0.0, "ci95": {"asr": bounds}}


def row(ap50: float, asr: float) -> dict[str, Any]:
    patches = dict.fromkeys(("old_patch", "new_patch", "noise", "grey"), scores(ap50 - 0.1, asr))
    return {"clean": scores(ap50, 0.0), **patches}


def trial(attack: str = "equal budget", battery: tuple[str, ...] = ("equal budget",)) -> dict[str, Any]:
    return {
        "before": row(0.9, 0.46),
        "after": row(0.875, 0.14),
        "attack": attack,
        "battery": dict.fromkeys(battery, scores(0.7, 0.14)),
        "images": 30,
        "objects": 41,
    }


def test_every_attack_has_a_name_of_its_own() -> None:
    assert set(ATTACKS) == {each.name for each in (PLAIN, *BATTERY, TRANSFER)}


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (trial(), "ASR under a new patch with the same budget: 0.46 → 0.14. Clean AP50: 0.90 → 0.88."),
        (
            trial("twice the side", ("equal budget", "twice the side")),
            "ASR under the strongest of 2 new attacks (twice the side): 0.46 → 0.14. "
            "Clean AP50: 0.90 → 0.88.",
        ),
    ],
)
def test_one_sentence_names_the_attacker(found: dict[str, Any], sentence: str) -> None:
    assert headline(found) == sentence


@pytest.mark.parametrize(
    ("found", "text"),
    [(scores(0.5, None), "0.500 (–)"), (scores(0.5, 0.2), "0.500 (0.200, 0.100–0.300)")],  # noqa: RUF001
)
def test_cells_hold_both_scores(found: dict[str, Any], text: str) -> None:
    assert cell(found) == text


def test_the_table_stands_on_the_jobs_page(app: AppTest) -> None:
    config = HardeningConfig(dataset="demo", weights="demo")
    with Repository() as repository:
        queue.submit(repository, "harden", HardenRequest(config=config))
        running = repository.queue.claim("w", "cpu")
        assert running is not None
        repository.queue.finish(running, "succeeded", result=RESULT | {"trial": trial()})
    page = opened("jobs", app, job=1)
    assert "ASR under a new patch with the same budget: 0.46 → 0.14" in texts(page)
    assert "\\*" not in texts(page)  # bold, not between asterisks
    frames = [frame.value for frame in page.dataframe if "New patch" in frame.value]
    assert frames[0]["New patch"].to_list() == [
        "0.800 (0.460, 0.360–0.560)",  # noqa: RUF001
        "0.775 (0.140, 0.040–0.240)",  # noqa: RUF001
    ]
    assert not page.exception
