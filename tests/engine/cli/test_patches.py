# SPDX-License-Identifier: AGPL-3.0-only
"""`patch generate`, `patch evaluate` and `demo`: what they print and keep."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main, patches, progress
from tests.engine.tiny import IMAGE_SIZE, RUN_KEYS, write_weights

ROOT = Path(__file__).resolve().parents[3]
RATES = {"asr", "confidence_retained", "disappearance", "hallucinations_per_image"}
SCORES = {"ap50", "ap50_95", "relative_ap50", "ci95", *RATES}


def generated(run, small, out: Path, *more: object) -> bytes:
    assert run("patch", "generate", *small, "--out", out, *more).code == 0
    return (out / "patch.npy").read_bytes()


@pytest.fixture
def stopped(run, small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that Ctrl-C stopped after its second step."""
    step = progress._RunView.step

    def interrupting(self, record, state):
        step(self, record, state)
        if record.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(progress._RunView, "step", interrupting)
        told = run("patch", "generate", *small, "--out", tmp_path / "run")
    assert told.code == 130
    assert told.err.splitlines()[-1] == (
        "Error: stopped in iteration 1 of 3; continue with: "
        f"python -m engine patch generate --resume {tmp_path / 'run'}"
    )
    return tmp_path / "run"


def test_generate_prints_json_alone(run, small, tmp_path: Path) -> None:
    made = run("patch", "generate", *small[:-1], "--out", tmp_path / "run", "--json")
    assert made.code == 0
    assert made.json.keys() >= RUN_KEYS
    assert made.json["patch"] == str(tmp_path / "run" / "patch.npy")
    assert made.json["evaluation"]["patch"].keys() >= SCORES
    assert "Iteration 3/3, loss: " in made.err
    assert "Device: cpu (as requested)" in made.err
    patch = np.load(tmp_path / "run" / "patch.npy")
    assert (patch.dtype, patch.shape) == (np.float32, (3, 16, 16))


def test_generate_prints_a_table(run, small, tmp_path: Path) -> None:
    shown = run("patch", "generate", *small[:-1], "--out", tmp_path / "run")
    first_words = [line.split()[0] for line in shown.out.splitlines() if line]
    assert first_words[:6] == ["condition", "---------", "clean", "grey", "noise", "patch"]
    assert "15 image-iterations in" in shown.out
    assert "scored on the images that the patch was made on: 5 images, 7 objects" in shown.out
    assert shown.out.splitlines()[-1] == f"patch: {tmp_path / 'run' / 'patch.npy'}"


def test_classes_are_named_where_they_are_called_otherwise(run, small, subject, tmp_path: Path) -> None:
    mapped = ["--class", "car", "--class", "Person", "--detector-class", "0"]
    made = run("patch", "generate", *small, *mapped, "--out", tmp_path / "run")
    assert "class: person, car → person" in made.out.splitlines()
    patch = tmp_path / "run" / "patch.npy"
    scored = run("patch", "evaluate", "--patch", patch, *subject, *mapped, "--resamples", 0)
    assert scored.out.splitlines()[-1] == "class: person, car → person"
    assert "class:" not in run("patch", "evaluate", "--patch", patch, *subject, "--resamples", 0).out
    assert [job["label"] for job in run("jobs", "list", "--json").json][1:] == [
        "patch · person, car → person · tiny · blocks",
        "person, car → person · tiny · blocks",
    ]


def test_quiet_says_nothing_beside_the_result(run, small, tmp_path: Path) -> None:
    assert run("--quiet", "patch", "generate", *small, "--out", tmp_path / "run").err == ""


def test_the_same_command_gives_the_same_bits(run, small, tmp_path: Path) -> None:
    assert generated(run, small, tmp_path / "first") == generated(run, small, tmp_path / "again")
    assert generated(run, small, tmp_path / "other", "--seed", 1) != generated(run, small, tmp_path / "third")


def test_resume_after_ctrl_c_gives_the_bits_of_an_unbroken_run(
    run, small, stopped: Path, tmp_path: Path
) -> None:
    resumed = run("patch", "generate", "--resume", stopped, "--no-evaluate", "--json")
    assert resumed.code == 0
    assert resumed.json["steps"] == 9
    assert (stopped / "patch.npy").read_bytes() == generated(run, small, tmp_path / "unbroken")


def test_validation_on_images_without_a_find_loses_no_run(
    run, small, blind_weights: Path, tmp_path: Path
) -> None:
    """ASR has no denominator there: it is null in every record, and the run ends and resumes."""
    options = [blind_weights if each == small[3] else each for each in small[:-1]]
    validated = ["--validation-share", 0.4, "--validate-every", 1, "--early-stop", 1]
    made = run("patch", "generate", *options, *validated, "--out", tmp_path / "run", "--json")
    resumed = run("patch", "generate", "--resume", tmp_path / "run")
    assert (made.code, made.json["iterations"], resumed.code) == (0, 3, 0)
    (event,) = made.json["events"]
    assert event["event"] == "held-out images cannot be scored"
    assert made.json["evaluation"]["patch"]["asr"] is None
    assert made.err.count("cannot be scored") == 1
    assert "cannot be scored" not in resumed.err
    assert "Recorded as job" in resumed.err
    (scores,) = [line.split() for line in resumed.out.splitlines() if line.startswith("patch  ")]
    assert "-" in scores


