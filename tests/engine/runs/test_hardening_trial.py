# SPDX-License-Identifier: AGPL-3.0-only
"""The trial of a hardening: its attacks, the worst of them, and what it says of them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config import HardeningConfig, PlacementConfig
from engine.datasets.sources import read_dataset
from engine.records import Evaluation, Interval, Scores
from engine.runs.hardening_pool import PoolPatch
from engine.runs.hardening_trial import (
    BATTERY,
    CONDITIONS,
    PLAIN,
    Trial,
    attacks_of,
    headline,
    row_of,
    worst_of,
)
from tests.engine.tiny import IMAGE_SIZE
from tests.fakes import FakeDetector


def settings(**changes: Any) -> HardeningConfig:
    small: dict[str, Any] = {"image_size": IMAGE_SIZE, "patch_size": 16, "device": "cpu"}
    return HardeningConfig(dataset="blocks", weights="none.pt", **small | changes)


@pytest.mark.parametrize(
    ("changes", "count"),
    [({}, 1), ({"transfer_weights": "other.pt"}, 1), ({"trial": "full"}, 7)],
)
def test_the_plain_attack_comes_first(changes: dict[str, Any], count: int) -> None:
    found = attacks_of(settings(**changes))
    assert (found[0], len(found)) == (PLAIN, count)


def test_another_detectors_patch_is_transferred_in_the_full_trial() -> None:
    assert attacks_of(settings(trial="full", transfer_weights="other.pt"))[-1].transferred


def test_placements_stay_within_bounds() -> None:
    edge = PlacementConfig(rise=-1.0, scale=1.0)
    placed = {each.name: each.place(edge) for each in BATTERY}
    assert (placed["another placement"].rise, placed["twice the side"].scale) == (-1.0, 1.0)
    assert BATTERY[-1].place(PlacementConfig(scale=0.2)).scale == 0.4


def evaluation(asr: float) -> Evaluation:
    unknown = Interval(value=math.nan, low=math.nan, high=math.nan)
    scores = Scores(**dict.fromkeys(Scores.__dataclass_fields__, unknown))
    found = replace(scores, asr=replace(unknown, value=asr), ap50=replace(unknown, value=0.8))
    return Evaluation(patch=found, controls=dict.fromkeys(("clean", "grey", "noise"), found), settings={})


@pytest.mark.parametrize(
    ("rates", "worst"), [([math.nan], 0), ([0.1, 0.3, 0.2], 1), ([math.nan, 0.1], 1), ([0.2, math.nan], 0)]
)
def test_the_highest_rate_is_the_worst(rates: list[float], worst: int) -> None:
    assert worst_of([evaluation(rate) for rate in rates]) == worst


def test_the_headline_names_the_attacker() -> None:
    old, new = evaluation(0.46), evaluation(0.04)
    trial: dict[str, Any] = {"before": row_of(old, old), "after": row_of(old, new), "attack": PLAIN.name}
    assert list(trial["after"]) == list(CONDITIONS)
    assert headline(trial) == (
        "ASR under a new patch with the same budget: 0.46 → 0.04. Clean AP50: 0.80 → 0.80"
    )
    worst = trial | {"attack": "twice the side", "battery": {"a": {}, "b": {}}}
    assert headline(worst).startswith("ASR under the strongest of 2 new attacks (twice the side): ")


def test_equal_work_makes_the_same_patch_again(blocks: Path) -> None:
    dataset = read_dataset(blocks)
    trial = Trial(settings(), FakeDetector(), training=dataset, judged=dataset)
    first = trial.attack(images=10)
    assert first.image_iterations == 10
    assert trial.attack(images=10).patch_chw.equal(first.patch_chw)
    found = trial.evaluate(PoolPatch(patch_chw=first.patch_chw), BATTERY[-1])
    assert found.settings["placement"]["scale"] == 0.4
