# SPDX-License-Identifier: AGPL-3.0-only
"""The loop for torchvision's detectors, on a Faster R-CNN of two convolutions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator

from engine.config import TrainingConfig
from engine.datasets.loader import ImageLoader
from engine.datasets.sources import read_dataset
from engine.detectors import torchvision_small
from engine.detectors.torchvision import load
from engine.detectors.torchvision_models import new_model
from engine.detectors.torchvision_training import TrainableModel, _inputs, train, train_model
from engine.detectors.training import TrainingTask
from engine.errors import MemoryExhaustedError, NonFiniteLossError, RunInterruptedError
from tests.engine.detectors.test_ultralytics_training import Greying, Recorder
from tests.engine.tiny import CLASSES, IMAGE_SIZE
from tests.fakes import FakeDetector


class Backbone(nn.Module):
    out_channels = 8

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=4, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2),
        )

    def forward(self, images_nchw: Tensor) -> dict[str, Tensor]:
        return OrderedDict([("0", self.layers(images_nchw))])


class Predictor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scores, self.sides = nn.Linear(16, len(CLASSES) + 1), nn.Linear(16, 4 * (len(CLASSES) + 1))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.scores(features), self.sides(features)


@pytest.fixture
def trainable() -> TrainableModel:
    torch.manual_seed(0)
    made = FasterRCNN(
        Backbone(),
        rpn_anchor_generator=AnchorGenerator(((16, 32),), ((1.0,),)),
        box_head=nn.Sequential(nn.Flatten(), nn.Linear(8 * 7 * 7, 16), nn.ReLU()),
        box_predictor=Predictor(),
        min_size=IMAGE_SIZE,
        max_size=IMAGE_SIZE,
    )
    return TrainableModel(
        model=made,
        backbone=made.backbone,
        detector=lambda _: FakeDetector(),
        weights=lambda each: {"model": each.state_dict()},
    )


@pytest.fixture
def task(blocks: Path) -> Callable[..., TrainingTask]:
    def make(state: Any = None, precision: str = "fp32", **changes: Any) -> TrainingTask:
        small: dict[str, Any] = {"image_size": IMAGE_SIZE, "batch_size": 4, "device": "cpu"}
        return TrainingTask(
            weights=Path("none.pth"),
            trust=False,
            records=read_dataset(blocks).images,
            class_names=CLASSES,
            config=TrainingConfig(dataset="blocks", weights="none.pth", **small | changes),
            device=torch.device("cpu"),
            precision=precision,
            state=state,
        )

    return make


@pytest.mark.parametrize(("optimizer", "precision"), [("adamw", "fp32"), ("sgd", "bf16")])
def test_it_learns(
    trainable: TrainableModel, task: Callable[..., TrainingTask], optimizer: str, precision: str
) -> None:
    course = Recorder(12)
    train_model(trainable, task(optimizer=optimizer, learning_rate=0.005, precision=precision), course)
    assert set(course.batches[0][1]) == {"classifier", "box", "objectness", "rpn"}
    assert [(epoch, images) for epoch, _, images in course.batches[:2]] == [(4 / 6, 4), (1.0, 2)]
    assert course.rates[:2] == pytest.approx([0.005, 0.005 * (1 - 4 / 6 / 12)])
    sums = [sum(losses.values()) for _, losses, _ in course.batches]
    assert sum(sums[-4:]) < sum(sums[:4])


@pytest.mark.parametrize("strategy", ["head", "whole", "scratch"])
def test_strategies_differ_in_what_they_change(
    trainable: TrainableModel, task: Callable[..., TrainingTask], strategy: str
) -> None:
    before = {name: value.clone() for name, value in trainable.model.state_dict().items()}
    train_model(trainable, task(strategy=strategy), Recorder(1))
    changed = {
        name for name, value in trainable.model.state_dict().items() if not torch.equal(value, before[name])
    }
    statistics = {name for name in changed if "running" in name}
    assert any(name.startswith("roi_heads") for name in changed)
    assert any(name.startswith("backbone") for name in changed - statistics) is (strategy != "head")
    assert bool(statistics) is (strategy == "scratch")


def test_an_alteration_sees_each_batch(trainable: TrainableModel, task: Callable[..., TrainingTask]) -> None:
    before = {name: value.clone() for name, value in trainable.model.state_dict().items()}
    greying, seen = Greying(), list[Tensor]()
    trainable.model.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs[0]))
    train_model(trainable, replace(task(strategy="scratch"), alteration=greying), Recorder(1))
    assert [(batch.epoch, batch.number, len(batch.images_nchw)) for batch in greying.batches] == [
        (0, 0, 4),
        (0, 1, 2),
    ]
    assert {tuple(image.unique().tolist()) for image in seen} == {(0.5,)}
    targets = greying.batches[0].targets
    assert targets.images == 4
    assert set(targets.class_ids.tolist()) <= {0, 1}
    assert targets.image_index.tolist() == sorted(targets.image_index.tolist())
    after = trainable.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if "running" in name)


def test_a_training_that_was_stopped_ends_in_the_same_bits(
    trainable: TrainableModel, task: Callable[..., TrainingTask]
) -> None:
    start = {name: value.clone() for name, value in trainable.model.state_dict().items()}
    whole, first, second = Recorder(2), Recorder(2, stop_after=3), Recorder(2, epoch=1)
    train_model(trainable, task(), whole)
    trainable.model.load_state_dict(start)
    with pytest.raises(RunInterruptedError):
        train_model(trainable, task(), first)
    train_model(trainable, task(first.states[-1]), second)
    assert second.batches == whole.batches[2:]
    assert all(
        torch.equal(value, second.states[-1]["model"][name])
        for name, value in whole.states[-1]["model"].items()
    )


def test_time_ends_an_epoch(trainable: TrainableModel, task: Callable[..., TrainingTask]) -> None:
    course = Recorder(1)
    noted = course.batch_done
    course.batch_done = lambda *arguments, **named: noted(*arguments, **named) and False  # type: ignore[method-assign]
    train_model(trainable, task(), course)
    assert len(course.batches) == 1
    assert course.epoch == 1


def test_mirrored_boxes_lie_on_mirrored_objects(task: Callable[..., TrainingTask]) -> None:
    records = [replace(record, class_ids=record.class_ids * 0) for record in task().records]
    loader = ImageLoader(records, image_size=IMAGE_SIZE, device=torch.device("cpu"))
    (batch,) = loader.batches([range(len(records))])
    torch.manual_seed(1)
    images, targets = _inputs(batch)
    for index, (image, target) in enumerate(zip(images, targets, strict=True)):
        original = batch.images_nchw[index].float() / 255
        mirrored = not torch.equal(image, original)
        boxes = batch.targets.boxes_xyxy_px[batch.targets.image_index == index]
        places = boxes[:, [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1]) + torch.tensor([64, 0, 64, 0])
        assert torch.allclose(target["boxes"], places if mirrored else boxes)
        assert set(target["labels"].tolist()) <= {1}


def test_a_loss_that_is_no_number_stops_before_the_step(
    trainable: TrainableModel, task: Callable[..., TrainingTask]
) -> None:
    trainable.model.roi_heads.box_predictor.scores.bias.data.fill_(torch.nan)
    course = Recorder(1)
    with pytest.raises(NonFiniteLossError, match="expected a finite loss, got nan in epoch 1"):
        train_model(trainable, task(), course)
    assert not course.batches


def test_a_full_memory_says_what_to_lower(
    trainable: TrainableModel, task: Callable[..., TrainingTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(trainable.model, "forward", full)
    with pytest.raises(
        MemoryExhaustedError, match="expected batches of 4 images of 64 pixels to fit into the"
    ):
        train_model(trainable, task(), Recorder(1))


SSDLITE = "ssdlite320_mobilenet_v3_large"


@pytest.fixture(scope="module")
def ssdlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict that knows dogs and people."""
    torch.manual_seed(7)
    path = tmp_path_factory.mktemp("weights") / "net.pt"
    content = {
        "model": new_model(SSDLITE, 3).state_dict(),
        "architecture": SSDLITE,
        "classes": ["dog", "person"],
    }
    torch.save(content, path)
    return path


