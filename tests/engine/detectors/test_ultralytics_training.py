# SPDX-License-Identifier: AGPL-3.0-only
"""Training with Ultralytics on a handful of coloured squares."""

import socket

import cv2
import numpy as np
import pytest

from engine.detectors.demo_training import DEMO_WEIGHTS
from engine.detectors.ultralytics_training import train_detector

LAYOUT = DEMO_WEIGHTS.with_name("yolov8-demo.yaml")


def squares(folder, images):
    rng = np.random.default_rng(0)
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for index in range(images):
        picture = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        picture[16:48, 16:48] = (0, 0, 255)
        cv2.imwrite(str(folder / "images" / f"{index}.png"), picture)
        (folder / "labels" / f"{index}.txt").write_text(f"{index % 2} 0.5 0.5 0.5 0.5\n")
    return folder / "images"


def test_it_trains_every_class_offline_and_says_nothing_on_standard_output(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it asked the network"))
    monkeypatch.chdir(tmp_path)
    lines: list[str] = []
    trained = train_detector(
        LAYOUT,
        train_images=squares(tmp_path / "train", 4),
        val_images=squares(tmp_path / "val", 2),
        class_names=("odd", "even"),
        epochs=2,
        image_size=64,
        seed=0,
        folder=tmp_path / "scratch",
        report=lines.append,
    )
    assert trained.checkpoint["model"].names == {0: "odd", 1: "even"}
    assert 0 <= trained.ap50_95 <= trained.ap50 <= 1
    assert [line.split(":")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert capsys.readouterr().out == ""
    assert {path.name for path in tmp_path.iterdir()} <= {"train", "val", "scratch", "home"}


def test_it_goes_on_from_where_an_earlier_training_stopped(tmp_path):
    """Two pictures are too few to warm up, so one epoch changes little of weights that were put there."""
    folders = {"train_images": squares(tmp_path / "train", 2), "val_images": squares(tmp_path / "val", 1)}
    common = {"class_names": ("odd", "even"), "epochs": 1, "image_size": 64, "folder": tmp_path / "scratch"}
    first = (
        train_detector(LAYOUT, **folders, **common, seed=0, report=lambda _: None).checkpoint["model"].float()
    )
    near = train_detector(LAYOUT, **folders, **common, seed=1, report=lambda _: None, start=first)
    far = train_detector(LAYOUT, **folders, **common, seed=1, report=lambda _: None)
    distances = [
        sum(
            float((a - b).abs().sum())
            for a, b in zip(first.parameters(), model.float().parameters(), strict=True)
        )
        for model in (near.checkpoint["model"], far.checkpoint["model"])
    ]
    assert distances[0] < 0.2 * distances[1]
