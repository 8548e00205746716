# SPDX-License-Identifier: AGPL-3.0-only
"""`detector train`, `detector harden` and `detector list`."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import RunInterruptedError
from tests.engine.cli.conftest import Run

SMALL = ("--device", "cpu", "--image-size", 64, "--epochs", 1, "--batch-size", 4)


@pytest.fixture
def named(blocks: Path, tiny_weights: Path) -> tuple[object, ...]:
    return ("--dataset", blocks, "--weights", tiny_weights)


def test_nothing_is_listed_at_first(run: Run) -> None:
    assert len(run("detector", "list").out.splitlines()) == 2
    assert run("detector", "list", "--json").json == []


def test_a_detector_is_trained_put_on_record_and_listed(run: Run, named: tuple, tmp_path: Path) -> None:
    told = run("detector", "train", *named, *SMALL, "--class", "person", "--out", tmp_path / "out")
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[0].startswith("AP50 0.")
    assert "on 1 held-out images after epoch 1" in lines[0]
    assert lines[1].startswith("1 epochs of 4 images in ")
    assert lines[2] == f"weights: {tmp_path / 'out' / 'weights.pt'}"
    assert "Recorded as job 1" in told.err
    (listed,) = run("detector", "list", "--json").json
    assert (listed["name"], listed["classes"]) == ("tiny-blocks-1", ["person"])
    assert "tiny-blocks-1" in run("detector", "list").out
    # What it made is a detector like any other.
    scored = run("detector", "train", "--dataset", named[1], "--weights", "tiny-blocks-1", *SMALL, "--json")
    assert scored.json["parent"]["weights_sha256"] == listed["checksum"]


def test_a_detector_is_hardened_and_put_on_record(run: Run, named: tuple, tmp_path: Path) -> None:
    little = ("--patch-size", 16, "--renew-images", 2, "--trial-time", 0.01, "--time-limit", 0)
    told = run("detector", "harden", *named, *SMALL, *little, "--out", tmp_path / "out")
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[0].split() == ["AP50", "(ASR)", *["clean", "old", "patch", "new", "patch", "noise", "grey"]]
    assert [line.split()[0] for line in lines[2:4]] == ["before", "after"]
    assert "ASR under a new patch with the same budget: " in told.out
    assert lines[-1] == f"weights: {tmp_path / 'out' / 'weights.pt'}"
    assert "Recorded as job 1" in told.err
    (listed,) = run("detector", "list", "--json").json
    assert listed["name"] == "tiny-hardened-blocks-1"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "expected --dataset, got none; try --dataset demo"),
        (
            ("--dataset", "demo", "--weights", "demo", "--patched-share", 2),
            "patched share: expected 0.05 to 1",
        ),
    ],
)
def test_a_hardening_that_cannot_be_is_one_line(run: Run, arguments: tuple, error: str) -> None:
    assert error in run("detector", "harden", *arguments).error


def test_without_a_validation_no_score_is_told(run: Run, named: tuple) -> None:
    told = run("detector", "train", *named, *SMALL, "--validation-share", 0)
    assert told.out.startswith("1 epochs of 5 images in ")


def test_going_on_needs_a_folder_and_takes_no_settings(run: Run, tmp_path: Path) -> None:
    told = run("detector", "train", "--resume", tmp_path)
    assert told.error.endswith("expected a training with a checkpoint.pt, found none; start a new training")
    told = run("detector", "train", "--resume", tmp_path, "--epochs", 3)
    assert (
        told.error == "Error: --resume: expected no other settings, as the run keeps its own, got --epochs; "
        "leave it out"
    )


def test_an_interrupted_training_says_how_to_go_on(
    run: Run, named: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise RunInterruptedError("stopped in epoch 1")

    monkeypatch.setattr("engine.runs.training.train", interrupted)
    told = run("detector", "train", *named)
    assert (told.code, told.err) == (130, "Error: stopped in epoch 1\n")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "expected --dataset, got none; try --dataset demo"),
        (("--dataset", "demo"), "expected --weights, got none; try --weights demo"),
        (
            ("--dataset", "demo", "--weights", "demo", "--image-size", 100),
            "image size: expected a multiple of",
        ),
        (("--dataset", "nowhere", "--weights", "demo"), "nowhere"),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, arguments: tuple, error: str) -> None:
    assert error in run("detector", "train", *arguments).error