@pytest.mark.parametrize("strategy", ["head", "scratch"])
def test_a_state_dict_becomes_one_of_the_tasks_classes(
    ssdlite: Path, task: Callable[..., TrainingTask], tmp_path: Path, strategy: str
) -> None:
    course = Recorder(1)
    rate = 1e-9  # so that the weights stay nearly those that the training began with
    train(replace(task(strategy=strategy, learning_rate=rate), weights=ssdlite), course)
    torch.save(course.weights[0], tmp_path / "trained.pt")
    trained = load(tmp_path / "trained.pt", device=torch.device("cpu"))
    assert (trained.class_names, trained.family) == (CLASSES, SSDLITE)
    before, after = torch.load(ssdlite, weights_only=True)["model"], course.weights[0]["model"]
    assert all(value.dtype != torch.float32 for value in after.values())
    backbone = "backbone.features.0.0.0.weight"
    assert torch.equal(after[backbone], before[backbone].half()) is (strategy == "head")
    layer = "head.classification_head.module_list.0.1.weight"
    rows, former = after[layer].view(-1, 3, after[layer][0].numel()), before[layer].half().view(6, 3, -1)
    kept = [torch.allclose(rows[:, ours], former[:, theirs], atol=1e-4) for ours, theirs in [(0, 0), (1, 2)]]
    assert kept == [strategy == "head"] * 2
    assert not torch.allclose(rows[:, 2], former[:, 1], atol=1e-4)  # a car is no dog


def test_a_layout_is_trained_without_a_file(
    task: Callable[..., TrainingTask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision_small, "SIDE_PX", IMAGE_SIZE)
    course = Recorder(1)
    given = replace(task(strategy="scratch"), weights=Path("torchvision/fasterrcnn_small"))
    train(replace(given, architecture="fasterrcnn_small"), course)
    torch.save(course.weights[0], tmp_path / "trained.pt")
    trained = load(tmp_path / "trained.pt", device=torch.device("cpu"))
    assert (trained.class_names, trained.family) == (CLASSES, "fasterrcnn_small")