def test_art_can_be_compared_with(run, small, tmp_path: Path) -> None:
    out = tmp_path / "run"
    made = run("patch", "generate", *small[:-1], "--backend", "art", "--out", out, "--json")
    assert made.code == 0
    assert (made.json["backend"], made.json["batching"]) == ("art", "grouped")
    assert made.json.keys() >= RUN_KEYS | {"evaluation"}
    assert "Iteration 3/3, loss: " in made.err


def test_tensorboard_files_are_written_where_wanted(run, small, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    generated(run, small, tmp_path / "run", "--tensorboard")
    (events,) = (tmp_path / "run" / "tensorboard").iterdir()
    assert events.stat().st_size > 100


def test_evaluate_prints_scores_beside_controls(run, subject, tmp_path: Path) -> None:
    np.save(tmp_path / "grey.npy", np.full((3, 16, 16), 0.5, dtype=np.float32))
    scored = ["patch", "evaluate", "--patch", tmp_path / "grey.npy", *subject, "--resamples", 20]
    told = run(*scored, "--json")
    found = told.json
    assert "Recorded as job 1" in told.err
    assert list(found["controls"]) == ["clean", "grey", "noise"]
    for scores in (found["patch"], *found["controls"].values()):
        assert scores.keys() >= SCORES
    assert found["patch"] == found["controls"]["grey"]
    shown = run(*scored)
    rows = {line.split()[0]: line.split()[1:] for line in shown.out.splitlines()}
    assert rows["patch"] == rows["grey"]
    assert [job["kind"] for job in run("jobs", "list", "--json").json] == ["evaluate", "evaluate"]


def test_a_run_that_cannot_be_put_on_record_is_none_the_worse(
    run, small, tmp_path: Path, own_home: Path
) -> None:
    own_home.mkdir(exist_ok=True)
    told = run("patch", "generate", *small, "--out", tmp_path / "first")
    assert "Recorded as job 1" in told.err
    with sqlite3.connect(own_home / "patchbench.db") as db:
        db.execute("DROP TABLE steps")
    told = run("patch", "generate", *small, "--out", tmp_path / "second")
    assert told.code == 0
    assert "Not recorded" in told.err
    assert (tmp_path / "second" / "patch.npy").exists()


def test_demo_runs_the_main_job_and_says_that_it_is_synthetic(
    run, blocks: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {"dataset": str(blocks), "weights": str(tiny_weights), "image_size": IMAGE_SIZE, "iterations": 1}
    monkeypatch.setattr(patches, "DEMO_SETTINGS", patches.DEMO_SETTINGS | quick | {"view_size": 0})
    shown = run("demo", "--out", tmp_path / "text")
    assert shown.out.startswith("Synthetic demo (scenes drawn by code")
    assert "scored on held-out images" in shown.out
    assert "The demo is synthetic" in shown.err
    assert "Recorded as job 1" in shown.err
    assert run("demo", "--out", tmp_path / "json", "--json").json["demo_elapsed_s"] > 0


@pytest.mark.parametrize(
    ("arguments", "name", "folder", "resume"),
    [
        ((), "demo", None, False),
        (("demo-rcnn", "--out", "new"), "demo-rcnn", Path("new"), False),
        (("demo-rcnn", "--resume", "begun"), "demo-rcnn", Path("begun"), True),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_retraining_prints_the_score(
    run,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    name: str,
    folder: Path | None,
    resume: bool,
    as_json: bool,
) -> None:
    def retrained(*given, report, stop_requested, seed, **how):
        report("drawing")
        assert (given, how, seed) == ((name,), {"folder": folder, "resume": resume}, 0)
        assert not stop_requested()
        return 0.925

    monkeypatch.setattr("engine.runs.demo_training.retrain_demo_detector", retrained)
    shown = run("demo", "--retrain", *arguments, *(["--json"] if as_json else []))
    assert shown.err == "drawing\n"
    if as_json:
        assert shown.json == {"detector": name, "ap50": 0.925, "synthetic": True}
    else:
        assert shown.out == "Person AP50 on the synthetic validation images: 0.925\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--retrain", "yolo"), "'yolo' is not one of 'demo', 'demo-rcnn', 'demo-yolo11'"),
        (("--resume", "begun"), "expected --retrain with --resume, got none"),
        (
            ("--retrain", "--resume", "begun", "--seed", "1"),
            "--resume: expected no other settings, as the run keeps its own, got --seed",
        ),
    ],
)
def test_a_retraining_that_cannot_be_is_refused_in_a_line(
    run, arguments: tuple[str, ...], message: str
) -> None:
    told = run("demo", *arguments)
    assert told.code == 1
    assert message in told.err
    assert len(told.err.splitlines()) == 1


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As if the disk were full: no file of this process may become larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_at_the_start_leaves_nothing(run, small, blocks: Path, tmp_path: Path) -> None:
    run("dataset", "import", blocks)
    given = [*small, "--dataset", "blocks", "--patch-size", 128, "--out", tmp_path / "run"]
    with files_of_at_most(100_000):  # SQLite's own need less, a checkpoint more
        told = run("--quiet", "patch", "generate", *given)
    assert told.code == 1
    assert f"{tmp_path / 'run' / 'checkpoint.pt'}: cannot be written, " in told.error
    assert not (tmp_path / "run").exists()


