# SPDX-License-Identifier: AGPL-3.0-only
"""`defence list`, `defence train` and `defence certify`."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.registries import DEFENCES
from engine.runs import segmenter_training
from tests.engine.cli.conftest import Run

SMALL = (
    *("--device", "cpu", "--image-size", 64, "--view-size", 64),
    *("--epochs", 1, "--batch-size", 4, "--time-limit", 0),
)


def test_each_defence_is_listed_with_its_settings_and_their_ranges(run: Run) -> None:
    told = run("defence", "list").out
    blocks = told.strip().split("\n\n")
    assert [block.split("  ")[0] for block in blocks] == list(DEFENCES)
    assert "    quality=75  Encoder quality; lower values lose more detail. 1 to 100." in told
    assert "Random. [Xie et al. 2018]" in told


def test_as_json_each_setting_has_its_default_and_bounds(run: Run) -> None:
    listed = {each["name"]: each for each in run("defence", "list", "--json").json}
    assert list(listed) == list(DEFENCES)
    assert listed["resize-pad"]["random"]
    assert listed["jpeg"]["settings"]["quality"] == {
        "help": "Encoder quality; lower values lose more detail.",
        "default": 75,
        "unit": "",
        "bounds": [1, 100],
    }


def test_a_defence_is_trained_put_on_record_and_used(
    run: Run, blocks: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmenter_training, "ROUND", 1)
    told = run(
        "defence", "train", "--dataset", blocks, "--class", "person", *SMALL, "--out", tmp_path / "out"
    )
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert lines[0].startswith("IoU ")
    assert lines[1].startswith("1 epochs, 5 crops in ")
    weights = tmp_path / "out" / "weights.safetensors"
    assert lines[2] == f"use it with: --defence segmenter:weights={weights}"
    assert "Recorded as job 1" in told.err
    certain = run(
        *("defence", "certify", "--dataset", blocks, "--weights", tiny_weights, "--image-size", 64),
        *("--defence", "object-seeker:1", "--defence", f"segmenter:{weights}", "--device", "cpu"),
    )
    assert [line.split()[0] for line in certain.out.splitlines()[2:6]] == [
        "far",
        "close",
        "over",
        "everywhere",
    ]
    assert "7 objects in 5 images; one square patch covering 1.00% of the image area" in certain.out


def test_certificates_are_printed_as_json(run: Run, blocks: Path, tiny_weights: Path) -> None:
    found = run(
        *("defence", "certify", "--dataset", blocks, "--weights", tiny_weights, "--image-size", 64),
        *("--defence", "object-seeker:2", "--patch-area", 0.002, "--ioa", 0.1, "--device", "cpu", "--json"),
    ).json
    assert (found["patch_share"], found["ioa"], found["objects"]) == (0.002, 0.1, 7)
    assert set(found["certified"]) == {"far", "close", "over", "everywhere"}


def test_a_training_is_queued(run: Run, blocks: Path) -> None:
    job = run("jobs", "submit", "train-defence", "--dataset", blocks, "--time-limit", 60, "--json").json
    assert (job["kind"], job["estimate"]) == ("train-defence", {"elapsed_s": 60.0})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("train",), "expected --dataset, got none; try --dataset demo"),
        (("train", "--dataset", "demo", "--view-size", 100), "view size: expected a multiple of 32"),
        (("train", "--dataset", "nowhere"), "nowhere"),
        (("train", "--resume", ".", "--epochs", 3), "--resume: expected no other settings"),
        (("certify", "--dataset", "demo"), "expected --weights, got none"),
        (
            ("certify", "--dataset", "demo", "--weights", "demo", "--defence", "no"),
            "defence: expected one of",
        ),
        (
            ("certify", "--dataset", "demo", "--weights", "demo", "--patch-area", 2),
            "patch area: expected 0 to 1, got 2",
        ),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, arguments: tuple, error: str) -> None:
    assert error in run("defence", *arguments).error
