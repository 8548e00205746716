# SPDX-License-Identifier: AGPL-3.0-only
"""The loss of a run as a weighted sum of terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.detectors.base import Targets
from engine.detectors.ensemble import Attacked, Member, members_of
from engine.errors import SettingsError
from engine.patch.losses.terms import NEEDS, LossInput, at_least_fp32
from engine.registries import LOSSES


class PatchLoss:
    """A weighted sum of terms; computes only the detector outputs that they need, and each only once.

    Args:
        weights: term name (`engine.registries.LOSSES`) → weight.
        class_id: the class under attack.
        objects_per_image: the run's mean, which scales sums over objects to the range of a score.
        top_k: number of candidates per object.
        ensemble: `mean` of the losses of several detectors, or the largest (`max`).

    Attributes:
        names: of the terms, in their order.
        adds_up: whether a batch's loss is the mean of its parts' losses, weighted by images.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        *,
        class_id: int,
        objects_per_image: float,
        top_k: int,
        ensemble: str = "mean",
    ) -> None:
        terms = [term for term in LOSSES.things() if term.name in weights]
        # A fixed order, independent of the order of `weights`, makes sums and gradients bit-reproducible.
        self._terms = sorted(terms, key=lambda term: NEEDS.index(term.needs))
        self.names = tuple(term.name for term in self._terms)
        self._needs = {term.needs for term in self._terms}
        self._weights = dict(weights)
        self._class_id = class_id
        self._objects_per_image = max(objects_per_image, 1e-6)
        self._top_k = top_k
        self._ensemble = ensemble
        # The largest loss of a batch may be that of another detector than in a part of it.
        self.adds_up = ensemble == "mean" and all(term.adds_up for term in self._terms)

    def __call__(
        self,
        attacked: Attacked,
        images_nchw: Tensor,
        targets: Targets,
        patch_chw: Tensor,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss (a scalar to minimise) and each unweighted term.

        Args:
            attacked: the frozen detector, or several.
            images_nchw: float (n, 3, h, w), the batch with the patch drawn.
            targets: the batch's objects of the class under attack.
            patch_chw: float (3, h, w), the patch itself.
            generator: of the detector's own losses, if these sample.
        """
        members = members_of(attacked, self._class_id)
        found = [self._of_member(each, images_nchw, targets, patch_chw, generator) for each in members]
        return found[0] if len(found) == 1 else self._joined(found)

    def _of_member(
        self,
        member: Member,
        images_nchw: Tensor,
        targets: Targets,
        patch_chw: Tensor,
        generator: torch.Generator | None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and terms of one detector."""
        detector, class_id = member.detector, member.class_id
        if class_id != self._class_id:
            targets = targets.as_class(class_id)
        boxes = "boxes" in self._needs
        found = boxes or "scores" in self._needs
        native = "native losses" in self._needs
        given = LossInput(
            candidates=detector.candidates(images_nchw, class_id, boxes=boxes) if found else None,
            native=detector.losses(images_nchw, targets, generator) if native else {},
            targets=targets,
            patch_chw=patch_chw,
            objects_per_image=self._objects_per_image,
            top_k=self._top_k,
        )
        terms = {term.name: term.value(given) for term in self._terms}
        loss = torch.stack([self._weights[name] * at_least_fp32(term) for name, term in terms.items()]).sum()
        return loss, terms

    def _joined(self, found: Sequence[tuple[Tensor, dict[str, Tensor]]]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and terms of several detectors: the mean, or those of the one with the largest loss."""
        losses = torch.stack([loss for loss, _ in found])
        if self._ensemble == "max":
            shares = F.one_hot(losses.argmax(), len(found)).to(losses)
        else:
            shares = torch.full_like(losses, 1 / len(found))
        names = found[0][1]
        terms = {name: (torch.stack([terms[name] for _, terms in found]) * shares).sum() for name in names}
        return (losses * shares).sum(), terms


def lacking_losses(detector: Attacked, names: Iterable[str]) -> list[str]:
    """The terms among these that are training losses which the detector does not have."""
    native = [name for name in names if LOSSES[name].needs == "native losses"]
    return [name for name in native if name not in detector.loss_names]


def require_losses(detector: Attacked, names: Iterable[str]) -> None:
    """Raise `SettingsError` if the detector lacks the training loss of one of these terms."""
    lacking = lacking_losses(detector, names)
    if lacking:
        common = [term.name for term in LOSSES.things() if term.needs != "native losses"]
        raise SettingsError(
            f"losses: expected some of {', '.join((*common, *detector.loss_names))} for {detector.name}, "
            f"got {', '.join(lacking)}; leave out those that it lacks"
        )
