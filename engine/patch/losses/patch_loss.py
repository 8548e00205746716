# SPDX-License-Identifier: AGPL-3.0-only
"""The weighted sum of the terms that a run asks for."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from engine.detectors.base import ClassScores, Detector, Targets
from engine.patch.losses.terms import NEEDS, LossInput, at_least_fp32
from engine.registries import LOSSES


class PatchLoss:
    """The weighted sum of the terms asked for; only what they need of the detector is computed, and once.

    Args:
        weights: term name (`engine.registries.LOSSES`) → weight.
        class_id: the class under attack.
        objects_per_image: the run's mean, which brings sums over objects to the scale of a score.
        top_k: how many candidates of an object a term looks at.

    Attributes:
        adds_up: the losses of a batch's parts, weighted by their images, add up to the batch's.
    """

    def __init__(
        self, weights: Mapping[str, float], *, class_id: int, objects_per_image: float, top_k: int
    ) -> None:
        asked = [term for term in LOSSES.things() if term.name in weights]
        # Sums and gradients depend on the order in their last bit: it is fixed, whatever order was asked for.
        self._terms = sorted(asked, key=lambda term: NEEDS.index(term.needs))
        self._needs = {term.needs for term in self._terms}
        self._weights = dict(weights)
        self._class_id = class_id
        self._objects_per_image = max(objects_per_image, 1e-6)
        self._top_k = top_k
        self.adds_up = all(term.adds_up for term in self._terms)

    def __call__(
        self, detector: Detector, images_nchw: Tensor, targets: Targets, patch_chw: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss (a scalar to minimise) and each unweighted term.

        Args:
            detector: the frozen detector.
            images_nchw: float (n, 3, h, w), the batch with the patch drawn.
            targets: the batch's objects of the class under attack.
            patch_chw: float (3, h, w), the patch itself.
        """
        candidates: ClassScores | None = None
        if "boxes" in self._needs:
            candidates = detector.predictions(images_nchw, self._class_id)
        elif "scores" in self._needs:
            candidates = detector.class_scores(images_nchw, self._class_id)
        given = LossInput(
            candidates=candidates,
            native=detector.losses(images_nchw, targets) if "native losses" in self._needs else {},
            targets=targets,
            patch_chw=patch_chw,
            objects_per_image=self._objects_per_image,
            top_k=self._top_k,
        )
        terms = {term.name: term.value(given) for term in self._terms}
        loss = torch.stack([self._weights[name] * at_least_fp32(term) for name, term in terms.items()]).sum()
        return loss, terms
