# SPDX-License-Identifier: AGPL-3.0-only
"""Retraining the demo detector: a training far too short to be good, but whole."""

import numpy as np
import pytest
import torch

from engine.detectors.demo_weights import DEMO_DESCRIPTION
from engine.detectors.loading import load_detector
from engine.errors import SettingsError, StorageError
from engine.runs.demo_training import retrain_demo_detector


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
    assert lines[0] == "Drawing 8 synthetic pictures to train on and 4 to validate on"
    assert lines[1].startswith("Epoch 1/1: loss ")
    assert lines[1].endswith(f", AP50 {score:.3f}")
    assert lines[2] == f"Synthetic validation pictures: AP50 {score:.3f}; wrote {out}"
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
        folder.mkdir()
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
def test_bad_settings_are_refused_before_anything_is_drawn(settings, message, own_home):
    with pytest.raises(SettingsError, match=f"^{message}$"):
        retrain_demo_detector(**settings)
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
