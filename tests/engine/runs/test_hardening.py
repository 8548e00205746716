# SPDX-License-Identifier: AGPL-3.0-only
"""Whole hardenings of a tiny detector on a handful of blocks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.config import HardeningConfig
from engine.detectors.loading import load_detector
from engine.errors import DatasetError, EngineError, RunInterruptedError, SettingsError, StorageError
from engine.json_text import from_json
from engine.runs.hardening import HardeningObserver, harden, resume_hardening
from engine.runs.training_course import TrainingObserver
from tests.engine.tiny import IMAGE_SIZE

SCORES = {"ap50", "asr", "hallucinations_per_image", "ci95"}


@pytest.fixture
def settings(blocks: Path, tiny_weights: Path) -> Callable[..., HardeningConfig]:
    def make(**changes: Any) -> HardeningConfig:
        small: dict[str, Any] = {
            "dataset": str(blocks),
            "weights": str(tiny_weights),
            "device": "cpu",
            "image_size": IMAGE_SIZE,
            "time_limit_s": 0.0,
            "epochs": 2,
            "batch_size": 2,
            "patch_size": 16,
            "renew_every": 2,
            "renew_images": 2,
            "pool_size": 2,
            "trial_time_s": 0.01,
        }
        return HardeningConfig(**small | changes)

    return make


def test_weights_pool_and_trial_lie_in_the_folder(
    settings: Callable[..., HardeningConfig], tmp_path: Path, tiny_weights: Path
) -> None:
    folder, phases = tmp_path / "out", list[str]()
    summary = harden(settings(), folder, observer=HardeningObserver(on_phase=phases.append))
    assert phases == ["attacking", "scoring", "training", "attacking", "scoring"]
    assert {path.name for path in folder.iterdir()} == {
        *("weights.pt", "weights-last.pt", "checkpoint.pt", "history.csv", "training.json"),
        *("before.json", "hardening.json", "patch-before.npy", "patch-before.png"),
        *("patch-after.npy", "patch-after.png", "pool"),
    }
    assert {path.name for path in (folder / "pool").iterdir()} == {
        "0001.npy",
        "0001.png",
        "0002.npy",
        "0002.png",
    }
    written = from_json((folder / "hardening.json").read_text())
    for row in (written["trial"]["before"], written["trial"]["after"]):
        assert set(row) == {"clean", "old_patch", "new_patch", "noise", "grey"}
        assert all(set(scores) >= SCORES for scores in row.values())
    assert written["trial"]["before"]["old_patch"] == written["trial"]["before"]["new_patch"]
    assert set(written["trial"]["battery"]) == {"equal budget"}
    assert written["headline"].startswith("ASR under a new patch with the same budget: ")
    assert summary["weights_sha256"] == load_detector(folder / "weights.pt", device="cpu").checksum()
    assert summary["weights_sha256"] != summary["parent"]["weights_sha256"]
    assert summary["parent"]["weights_sha256"] == load_detector(tiny_weights, device="cpu").checksum()


def test_the_full_trial_keeps_the_worst_of_its_attacks(
    settings: Callable[..., HardeningConfig], tmp_path: Path, tiny_weights: Path
) -> None:
    config = settings(trial="full", transfer_weights=str(tiny_weights), epochs=1, validation_share=0.0)
    trial = harden(config, tmp_path / "out")["trial"]
    assert list(trial["battery"]) == [
        *("equal budget", "another seed", "five times the budget", "start from noise", "another loss"),
        *("another placement", "twice the side", "transferred from another detector"),
    ]
    assert trial["after"]["new_patch"]["asr"] == max(each["asr"] for each in trial["battery"].values())
    work = {name: each["image_iterations"] for name, each in trial["battery"].items()}
    assert work["five times the budget"] >= 4 * work["equal budget"]
    assert trial["on"] == "the images that the detector was hardened on"


def test_a_given_patch_is_the_old_one(settings: Callable[..., HardeningConfig], tmp_path: Path) -> None:
    harden(settings(epochs=1), tmp_path / "first")
    pool = str(tmp_path / "first" / "pool")
    trial = harden(settings(epochs=1, patches=(pool,), renew_every=0), tmp_path / "second")["trial"]
    assert trial["old_patch"] == "given"


def test_it_resumes_to_the_same_bits(settings: Callable[..., HardeningConfig], tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    config = settings(epochs=3)
    first = harden(config, whole)
    polled: list[int] = []

    def stop() -> bool:
        polled.append(1)
        return (parts / "checkpoint.pt").exists() and (parts / "pool").exists() is False

    with pytest.raises(RunInterruptedError, match="continue with: python -m engine detector harden --resume"):
        harden(config, parts, observer=HardeningObserver(training=TrainingObserver(stop_requested=stop)))
    # The first trial has a budget in seconds, so both begin with the same patch only if it is handed over.
    for name in ("before.json", "patch-before.npy"):
        assert (parts / name).exists()
    shutil.rmtree(parts)
    parts.mkdir()
    for name in ("before.json", "patch-before.npy"):
        shutil.copy(whole / name, parts / name)
    polled.clear()
    with pytest.raises(RunInterruptedError, match="in epoch"):
        resume_hardening(parts, observer=HardeningObserver(training=TrainingObserver(stop_requested=stop)))
    resumed = resume_hardening(parts)
    assert resumed["weights_sha256"] == first["weights_sha256"]
    assert resumed["patches_made"] == first["patches_made"]
    assert resumed["trial"] == first["trial"]


def test_a_stop_before_the_training_leaves_nothing(
    settings: Callable[..., HardeningConfig], tmp_path: Path
) -> None:
    stopped = TrainingObserver(stop_requested=lambda: True)
    with pytest.raises(
        RunInterruptedError, match="stopped before the training; nothing is kept, start again"
    ):
        harden(settings(), tmp_path / "out", observer=HardeningObserver(training=stopped))
    assert not (tmp_path / "out").exists()
    with pytest.raises(StorageError, match="expected a hardening whose first trial is done, found none"):
        resume_hardening(tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"class_name": "dog"}, DatasetError, "there is no class 'dog' in the dataset"),
        (
            {"class_name": "car", "validation_share": 0.2},
            DatasetError,
            "expected objects of 'car' among the images",
        ),
        ({"patches": ("nowhere.npy",)}, EngineError, "nowhere.npy: expected"),
        ({"time_limit_s": 0.001}, SettingsError, "time limit: expected more than .* the time of the trials"),
        # 9 s before and 1.15 times as much after: said before any of it is spent
        ({"time_limit_s": 20.0, "trial_time_s": 9.0}, SettingsError, "expected more than 19 s"),
    ],
)
def test_what_cannot_be_leaves_no_folder(
    settings: Callable[..., HardeningConfig],
    tmp_path: Path,
    changes: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        harden(settings(**changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()
