# SPDX-License-Identifier: AGPL-3.0-only
"""One patch a group and their mean."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.config import RunConfig
from engine.runs.commands import generate

Settings = Callable[..., RunConfig]


@pytest.fixture
def merged(settings: Settings, tmp_path: Path) -> Path:
    generate(settings(merge="mean", iterations=2), tmp_path / "run", evaluate_after=False)
    return tmp_path / "run"


def test_the_mean_is_weighted_by_images(merged: Path) -> None:
    one, two = (np.load(merged / f"group-{count}" / "patch.npy") for count in (1, 2))
    assert not np.array_equal(one, two)
    assert np.allclose(np.load(merged / "patch.npy"), one * 3 / 5 + two * 2 / 5, atol=1e-6)


def test_the_record_adds_the_groups_up(merged: Path) -> None:
    summary = json.loads((merged / "run.json").read_text())
    assert [group["images"] for group in summary["groups"]] == [3, 2]
    assert (summary["dataset"]["images"], summary["dataset"]["objects"]) == (5, 7)
    assert (summary["steps"], summary["image_iterations"]) == (6, 10)
    assert summary["patch"] == str(merged / "patch.npy")
    assert summary["config"]["merge"] == "mean"
    assert summary["image_iterations_per_s"] == pytest.approx(10 / summary["elapsed_s"])


def test_the_history_goes_on_from_group_to_group(merged: Path) -> None:
    rows = list(csv.DictReader((merged / "history.csv").open(newline="")))
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    seconds = [float(row["elapsed_s"]) for row in rows]
    assert seconds == sorted(seconds)


def test_images_of_one_count_are_one_group(settings: Settings, tmp_path: Path) -> None:
    config = settings(class_name="car", merge="mean", iterations=1)
    generate(config, tmp_path / "merged", evaluate_after=False)
    generate(config.changed(merge="shared"), tmp_path / "shared", evaluate_after=False)
    patches = [np.load(tmp_path / name / "patch.npy") for name in ("merged", "shared")]
    assert np.array_equal(*patches)


def test_images_held_out_are_in_no_group_and_judge_the_mean(settings: Settings, tmp_path: Path) -> None:
    summary = generate(settings(merge="mean", iterations=1, validation_share=0.4), tmp_path / "run")
    assert sum(group["images"] for group in summary["groups"]) == 3
    assert summary["evaluation"]["on"] == "held-out images"
    assert summary["evaluation"]["settings"]["images"] == 2
