# SPDX-License-Identifier: AGPL-3.0-only
"""Retraining the embedded detectors: trainings far too short to be good, but whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.detectors import torchvision_small
from engine.detectors.demo_weights import DEMO_DESCRIPTION, EMBEDDED
from engine.detectors.loading import load_detector
from engine.errors import RunInterruptedError, SettingsError, StorageError
from engine.runs.demo_training import RECIPES, retrain_demo_detector
from engine.runs.training_course import CHECKPOINT


@pytest.fixture(scope="module")
def retrained(tmp_path_factory):
    home = tmp_path_factory.mktemp("retrain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATCHBENCH_HOME", str(home))
        lines: list[str] = []
        out = home / "own" / "tiny.pt"
        score = retrain_demo_detector(
            epochs=1, images=8, validation_images=4, image_size=64, seed=1, out=out, report=lines.append
        )
    return score, out, lines


def test_it_tells_the_epochs_and_the_score(retrained):
    score, out, lines = retrained
    assert lines[0] == "Drawing 8 synthetic images for training and 4 for validation"
    assert lines[1].startswith("Epoch 1/1: loss ")
    assert lines[1].endswith(f", AP50 {score:.3f}")
    assert lines[2] == f"Synthetic validation images: AP50 {score:.3f}; wrote {out}"
    assert 0 <= score <= 1


def test_the_file_says_what_it_is_and_nothing_about_this_machine(retrained):
    score, out, _ = retrained
    checkpoint = torch.load(out, weights_only=False)
    assert checkpoint["description"] == DEMO_DESCRIPTION
    assert checkpoint["ap50"] == score
    assert checkpoint["image_size"] == 64
    assert checkpoint["optimizer"] is None
    assert {parameter.dtype for parameter in checkpoint["model"].parameters()} == {torch.float16}
    assert b"/" not in bytes(str(checkpoint["train_args"]) + str(checkpoint["model"].yaml), "utf-8")


def test_its_file_passes_the_check_of_foreign_weights(retrained):
    detector = load_detector(retrained[1], device="cpu")
    assert (detector.family, detector.class_names) == ("yolov8", ("person",))
    found = detector.detect(torch.rand(1, 3, 64, 64))
    assert np.isfinite(found[0].boxes_xyxy_px.numpy()).all()


def test_a_training_goes_on_from_earlier_weights(retrained, tmp_path, monkeypatch):
    given = {}

    def remembered(config, folder, **_):
        given["config"] = config
        folder.mkdir(parents=True)
        (folder / "weights.pt").write_bytes(b"next")
        return {"ap50": 0.5}

    monkeypatch.setattr("engine.runs.demo_training.train", remembered)
    out = tmp_path / "next.pt"
    score = retrain_demo_detector(epochs=1, images=1, validation_images=1, out=out, start=retrained[1])
    assert (score, out.read_bytes()) == (0.5, b"next")
    assert (given["config"].strategy, given["config"].weights) == ("whole", str(retrained[1]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs: expected 1 to 100000, got 0"),
        ({"image_size": 32}, "image size: expected 64 to 4096, got 32"),
        ({"image_size": 330}, "image size: expected a multiple of 32, got 330; use 320"),
        ({"images": 0}, "images: expected 1 to 100000, got 0"),
    ],
)
@pytest.mark.parametrize("name", EMBEDDED)
def test_bad_settings_are_refused_before_anything_is_drawn(name, settings, message, own_home):
    with pytest.raises(SettingsError, match=f"^{message}$"):
        retrain_demo_detector(name, **settings)
    assert not (own_home / "demo").exists()


def test_a_place_that_cannot_be_written_is_named_before_the_work(tmp_path, own_home):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        StorageError, match=r"^expected to write the weights to .*, got Not a directory; choose"
    ):
        retrain_demo_detector(epochs=1, images=1, out=tmp_path / "file" / "deep" / "demo.pt")
    assert not (own_home / "demo").exists()


def test_an_interrupted_training_keeps_the_old_weights(tmp_path, monkeypatch):
    out = tmp_path / "demo.pt"
    out.write_bytes(b"old")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.runs.demo_training.train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        retrain_demo_detector(epochs=1, images=1, validation_images=1, out=out)
    assert [path.read_bytes() for path in tmp_path.glob("demo.pt*")] == [b"old"]


def test_every_embedded_detector_has_a_recipe():
    assert tuple(RECIPES) == EMBEDDED
    assert all(set(recipe.learning_rates) == {"scratch", "whole"} for recipe in RECIPES.values())


@pytest.fixture
def tiny(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The least retraining of `demo-rcnn`."""
    monkeypatch.setattr(torchvision_small, "SIDE_PX", 64)
    return {
        "name": "demo-rcnn",
        "epochs": 2,
        "images": 4,
        "validation_images": 2,
        "image_size": 64,
        "out": tmp_path / "out" / "demo-rcnn.pt",
        "folder": tmp_path / "training",
        "report": lambda line: None,
    }


def test_a_retraining_in_pieces_gives_the_same_weights(tiny: dict[str, Any], tmp_path: Path) -> None:
    retrain_demo_detector(**tiny | {"folder": tmp_path / "whole"})
    whole = load_detector(tiny["out"], device="cpu")
    assert (whole.name, whole.family, whole.class_names) == ("demo-rcnn", "fasterrcnn_small", ("person",))
    tiny["out"].unlink()
    with pytest.raises(
        RunInterruptedError, match=r"start again with: python -m engine demo --retrain demo-rcnn$"
    ):
        retrain_demo_detector(**tiny, stop_requested=lambda: True)
    assert not tiny["folder"].exists()
    command = f"continue with: python -m engine demo --retrain demo-rcnn --resume {tiny['folder']}$"
    with pytest.raises(RunInterruptedError, match=command):
        retrain_demo_detector(**tiny, stop_requested=(tiny["folder"] / CHECKPOINT).exists)
    assert not list(tiny["out"].parent.iterdir())
    lines: list[str] = []
    retrain_demo_detector(**tiny | {"epochs": None, "report": lines.append}, resume=True)
    assert lines[1].startswith("Epoch 2/2: ")
    assert load_detector(tiny["out"], device="cpu").checksum() == whole.checksum()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("demo", "expected a training of demo, got one of fasterrcnn_small; name its detector or choose"),
        ("demo-rcnn", "expected the images and boxes that this training started with, got different ones"),
    ],
)
def test_another_training_is_not_resumed(tiny: dict[str, Any], name: str, message: str) -> None:
    retrain_demo_detector(**tiny | {"epochs": 1})
    with pytest.raises(StorageError, match=message):
        retrain_demo_detector(**tiny | {"name": name, "images": 5}, resume=True)


def test_a_folder_without_a_training_is_not_resumed(tiny: dict[str, Any]) -> None:
    with pytest.raises(StorageError, match=r"expected a training with a checkpoint\.pt, found none"):
        retrain_demo_detector(**tiny, resume=True)
