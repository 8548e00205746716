# SPDX-License-Identifier: AGPL-3.0-only
"""What the initial weights answered, as a loss of the model in training."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.detectors.ultralytics_distillation import ANSWERS, Distillation
from tests.engine.detectors.families import random_model

IMAGES = torch.rand((2, 3, 64, 64), generator=torch.Generator().manual_seed(0))


def named(name: str) -> Any:
    model = random_model(name)
    model.names = {index: f"class {index}" for index in range(len(model.names))}
    return model.train()


def logits(answers: Any) -> list[torch.Tensor]:
    parts = [answers] if "scores" in answers else list(answers.values())
    return [part["scores"] for part in parts]


@pytest.mark.parametrize("name", ["yolov8", "yolo26"])
def test_nothing_is_to_be_learned_where_the_answers_are_the_same(name: str) -> None:
    model = named(name)
    distillation = Distillation(model, 1.0, list(model.names.values()))
    model.eval().model[-1].training = True
    answers = model(IMAGES)
    for part in logits(answers):
        part.retain_grad()
    distillation.loss(answers, distillation.answers(IMAGES)).backward()
    assert all(float(part.grad.abs().max()) < 1e-6 for part in logits(answers))
    other = model(torch.zeros_like(IMAGES))
    assert distillation.loss(other, distillation.answers(IMAGES)) > distillation.loss(
        answers, distillation.answers(IMAGES)
    )


def test_it_counts_by_its_weight_and_leaves_new_classes_to_the_labels() -> None:
    model = named("yolov8")
    once, twice = (Distillation(model, weight, ["class 0"]) for weight in (1.0, 2.0))
    initial = once.answers(IMAGES)
    assert [each.shape[1] for each in initial.values()] == [1]
    answers = model(IMAGES)
    apart = [float(each.loss(answers, initial).detach()) for each in (once, twice)]
    assert apart[1] == pytest.approx(2 * apart[0])
    logits(answers)[0].retain_grad()
    once.loss(answers, initial).backward()
    gradient = logits(answers)[0].grad
    assert float(gradient[:, 0].abs().sum()) > 0
    assert float(gradient[:, 1:].abs().sum()) == 0


def test_the_loss_of_the_labels_keeps_its_parts_and_is_wrapped_once() -> None:
    model = named("yolov8")
    distillation = Distillation(model, 1.0, list(model.names.values()))
    initial = distillation.answers(IMAGES)

    def inner(answers: Any, batch: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return torch.tensor([1.0, 2.0]), {"box_loss": torch.tensor(3.0)}

    inner.updates = 7  # type: ignore[attr-defined]
    model.criterion = inner
    criterion = distillation.criterion(model)
    model.criterion = criterion
    assert distillation.criterion(model) is criterion
    assert criterion.updates == 7
    loss, parts = criterion(model(IMAGES), {"img": IMAGES, ANSWERS: initial})
    assert parts["box_loss"] == 3
    assert float(loss.detach()) == pytest.approx(3 + 2 * float(parts["distillation_loss"]))
