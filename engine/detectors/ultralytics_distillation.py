# SPDX-License-Identifier: AGPL-3.0-only
"""Distillation: while it trains, a model also learns the answers that its initial weights gave."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

CLASS_GAIN = 0.5  # of Ultralytics' class loss, so that a weight of 1 means as much as the labels
ANSWERS = "initial_answers"  # of a batch: branch → class probabilities (n, classes, candidates)


class Distillation:
    """The frozen initial weights, and a loss that compares the model in training with them.

    The initial weights see each image as it is, the model in training sees it altered, and has to answer the
    same: after Hinton, Vinyals and Dean 2015 (section 2), with adversarial images as Goldblum et al. 2020
    (Adversarially Robust Distillation, section 4). Few labelled images teach little; the probabilities of
    all candidates keep what the weights knew before.

    Args:
        model: a detection model before its training; copied.
        weight: of this loss; 1 weighs as much as the class loss of the labels.
        known: the names of the classes that the initial weights tell apart; others are left to the labels.
    """

    def __init__(self, model: Any, weight: float, known: Sequence[str]) -> None:
        self._weight = weight
        self._model = copy.deepcopy(model).requires_grad_(False).eval()
        self._model.model[-1].training = True  # its raw answers, from a head in training alone
        names = [model.names[index] for index in range(len(model.names))]
        self._classes = [index for index, name in enumerate(names) if name in known]

    def answers(self, images_nchw: Tensor) -> dict[str, Tensor]:
        """The class probabilities of the initial weights, a branch of the head each."""
        self._model.to(images_nchw.device)
        with torch.no_grad():
            found = _branches(self._model(images_nchw))
        return {name: scores[:, self._classes].sigmoid() for name, scores in found.items()}

    def criterion(self, model: Any) -> Any:
        """The loss of the model in training, Ultralytics' own, with this one added once."""
        inner = getattr(model, "criterion", None) or model.init_criterion()
        return inner if isinstance(inner, _Criterion) else _Criterion(inner, self)

    def loss(self, answers: Any, initial: Mapping[str, Tensor]) -> Tensor:
        """How far a batch's raw answers lie from the initial ones, summed over its images: a scalar."""
        total = torch.zeros(())
        for name, scores in _branches(answers).items():
            wanted, given = initial[name], scores[:, self._classes].float()
            apart = F.binary_cross_entropy_with_logits(given, wanted.float(), reduction="sum")
            total = total.to(given.device) + apart / wanted.sum().clamp(min=1) * len(given)
        return self._weight * CLASS_GAIN * total


class _Criterion:
    """Ultralytics' loss, with the distillation's added to its class loss."""

    def __init__(self, inner: Any, distillation: Distillation) -> None:
        self._inner, self._distillation = inner, distillation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __call__(self, answers: Any, batch: Mapping[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        loss, items = self._inner(answers, batch)
        apart = self._distillation.loss(answers, batch[ANSWERS])
        return loss.sum() + apart, items | {"distillation_loss": apart.detach() / len(batch["img"])}


def _branches(answers: Any) -> dict[str, Tensor]:
    """Class logits (n, classes, candidates) of each branch of a head's raw answers."""
    if "scores" in answers:
        return {"": answers["scores"]}
    return {name: part["scores"] for name, part in answers.items()}
