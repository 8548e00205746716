# SPDX-License-Identifier: AGPL-3.0-only
"""Ultralytics' own trainer on a handful of blocks, with our course."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.config import TrainingConfig
from engine.datasets.sources import read_dataset
from engine.detectors.base import Detector
from engine.detectors.checkpoints import load_checkpoint
from engine.detectors.loading import load_detector
from engine.detectors.training import EpochResult, TrainingBatch, TrainingTask
from engine.detectors.ultralytics_quiet import DetectionModel
from engine.detectors.ultralytics_training import train
from engine.errors import DetectorError, NonFiniteLossError, RunInterruptedError
from tests.engine.detectors.families import random_model
from tests.engine.tiny import CLASSES, IMAGE_SIZE


class Recorder:
    """A course of so many epochs that keeps what it is told."""

    def __init__(self, epochs: int = 2, *, epoch: int = 0, stop_after: int = 1_000_000) -> None:
        self.epoch, self.epochs, self.stop_after = epoch, epochs, stop_after
        self.batches: list[tuple[float, dict[str, float], int]] = []
        self.rates: list[float] = []
        self.weights: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []
        self.found: list[int] = []

    def progress(self, epoch: float) -> float:
        return epoch / self.epochs

    def rate_factor(self, epoch: float) -> float:
        return 1 - epoch / self.epochs

    def batch_done(self, epoch: float, losses: Mapping[str, Tensor], *, images: int, rate: float) -> bool:
        self.batches.append((epoch, {name: float(value) for name, value in losses.items()}, images))
        self.rates.append(rate)
        if len(self.batches) >= self.stop_after:
            raise RunInterruptedError("stopped")
        return True

    def epoch_done(self, result: EpochResult) -> bool:
        self.epoch += 1
        self.weights.append(result.weights())
        # A copy, as a file would be: the state is that of the tensors in use.
        self.states.append(torch.load(saved(result.state()), weights_only=True))
        self.found.append(len(result.detector.detect(torch.rand(1, 3, IMAGE_SIZE, IMAGE_SIZE))))
        return self.epoch < self.epochs


class Greying:
    """An alteration that greys all images, looks at the batch, and asks for a detector once."""

    def __init__(self, distillation: float = 0.0) -> None:
        self.distillation = distillation
        self.batches: list[TrainingBatch] = []
        self.detectors: list[Detector] = []

    def __call__(self, batch: TrainingBatch) -> Tensor:
        self.batches.append(batch)
        if not self.detectors:
            self.detectors.append(batch.detector())
        return torch.full_like(batch.images_nchw, 0.5)

    def state(self) -> dict[str, Any]:
        return {}


def saved(content: Any) -> Any:
    from io import BytesIO

    buffer = BytesIO()
    torch.save(content, buffer)
    buffer.seek(0)
    return buffer


@pytest.fixture
def task(blocks: Path, tiny_weights: Path) -> Callable[..., TrainingTask]:
    def make(state: Any = None, weights: Path = tiny_weights, **changes: Any) -> TrainingTask:
        small = {"image_size": IMAGE_SIZE, "batch_size": 4, "epochs": 2, "device": "cpu"}
        return TrainingTask(
            weights=weights,
            trust=False,
            records=read_dataset(blocks).images,
            class_names=CLASSES,
            config=TrainingConfig(dataset="blocks", weights=str(weights), **small | changes),
            device=torch.device("cpu"),
            precision="fp32",
            state=state,
        )

    return make


def test_it_trains_offline_and_says_nothing_on_standard_output(
    task: Callable[..., TrainingTask],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it asked the network"))
    monkeypatch.chdir(tmp_path)
    course = Recorder()
    train(task(), course)
    assert [(epoch, images) for epoch, _, images in course.batches] == [(0.5, 4), (1, 2), (1.5, 4), (2, 2)]
    assert set(course.batches[0][1]) == {"box", "cls", "dfl"}
    assert course.rates == pytest.approx([0.0005, 0.000375, 0.00025, 0.000125])
    assert course.found == [1, 1]
    assert capsys.readouterr().out == ""
    assert {path.name for path in tmp_path.iterdir()} <= {"home"}


def test_the_weight_file_is_bare_and_opens_without_trust(
    task: Callable[..., TrainingTask], tmp_path: Path
) -> None:
    course = Recorder(1)
    train(task(classes=("person",)), course)
    path = tmp_path / "weights.pt"
    torch.save(course.weights[-1], path)
    content = course.weights[-1]
    assert content["optimizer"] is None
    assert b"/" not in bytes(str(content["train_args"]) + str(content["model"].yaml), "utf-8")
    assert load_checkpoint(path).model.names == dict(enumerate(CLASSES))
    assert {value.dtype for value in content["model"].parameters()} == {torch.float16}


@pytest.mark.parametrize("strategy", ["head", "whole", "scratch"])
def test_strategies_differ_in_what_they_keep(
    task: Callable[..., TrainingTask], tiny_weights: Path, strategy: str
) -> None:
    course = Recorder(1)
    train(task(strategy=strategy, epochs=1), course)
    before = load_checkpoint(tiny_weights).model.float().state_dict()
    after = course.states[-1]["model"]
    # The five layers below the head are the backbone.
    backbone = [name for name in before if int(name.split(".")[1]) < 5 and "num_batches" not in name]
    distance = sum(float((before[name] - after[name]).abs().mean()) for name in backbone)
    head = sum(float((before[name] - after[name]).abs().sum()) for name in set(before) - set(backbone))
    assert (distance == 0) is (strategy == "head")
    assert head > 0
    if strategy == "whole":
        assert distance < 1


@pytest.mark.parametrize("name", ["tiny", "yolo26n"])
def test_a_training_that_was_stopped_ends_in_the_same_bits(
    task: Callable[..., TrainingTask], tmp_path: Path, tiny_weights: Path, name: str
) -> None:
    weights = tiny_weights
    if name != "tiny":  # one with two branches, whose weights in the loss shift
        weights = tmp_path / f"{name}.pt"
        torch.save({"model": random_model(name)}, weights)
    whole, first = Recorder(2), Recorder(2, stop_after=3)
    train(task(weights=weights), whole)
    with pytest.raises(RunInterruptedError):
        train(task(weights=weights), first)
    second = Recorder(2, epoch=1)
    train(task(first.states[-1], weights=weights), second)
    assert second.batches == whole.batches[2:]
    for part in ("model", "ema"):
        assert all(
            torch.equal(value, second.states[-1][part][key]) for key, value in whole.states[-1][part].items()
        )


def test_a_layout_is_trained_without_a_file(task: Callable[..., TrainingTask], tmp_path: Path) -> None:
    course = Recorder(1)
    given = task(weights=Path("ultralytics/yolo11_small"), strategy="scratch")
    train(replace(given, architecture="yolo11_small"), course)
    torch.save(course.weights[-1], tmp_path / "trained.pt")
    trained = load_detector(tmp_path / "trained.pt", device="cpu")
    assert (trained.class_names, trained.family) == (CLASSES, "yolo11")


def test_an_alteration_sees_each_batch_and_norms_keep_their_statistics(
    task: Callable[..., TrainingTask], tiny_weights: Path
) -> None:
    course, greying = Recorder(1), Greying()
    train(replace(task(epochs=1), alteration=greying), course)
    assert [(batch.epoch, batch.number, len(batch.images_nchw)) for batch in greying.batches] == [
        (0, 0, 4),
        (0, 1, 2),
    ]
    first = greying.batches[0]
    assert first.images_nchw.shape[1:] == (3, IMAGE_SIZE, IMAGE_SIZE)
    assert 0 <= float(first.images_nchw.min()) < 0.4 < 0.6 < float(first.images_nchw.max()) <= 1
    boxes = first.targets.boxes_xyxy_px
    assert float(boxes.max()) > 2  # pixels, no shares
    assert bool((boxes[:, 2:] > boxes[:, :2]).all())
    assert set(first.targets.class_ids.tolist()) <= {0, 1}
    assert greying.detectors[0].class_names == CLASSES
    before, after = load_checkpoint(tiny_weights).model.float().state_dict(), course.states[-1]["model"]
    statistics = [name for name in before if "running" in name]
    assert statistics
    assert all(torch.equal(before[name], after[name]) for name in statistics)


@pytest.mark.parametrize(
    ("classes", "changes", "rate"),
    [
        (2, {}, 0.0005),
        (80, {}, 0.002 * 5 / 84),
        (80, {"optimizer": "sgd"}, 0.0025),
        (80, {"strategy": "scratch"}, 0.002),
        (80, {"learning_rate": 0.001}, 0.001),
    ],
)
def test_weights_of_many_classes_are_trained_slowly(
    task: Callable[..., TrainingTask], tmp_path: Path, classes: int, changes: dict[str, Any], rate: float
) -> None:
    model = DetectionModel("yolov8n.yaml", nc=classes, verbose=False)
    model.names = dict(enumerate(f"class {number}" for number in range(classes)))
    torch.save({"model": model}, tmp_path / "many.pt")
    course = Recorder(1, stop_after=1)
    with pytest.raises(RunInterruptedError):
        train(task(weights=tmp_path / "many.pt", **changes), course)
    assert course.rates == pytest.approx([rate])


def test_norms_that_were_folded_keep_their_statistics(
    task: Callable[..., TrainingTask], tmp_path: Path
) -> None:
    model = random_model("yolov8n")
    for offset, name in ((0.0, "untrained"), (0.1, "folded")):
        for norm in (layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)):
            norm.reset_running_stats()
            nn.init.constant_(norm.bias, offset)
        weights = tmp_path / f"{name}.pt"
        torch.save({"model": model}, weights)
        course = Recorder(1)
        train(task(weights=weights, epochs=1), course)
        means = [value for key, value in course.states[-1]["model"].items() if "running_mean" in key]
        assert means
        assert any(bool(mean.any()) for mean in means) is (name == "untrained")


def test_an_alteration_may_ask_for_what_the_weights_knew(task: Callable[..., TrainingTask]) -> None:
    courses = Recorder(1), Recorder(1)
    for course, alteration in zip(courses, (Greying(), Greying(distillation=1.0)), strict=True):
        train(replace(task(epochs=1), alteration=alteration), course)
    (_, plain, _), (_, distilled, _) = (course.batches[0] for course in courses)
    assert {name: distilled[name] for name in plain} == plain  # the labels' losses are as they were
    assert set(distilled) - set(plain) == {"distillation"}
    assert distilled["distillation"] > 0
    weights = [course.states[-1]["model"] for course in courses]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_loss_that_is_no_number_stops_before_the_step(task: Callable[..., TrainingTask]) -> None:
    course = Recorder(1)
    course.rate_factor = lambda epoch: 1e30  # type: ignore[method-assign]
    with pytest.raises(NonFiniteLossError, match=r"expected a finite loss, got (nan|inf) in epoch 1"):
        train(task(), course)
    assert len(course.batches) == 1


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("yolov8n-seg.yaml", "expected a plain detection model to train, got one with the head Segment"),
        (
            "grey",
            "expected a detector for colour images to train, got one for grey images; use other weights",
        ),
    ],
)
def test_what_it_cannot_train_is_refused(
    task: Callable[..., TrainingTask], tmp_path: Path, layout: str, message: str
) -> None:
    from engine.detectors.ultralytics_quiet import DetectionModel, SegmentationModel
    from tests.engine.tiny import LAYOUT

    model = (
        DetectionModel(LAYOUT, ch=1, nc=2, verbose=False)
        if layout == "grey"
        else SegmentationModel(layout, nc=2, verbose=False)
    )
    path = tmp_path / "other.pt"
    torch.save({"model": model}, path)
    with pytest.raises(DetectorError, match=message):
        train(task(weights=path), Recorder())
