# SPDX-License-Identifier: AGPL-3.0-only
"""Whole runs: what they leave, that they repeat, and that a stop anywhere changes nothing."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.config import RunConfig
from engine.errors import DetectorError, PatchFileError, RunInterruptedError, SettingsError, StorageError
from engine.evaluation.config import EvaluationConfig
from engine.patch.state import load_checkpoint, save_checkpoint
from engine.runs.commands import Observer, evaluate, generate, resume
from engine.runs.film import frames
from engine.runs.outcomes import OUTCOMES, read_outcomes
from tests.engine.tiny import RUN_KEYS, write_weights

Settings = Callable[..., RunConfig]

FILES = {"patch.npy", "patch.png", "run.json", "history.csv", "checkpoint.pt", "film", OUTCOMES}


def patch_bytes(folder: Path) -> bytes:
    return (folder / "patch.npy").read_bytes()


def stop_after(steps: int) -> Observer:
    seen: list[int] = []
    return Observer(on_step=lambda record, state: seen.append(1), stop_requested=lambda: len(seen) == steps)


def interrupted(config: RunConfig, folder: Path, steps: int) -> None:
    with pytest.raises(RunInterruptedError, match=f"--resume {folder}"):
        generate(config, folder, observer=stop_after(steps), evaluate_after=False)


def test_a_run_leaves_a_whole_folder(settings: Settings, tmp_path: Path) -> None:
    summary = generate(settings(), tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    patch = np.load(tmp_path / "run" / "patch.npy", allow_pickle=False)
    assert (patch.shape, patch.dtype) == ((3, 16, 16), np.float32)
    assert 0 <= patch.min() < patch.max() <= 1
    assert json.loads(json.dumps(summary)) == json.loads((tmp_path / "run" / "run.json").read_text())
    assert summary.keys() >= RUN_KEYS | {"config", "seed", "versions", "detector", "dataset", "evaluation"}
    assert (summary["batch_size"], summary["batching"], summary["precision"]) == (2, "ragged", "fp32")
    assert (summary["iterations"], summary["steps"], summary["image_iterations"]) == (4, 12, 20)
    assert summary["dataset"]["objects"] == 7
    assert summary["evaluation"]["on"] == "the images that the patch was made on"
    _min_score, outcomes = read_outcomes(tmp_path / "run", "tiny")
    assert [len(outcome.clean) for outcome in outcomes] == [len(each.boxes_xyxy_px) for each in outcomes]
    assert sum(len(outcome.patched) for outcome in outcomes) == 7
    rows = list(csv.DictReader((tmp_path / "run" / "history.csv").open(newline="")))
    assert [int(row["step"]) for row in rows] == list(range(1, 13))
    assert summary["patch"] == str(tmp_path / "run" / "patch.npy")


def test_without_a_folder_the_run_lands_in_our_home(settings: Settings, own_home: Path) -> None:
    summary = generate(settings(iterations=1), evaluate_after=False)
    (folder,) = (own_home / "runs").iterdir()
    assert folder.name.endswith("-blocks-tiny")
    assert summary["patch"] == str(folder / "patch.npy")
    assert "evaluation" not in summary


@pytest.fixture
def divided(blocks: Path, tmp_path: Path) -> Path:
    """The dataset, its people called men on some images and women on the others."""
    folder = shutil.copytree(blocks, tmp_path / "divided")
    (folder / "data.yaml").write_text("train: images\nnames: [man, car, woman]\n")
    for label in sorted((folder / "labels").iterdir())[::2]:
        label.write_text(re.sub("^0 ", "2 ", label.read_text(), flags=re.MULTILINE))
    return folder


@pytest.mark.parametrize(
    ("changes", "scored"),
    [
        ({}, True),
        ({"losses": {"total": 1.0, "overlap": 1.0, "max_confidence": 1.0}}, False),
        ({"validation_share": 0.4, "validate_every": 1}, True),
        ({"merge": "mean"}, False),
        ({"backend": "art"}, False),
    ],
)
def test_classes_that_are_called_otherwise_give_the_same_bits(
    settings: Settings, divided: Path, tmp_path: Path, changes: dict, scored: bool
) -> None:
    """The scores too, which do not depend on how a patch was made, but on which images it was held out."""
    config = settings(iterations=2, **changes)
    mapped = config.changed(dataset=str(divided), class_name=("man", "woman"), detector_class="person")
    one, other = (
        generate(each, tmp_path / each.dataset[-5:], evaluate_after=scored) for each in (config, mapped)
    )
    assert patch_bytes(Path(one["patch"]).parent) == patch_bytes(Path(other["patch"]).parent)
    assert other["classes"] == {"dataset": ["man", "woman"], "detector": "person"}
    if scored:
        for part in ("patch", "controls"):
            assert one["evaluation"][part] == other["evaluation"][part]
        found = evaluate(mapped, Path(other["patch"])).settings
        assert (found["class"], found["classes"], found["objects"]) == ("person", other["classes"], 7)


def test_a_mapped_run_is_resumed_to_the_same_bits(settings: Settings, divided: Path, tmp_path: Path) -> None:
    config = settings(dataset=str(divided), class_name=("man", "woman"), detector_class="0")
    interrupted(config, tmp_path / "run", 3)
    resumed = resume(tmp_path / "run", evaluate_after=False)
    generate(config, tmp_path / "unbroken", evaluate_after=False)
    assert patch_bytes(tmp_path / "run") == patch_bytes(tmp_path / "unbroken")
    assert RunConfig.from_json(json.loads(json.dumps(resumed["config"]))) == config


def test_a_run_of_an_older_version_goes_on(settings: Settings, tmp_path: Path) -> None:
    interrupted(settings(), tmp_path / "run", 3)
    state, identity = load_checkpoint(tmp_path / "run")
    del identity["config"]["detector_class"]
    save_checkpoint(tmp_path / "run", state, identity)
    resume(tmp_path / "run", evaluate_after=False)
    generate(settings(), tmp_path / "unbroken", evaluate_after=False)
    assert patch_bytes(tmp_path / "run") == patch_bytes(tmp_path / "unbroken")


@pytest.mark.parametrize("batching", ["ragged", "grouped", "sequential"])
def test_the_same_settings_give_the_same_bits(settings: Settings, tmp_path: Path, batching: str) -> None:
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        config = settings(batching=batching, seed=seed, iterations=2)
        generate(config, tmp_path / name, evaluate_after=False)
    assert patch_bytes(tmp_path / "first") == patch_bytes(tmp_path / "again")
    assert patch_bytes(tmp_path / "first") != patch_bytes(tmp_path / "other")


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({}, 1),
        ({}, 3),
        ({"optimizer": "sign-momentum", "schedule": {"kind": "plateau"}, "sampling": "balanced"}, 8),
        ({"validation_share": 0.4, "validate_every": 1}, 5),
        ({"merge": "mean", "batching": "grouped"}, 6),
        ({"batch_start": 1, "accumulate": 2, "circular": True, "view_size": 32, "initial": "noise"}, 4),
        ({"defences": ("resize-pad", "jpeg:quality=60")}, 5),
    ],
)
def test_a_stopped_run_ends_as_if_it_had_never_stopped(
    settings: Settings, tmp_path: Path, changes: dict, steps: int
) -> None:
    from engine.config import ScheduleConfig

    if "schedule" in changes:
        changes = changes | {"schedule": ScheduleConfig(**changes["schedule"])}
    config = settings(**changes)
    generate(config, tmp_path / "unbroken", evaluate_after=False)
    interrupted(config, tmp_path / "broken", steps)
    assert not (tmp_path / "broken" / "patch.npy").exists()
    summary = resume(tmp_path / "broken", evaluate_after=False)
    assert patch_bytes(tmp_path / "broken") == patch_bytes(tmp_path / "unbroken")
    unbroken = json.loads((tmp_path / "unbroken" / "run.json").read_text())
    assert summary["image_iterations"] == unbroken["image_iterations"]
    histories = [
        [(row["step"], row["loss"]) for row in csv.DictReader((folder / "history.csv").open(newline=""))]
        for folder in (tmp_path / "broken", tmp_path / "unbroken")
    ]
    assert histories[0] == histories[1]
    films = [
        [(frame.step, frame.path.read_bytes()) for frame in frames(folder)]
        for folder in (tmp_path / "broken", tmp_path / "unbroken")
    ]
    assert films[0] == films[1]
    assert films[0]


def test_a_finished_run_can_be_resumed_to_score_it(settings: Settings, tmp_path: Path) -> None:
    generate(settings(iterations=1), tmp_path / "run", evaluate_after=False)
    before = patch_bytes(tmp_path / "run")
    assert resume(tmp_path / "run")["evaluation"]["settings"]["images"] == 5
    assert patch_bytes(tmp_path / "run") == before


def test_a_run_goes_on_from_another_folder(
    settings: Settings, tmp_path: Path, blocks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(blocks.parent)
    interrupted(settings(dataset="blocks"), tmp_path / "run", 1)
    monkeypatch.chdir(tmp_path)
    resume(Path("run"), evaluate_after=False)
    assert (tmp_path / "run" / "patch.npy").exists()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("records_sha256", "expected the images and boxes that this run started with, got different ones"),
        ("weights_sha256", "expected the weights that this run started with, got different ones"),
        (
            "defences_sha256",
            "expected the weights of its defences that this run started with, got different ones",
        ),
    ],
)
def test_changed_materials_are_refused(settings: Settings, tmp_path: Path, key: str, message: str) -> None:
    interrupted(settings(), tmp_path / "run", 1)
    state, identity = load_checkpoint(tmp_path / "run")
    save_checkpoint(tmp_path / "run", state, identity | {key: "0" * 64})
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    with pytest.raises(StorageError, match=message):
        resume(tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize("content", [None, b"", b"no checkpoint"])
def test_what_is_no_run_cannot_be_resumed(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(StorageError, match="start a new run"):
        resume(tmp_path)


def test_a_failure_before_the_first_step_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(DetectorError):
        generate(settings(weights="none.pt"), tmp_path / "run")
    with pytest.raises(PatchFileError):
        generate(settings(initial="none.png"), tmp_path / "run")
    with pytest.raises(SettingsError, match="give --batch-size 1"):
        generate(settings(backend="art", batch_size=0), tmp_path / "run")
    assert list(tmp_path.iterdir()) == [tmp_path / "home"]


def test_any_patch_is_scored_beside_its_controls(settings: Settings, tmp_path: Path) -> None:
    np.save(tmp_path / "elsewhere.npy", np.zeros((20, 30, 3), dtype=np.uint8))
    scored: list[int] = []
    found = evaluate(
        settings(),
        tmp_path / "elsewhere.npy",
        settings=EvaluationConfig(resamples=20),
        observer=Observer(on_evaluated=scored.append),
    ).to_json()
    assert found.keys() == {"patch", "controls", "settings", "by_image"}
    assert list(found["controls"]) == ["clean", "grey", "noise"]
    rates = {"asr", "confidence_retained", "disappearance", "hallucinations_per_image"}
    keys = {"ap50", "ap50_95", "relative_ap50", "ci95", *rates}
    for scores in (found["patch"], *found["controls"].values()):
        assert scores.keys() >= keys
        assert scores["ci95"].keys() >= keys - {"ci95"}
    assert found["controls"]["clean"]["asr"] == 0
    assert found["controls"]["clean"]["confidence_retained"] == 1
    assert 0 < found["controls"]["grey"]["confidence_retained"] < 1
    assert found["settings"]["patch_size"] == [20, 30]
    assert sum(scored) == 4 * 5


def test_a_missing_patch_is_told_before_anything_else(settings: Settings) -> None:
    with pytest.raises(PatchFileError, match="expected a patch file"):
        evaluate(settings(weights="none.pt"), Path("none.png"))


@pytest.mark.parametrize("ensemble", ["mean", "max"])
def test_a_patch_against_several_detectors_is_validated_and_scored_on_each(
    settings: Settings, tmp_path: Path, ensemble: str
) -> None:
    other = write_weights(tmp_path / "other.pt", seed=3)
    config = settings(
        further_weights=(str(other),), ensemble=ensemble, validation_share=0.4, validate_every=2
    )
    summary = generate(config, tmp_path / "run")
    evaluations = [summary["evaluation"], *summary["further_evaluations"]]
    assert [each["settings"]["detector"] for each in evaluations] == ["tiny", "other"]
    assert [each["name"] for each in summary["further_detectors"]] == ["other"]
    assert sum(event["event"] == "validated" for event in summary["events"]) == 2
    interrupted(config, tmp_path / "stopped", 3)
    resume(tmp_path / "stopped", evaluate_after=False)
    assert patch_bytes(tmp_path / "stopped") == patch_bytes(tmp_path / "run")


def test_a_patch_is_made_and_scored_through_defences_in_front_of_each_detector(
    settings: Settings, tmp_path: Path
) -> None:
    other = write_weights(tmp_path / "other.pt", seed=3)
    config = settings(iterations=1, further_weights=(str(other),), defences=("bit-depth:bits=1", "median"))
    summary = generate(config, tmp_path / "run")
    chain = ["bit-depth:bits=1", "median"]
    assert summary["config"]["defences"] == (*chain,)
    for each in (summary["evaluation"], *summary["further_evaluations"]):
        assert each["settings"]["defences"] == chain
    patch = tmp_path / "run" / "patch.npy"
    behind = evaluate(settings(defences=tuple(chain)), patch)
    bare = evaluate(settings(), patch)
    assert behind.settings["defences"] == chain
    assert "defences" not in bare.settings
    assert behind.patch.ap50.value == summary["evaluation"]["patch"]["ap50"]
    assert behind.controls["clean"] != bare.controls["clean"]
