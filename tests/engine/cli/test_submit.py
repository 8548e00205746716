# SPDX-License-Identifier: AGPL-3.0-only
"""`jobs submit …`: the same settings as the commands that work at once, and a word about workers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.config import RunConfig, ScheduleConfig, TrainingConfig
from engine.jobs import queue
from engine.jobs.worker import Worker
from engine.store.repository import Repository
from tests.engine.cli.conftest import Run

DEMO = ("--dataset", "demo", "--weights", "demo")


def test_a_generation_is_submitted_with_all_its_settings(run: Run) -> None:
    how = ("--priority", 3, "--tag", "a", "--tag", "b", "--notes", "n", "--label", "l", "--auto-resume")
    how = (*how, "--gpus", 0.5, "--cpus", 2)
    told = run("jobs", "submit", "generate", *DEMO, "--iterations", 9, "--no-evaluate", *how, "--json")
    job = told.json
    assert RunConfig.from_json(job["request"]["config"]) == RunConfig(
        dataset="demo", weights="demo", iterations=9
    )
    assert (job["request"]["evaluate_after"], job["request"]["trust"]) == (False, False)
    assert job["needs"] == {"gpus": 0.5, "cpus": 2}
    assert (job["priority"], job["tags"], job["notes"], job["label"]) == (3, ["a", "b"], "n", "l")
    assert (job["auto_resume"], job["worker_alive"]) == (True, False)
    behind = run("jobs", "submit", "import", "demo", "--waits-for", job["id"], "--json").json
    assert behind["waits_for"] == job["id"]


def test_an_evaluation_an_import_and_a_benchmark_are_submitted(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.zeros((3, 8, 8)))
    scored = run(
        "jobs", "submit", "evaluate", "--patch", tmp_path / "p.npy", *DEMO, "--iou", 0.4, "--json"
    ).json
    assert (scored["request"]["patch"], scored["request"]["settings"]["iou"]) == (
        str(tmp_path / "p.npy"),
        0.4,
    )
    imported = run("jobs", "submit", "import", "demo", "--split", "val", "--name", "x", "--json").json
    assert imported["request"] == {"source": "demo", "name": "x", "split": "val", "images": None}
    suite = ("jobs", "submit", "benchmark", "floor")
    measured = run(*suite, "--seconds", 2, "--learning-rate", 0.01, "--json").json
    assert measured["label"] == "floor · person · demo · demo"
    assert (measured["request"]["suite"], measured["request"]["seconds"]) == ("floor", 2)
    config = measured["request"]["config"]
    assert (config["dataset"], config["learning_rate"]) == ("demo", 0.01)


def test_a_matrix_is_submitted(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.zeros((3, 8, 8)))
    axes = ("--patches", tmp_path / "p.npy", "--detectors", "demo,yolo11n", "--datasets", "demo")
    job = run("jobs", "submit", "matrix", *axes, "--iou", 0.4, "--max-images", 3, "--json").json
    assert (job["kind"], job["label"]) == ("matrix", "Matrix 1 × 2: person on demo")  # noqa: RUF001
    request = job["request"]
    assert (request["patches"], request["detectors"]) == ([str(tmp_path / "p.npy")], ["demo", "yolo11n"])
    assert (request["settings"]["iou"], request["max_images"]) == (0.4, 3)


def test_a_training_is_submitted(run: Run) -> None:
    how = ("--strategy", "head", "--epochs", 3, "--class", "person", "--schedule", "constant")
    job = run("jobs", "submit", "train", *DEMO, *how, "--json").json
    assert job["label"] == "Train demo (head) on demo"
    assert TrainingConfig.from_json(job["request"]["config"]) == TrainingConfig(
        dataset="demo",
        weights="demo",
        strategy="head",
        epochs=3,
        classes=("person",),
        schedule=ScheduleConfig(kind="constant"),
    )


def test_classes_are_submitted(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.zeros((3, 8, 8)))
    mapped = (*DEMO, "--class", "man", "--class", "woman", "--detector-class", "person", "--json")
    for what in (["generate"], ["evaluate", "--patch", tmp_path / "p.npy"], ["benchmark", "floor"]):
        job = run("jobs", "submit", *what, *mapped).json
        assert RunConfig.from_json(job["request"]["config"]).class_names == ("man", "woman")
        assert job["request"]["config"]["detector_class"] == "person"
        assert "man, woman → person · demo · demo" in job["label"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("generate",), "expected --dataset, got none; try --dataset demo"),
        (("generate", *DEMO, "--iterations", "0"), "iterations: expected 1 to 1000000, got 0"),
        (
            ("generate", *DEMO, "--class", "a", "--class", "b"),
            "corresponds to a, b, got none; give it with --det",
        ),
        (("evaluate", "--patch", "none.npy", *DEMO), "expected a patch file"),
        (("benchmark", "none"), "suite: expected one of"),
        (("matrix",), "expected --patches, got none; give one or more, separated by commas"),
        (
            ("matrix", "--patches", "5", "--detectors", "demo", "--datasets", "demo"),
            "patch 5: expected an existing patch, found none",
        ),
        (("import", "demo", "--waits-for", "99"), "waits for job 99: expected a job that can still succeed"),
    ],
)
def test_what_cannot_work_is_told_before_it_is_queued(run: Run, arguments: tuple, message: str) -> None:
    assert message in run("jobs", "submit", *arguments).error
    assert run("jobs", "list", "--json").json == []


def test_it_is_said_whether_anybody_works(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = run("jobs", "submit", "import", "demo")
    assert alone.out == "job 1: queued; see it with: python -m engine jobs show 1 --follow\n"
    assert "No worker is running: start one with --start-worker" in alone.err
    asked: list[str] = []
    monkeypatch.setattr(queue, "ensure_worker", lambda repository, device: asked.append(device))
    with Repository() as repository:
        Worker(repository, "cpu")
        assert run("jobs", "submit", "generate", *DEMO, "--device", "cpu", "--start-worker").err == ""
    assert asked == ["cpu"]


def test_the_options_are_those_of_patch_generate() -> None:
    from engine.cli import cli

    options = {option.name for option in cli.commands["patch"].commands["generate"].params}
    queued = {option.name for option in cli.commands["jobs"].commands["submit"].commands["generate"].params}
    assert options - queued == {"out", "resume_folder", "tensorboard"}