def test_a_disk_that_fills_up_keeps_the_last_checkpoint(
    run, small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced: list[str] = []
    replace = os.replace

    def full_after_the_first(source, target):
        replaced.append(str(target))
        if len(replaced) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full_after_the_first)
        told = run("--quiet", "patch", "generate", *small, "--out", tmp_path / "run")
    assert told.code == 1
    assert "cannot be written, the disk is full (" in told.error
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["checkpoint.pt", "film"]
    assert run("patch", "generate", "--resume", tmp_path / "run", "--no-evaluate").code == 0
    assert (tmp_path / "run" / "patch.npy").read_bytes() == generated(run, small, tmp_path / "unbroken")


@pytest.mark.parametrize(
    "option",
    [["--seed", "1"], ["--circular"], ["--out", "elsewhere"], ["--batch-size", "8"], ["--class", "car"]],
)
def test_resume_takes_no_other_settings(run, stopped: Path, option: list[str]) -> None:
    told = run("patch", "generate", "--resume", stopped, *option)
    assert told.code == 1
    assert (
        told.error
        == f"Error: --resume: expected no other settings, as the run keeps its own, got {option[0]}; "
        "leave it out"
    )


def test_resume_needs_a_checkpoint(run, tmp_path: Path) -> None:
    told = run("patch", "generate", "--resume", tmp_path / "none")
    assert told.code == 1
    assert "expected a run with a checkpoint.pt, found none; start a new run" in told.error


def test_resume_notices_changed_images_and_weights(
    run, small, subject, blocks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = shutil.copytree(blocks, tmp_path / "changing")
    weights = write_weights(tmp_path / "changing.pt")
    given = ["--dataset", dataset, "--weights", weights, "--checkpoint-every", 1]
    assert run("patch", "generate", *small, *given, "--out", tmp_path / "run").code == 0
    resume = ["--quiet", "patch", "generate", "--resume", tmp_path / "run"]
    write_weights(weights, seed=2)
    told = run(*resume)
    assert told.code == 1
    assert (
        "expected the weights that this run started with, got different ones; "
        "restore them or start" in told.error
    )
    write_weights(weights)
    (dataset / "labels" / "0.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    told = run(*resume)
    assert told.code == 1
    assert "expected the images and boxes that this run started with, got different ones" in told.error


def test_a_process_stops_at_ctrl_c_and_goes_on(blocks: Path, tiny_weights: Path, tmp_path: Path) -> None:
    """The same as above with a process and a signal of its own, as a user has it."""
    command = [
        *(
            sys.executable,
            "-m",
            "engine",
            "patch",
            "generate",
            "--dataset",
            blocks,
            "--weights",
            tiny_weights,
        ),
        *("--image-size", IMAGE_SIZE, "--patch-size", 16, "--iterations", 100_000, "--out", tmp_path / "run"),
    ]
    with subprocess.Popen(
        [str(part) for part in command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Iteration 2/"):
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1].startswith("Error: stopped in iteration ")
    assert err.splitlines()[-1].endswith(f"patch generate --resume {tmp_path / 'run'}")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["checkpoint.pt", "film"]


@pytest.mark.real
def test_real_photographs_and_a_real_detector(
    run, coco128_yaml: Path, yolov8n_weights: Path, tmp_path: Path
) -> None:
    subject = [
        "--dataset",
        coco128_yaml,
        "--weights",
        yolov8n_weights,
        "--image-size",
        160,
        "--max-images",
        4,
    ]
    sizes = ["--iterations", 1, "--batch-size", 2, "--view-size", 0]
    made = run("patch", "generate", *subject, *sizes, "--out", tmp_path / "run", "--json")
    assert made.code == 0
    assert made.json["dataset"]["images"] == 4
    assert made.json["evaluation"]["controls"]["clean"]["asr"] == 0
    assert main(["dataset", "show", "coco128", "--class", "person"]) == 0


def test_patches_on_record_are_listed(run, small, tmp_path: Path) -> None:
    assert run("patch", "list", "--json").json == []
    assert run("patch", "list").err == "No patches yet; try: patch generate\n"
    generated(run, small, tmp_path / "run")
    titles, _line, row = run("patch", "list").out.splitlines()
    assert titles.split() == ["patch", "name", "made", "on", "dataset", "class"]
    assert row.split()[0] == "1"
    assert row.split()[-3:] == ["tiny", "blocks", "person"]
    (listed,) = run("patch", "list", "--text", "blocks", "--json").json
    assert (listed["id"], listed["detector"]) == (1, "tiny")
