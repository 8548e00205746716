# SPDX-License-Identifier: AGPL-3.0-only
"""Beside the loop: checkpoints, validations, what stops a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from engine.config import RunConfig
from engine.errors import DetectorError, NonFiniteLossError, RunInterruptedError, StorageError
from engine.evaluation.runner import PatchJudge
from engine.patch.losses.patch_loss import PatchLoss
from engine.patch.state import RunState, load_checkpoint
from engine.runs.commands import generate, resume
from engine.runs.generation import Generation, Observer
from engine.runs.materials import gather
from engine.runs.run_folder import read_summary

Settings = Callable[..., RunConfig]


def begun(config: RunConfig, folder: Path, observer: Observer | None = None) -> Generation:
    generation = Generation(config, gather(config), folder, observer or Observer())
    generation.begin(
        RunState(
            patch_chw=torch.full((3, config.patch_height, config.patch_width), 0.5),
            iterations=config.iterations,
        )
    )
    return generation


def test_the_observer_sees_every_step(settings: Settings, tmp_path: Path) -> None:
    steps: list[int] = []
    announced: list[int] = []
    observer = Observer(
        on_begin=lambda state, count: announced.append(count),
        on_step=lambda record, state: steps.append(record.step),
    )
    begun(settings(iterations=2), tmp_path, observer).run(evaluate_after=False)
    assert announced == [3]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_checkpoints_come_as_often_as_asked(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = begun(settings(iterations=5, checkpoint_every=2), tmp_path)
    saved: list[int] = []
    monkeypatch.setattr(generation, "save", lambda: saved.append(generation.state.iteration))
    generation.run(evaluate_after=False)
    assert saved == [0, 2, 4, 5]


def test_the_batch_size_is_probed_if_wanted(settings: Settings, tmp_path: Path) -> None:
    generation = begun(settings(batch_size=0, iterations=1), tmp_path)
    summary = generation.run(evaluate_after=False)
    assert summary["batch_size"] >= 1
    assert load_checkpoint(tmp_path)[1]["batch_size"] == summary["batch_size"]


@pytest.mark.parametrize(("view_size", "told"), [(0, False), (32, True)])
def test_it_is_told_where_windows_become_whole_images(
    view_size: int, told: bool, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    generation = begun(settings(iterations=1, view_size=view_size), tmp_path)
    generation._materials.detector.for_windows = lambda image_px: None
    with caplog.at_level("INFO"):
        generation.run(evaluate_after=False)
    assert ("Steps use whole images: tiny does not take crops" in caplog.text) is told


class FallingJudge(PatchJudge):
    """Judges the first patch best, whatever it is."""

    calls = 0

    def score(self, patch_chw, **how):
        scores = super().score(patch_chw, **how)
        type(self).calls += 1
        worse = dataclasses.replace(scores.asr, value=1 / self.calls)
        return dataclasses.replace(scores, asr=worse)


@pytest.fixture
def falling(monkeypatch: pytest.MonkeyPatch) -> None:
    FallingJudge.calls = 0
    monkeypatch.setattr("engine.runs.generation.PatchJudge", FallingJudge)


@pytest.mark.usefixtures("falling")
def test_the_best_patch_is_kept_beside_the_last(settings: Settings, tmp_path: Path) -> None:
    config = settings(validation_share=0.4, validate_every=1, iterations=3)
    summary = begun(config, tmp_path).run(evaluate_after=True)
    assert summary["best_iteration"] == 1
    assert [event["event"] for event in summary["events"]] == ["validated"] * 3
    assert not np.array_equal(np.load(tmp_path / "patch.npy"), np.load(tmp_path / "patch-last.npy"))
    assert summary["evaluation"]["on"] == "held-out images"
    assert summary["evaluation"]["settings"]["images"] == 2
    assert summary["image_iterations"] == 9


@pytest.mark.usefixtures("falling")
def test_it_stops_early_when_nothing_improves(settings: Settings, tmp_path: Path) -> None:
    config = settings(validation_share=0.4, validate_every=1, early_stop=2, iterations=50)
    summary = begun(config, tmp_path).run(evaluate_after=False)
    assert summary["iterations"] == 3
    assert summary["events"][-1]["event"] == "stopped early"


class ListedJudge(PatchJudge):
    """Judges patches in turn by a list of ASR, confidence retained and AP50."""

    figures: ClassVar[list[tuple[float, float, float]]] = []

    def score(self, patch_chw, **how):
        scores = super().score(patch_chw, **how)
        values = zip(("asr", "confidence_retained", "ap50"), self.figures.pop(0), strict=True)
        return dataclasses.replace(
            scores, **{name: dataclasses.replace(scores.asr, value=value) for name, value in values}
        )


@pytest.mark.parametrize(
    ("figures", "best"),
    [
        ([(0.5, 0.5, 0.4), (0.5, 0.3, 0.5), (0.5, 0.4, 0.1)], 2),  # as strong by ASR: the least confidence
        ([(0.5, 0.3, 0.1), (0.50001, 1.0, 0.9), (0.5, 0.0, 0.1)], 2),  # one object in a hundred thousand
        ([(0.5, 0.3, 0.4), (0.5, 0.3, 0.1), (0.4, 0.2, 0.1)], 1),
    ],
)
def test_asr_decides_which_patch_is_kept_then_confidence(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figures: list, best: int
) -> None:
    monkeypatch.setattr(ListedJudge, "figures", list(figures))
    monkeypatch.setattr("engine.runs.generation.PatchJudge", ListedJudge)
    config = settings(validation_share=0.4, validate_every=1, iterations=3)
    summary = begun(config, tmp_path).run(evaluate_after=False)
    assert summary["best_iteration"] == best
    assert [event["confidence_retained"] for event in summary["events"]] == [each[1] for each in figures]
    for event in summary["events"]:
        assert set(event["ci95"]) == {"asr", "confidence_retained", "ap50"}
        assert all(0 <= low <= high <= 1 for low, high in event["ci95"].values())


class UndefinedJudge(PatchJudge):
    """Judges images on which nothing can be scored."""

    calls, objects = 0, True

    def score(self, patch_chw, **how):
        scores = super().score(patch_chw, **how)
        type(self).calls += 1
        nothing = dataclasses.replace(scores.asr, value=float("nan"))
        changes = {} if self.objects else {"ap50": nothing, "disappearance": nothing}
        return dataclasses.replace(scores, asr=nothing, **changes)


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        (False, "they show no object of the class"),
        (True, "the detector finds none of their objects even without a patch"),
    ],
)
def test_images_that_cannot_be_scored_do_not_end_a_run(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    objects: bool,
    reason: str,
) -> None:
    monkeypatch.setattr(UndefinedJudge, "calls", 0)
    monkeypatch.setattr(UndefinedJudge, "objects", objects)
    monkeypatch.setattr("engine.runs.generation.PatchJudge", UndefinedJudge)
    config = settings(validation_share=0.4, validate_every=1, early_stop=2, iterations=5)
    summary = begun(config, tmp_path).run(evaluate_after=False)
    event = {"event": "held-out images cannot be scored", "step": 2, "iteration": 1, "reason": reason}
    assert summary["events"] == [event]
    assert (summary["iterations"], summary["best_iteration"]) == (5, None)
    assert UndefinedJudge.calls == 1
    assert f"cannot be scored: {reason}; the run continues without validation" in caplog.text


def test_a_run_without_anything_to_score_ends_and_resumes(
    settings: Settings, blind_weights: Path, tmp_path: Path
) -> None:
    config = settings(
        weights=str(blind_weights), validation_share=0.4, validate_every=1, early_stop=1, iterations=4
    )
    stops = iter([False] * 4)
    observer = Observer(stop_requested=lambda: next(stops, True))
    with pytest.raises(RunInterruptedError):
        generate(config, tmp_path / "run", observer=observer)
    summary = resume(tmp_path / "run")
    assert [event["event"] for event in summary["events"]] == ["held-out images cannot be scored"]
    assert summary["iterations"] == 4
    assert summary["evaluation"]["patch"]["asr"] is None
    assert read_summary(tmp_path / "run")["events"] == summary["events"]
    assert resume(tmp_path / "run")["events"] == summary["events"]


def test_a_loss_that_is_no_number_keeps_the_step_before(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[np.ndarray] = []
    real = PatchLoss.__call__

    def spoilt(self, *arguments):
        loss, terms = real(self, *arguments)
        return (loss * float("nan") if len(kept) == 2 else loss), terms

    monkeypatch.setattr(PatchLoss, "__call__", spoilt)
    observer = Observer(on_step=lambda record, state: kept.append(state.patch_chw.numpy().copy()))
    with pytest.raises(NonFiniteLossError, match="expected a finite loss, got nan at step 3"):
        begun(settings(), tmp_path, observer).run(evaluate_after=False)
    assert np.array_equal(load_checkpoint(tmp_path)[0].patch_chw.numpy(), kept[-1])


def test_changed_weights_are_noticed(settings: Settings, tmp_path: Path) -> None:
    generation = begun(settings(iterations=1), tmp_path)
    weight = next(iter(generation._materials.detector.model.parameters()))

    def spoil(record, state):
        weight.data += 1

    generation._observer = Observer(on_step=spoil)
    with pytest.raises(DetectorError, match="expected the run to leave the detector's weights unchanged"):
        generation.run(evaluate_after=False)


def test_another_runs_images_are_refused(settings: Settings, tmp_path: Path) -> None:
    begun(settings(), tmp_path).save()
    state, identity = load_checkpoint(tmp_path)
    config = settings(max_images=3)
    generation = Generation(config, gather(config), tmp_path, Observer())
    with pytest.raises(StorageError, match="expected the images and boxes that this run started with"):
        generation.restore(state, identity)


def test_a_circle_is_transparent_outside(settings: Settings, tmp_path: Path) -> None:
    from PIL import Image

    begun(settings(circular=True, iterations=1), tmp_path).run(evaluate_after=False)
    with Image.open(tmp_path / "patch.png") as image:
        alpha = np.asarray(image)[..., 3]
    assert (alpha[0, 0], alpha[8, 8]) == (0, 255)


def test_checkpoints_come_by_the_clock_too(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long iterations do not put off a checkpoint, and one within an iteration changes nothing."""
    kept: dict[str, list[int]] = {}
    for name, seconds in (("seldom", 1000.0), ("often", 0.0)):
        monkeypatch.setattr("engine.runs.generation.CHECKPOINT_S", seconds)
        monkeypatch.setattr("engine.runs.pacing.Pace.spent", lambda pace: nullcontext())
        steps = kept.setdefault(name, [])
        watcher = Observer(on_checkpoint=lambda state, steps=steps: steps.append(state.step))
        config = settings(checkpoint_every=1000, iterations=2)
        generate(config, tmp_path / name, observer=watcher, evaluate_after=False)
    assert kept == {"seldom": [0, 6], "often": [0, 1, 2, 3, 4, 5, 6, 6]}
    patches = [(tmp_path / name / "patch.npy").read_bytes() for name in kept]
    assert patches[0] == patches[1]
