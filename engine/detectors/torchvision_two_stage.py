# SPDX-License-Identifier: AGPL-3.0-only
"""Candidates, losses and detections of torchvision's two-stage detectors (Faster and Mask R-CNN)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection.roi_heads import fastrcnn_loss
from torchvision.models.detection.rpn import concat_box_prediction_layers

from engine.detectors import log_odds
from engine.detectors.base import Candidates
from engine.detectors.torchvision_input import ModelInput, centres, full_precision, with_thresholds
from engine.detectors.torchvision_rows import rows_of
from engine.detectors.torchvision_sampling import SeededSampler

FURTHER_TASKS = tuple(
    f"{task}_{part}" for task in ("mask", "keypoint") for part in ("roi_pool", "head", "predictor")
)


@dataclass(frozen=True, kw_only=True)
class _FirstStage:
    """What the region proposal network says of a batch, in the model's pixels.

    Attributes:
        anchors_xyxy: float (a, 4), which all images share.
        objectness: float (n, a), logits, differentiable.
        deltas: float (n, a, 4), differentiable.
        proposals_xyxy: float (k_i, 4) for each image: what the second stage looks at, without a gradient.
    """

    anchors_xyxy: Tensor
    objectness: Tensor
    deltas: Tensor
    proposals_xyxy: list[Tensor]


class TwoStage:
    """How a Faster R-CNN answers.

    What a Mask or Keypoint R-CNN has besides is taken from the model, as it finds no boxes. As in
    torchvision, no gradient flows through the coordinates of proposals.
    """

    loss_names: tuple[str, ...] = ("total", "classifier", "box", "objectness", "rpn")

    def __init__(self, model: Any) -> None:
        self.model = model
        for part in FURTHER_TASKS:
            setattr(model.roi_heads, part, None)
        self.labels: int = model.roi_heads.box_predictor.cls_score.out_features

    def candidates(self, inputs: ModelInput, label: int, *, boxes: bool) -> Candidates:
        """The proposals that the first stage keeps, with the score of a label, and all its anchors.

        Args:
            inputs: the images.
            label: torchvision's number of the class, above 0.
            boxes: whether to compute the second stage's boxes; anchors have none, as no class finds them.
        """
        features = inputs.features(self.model.backbone)
        first = self._first_stage(self.model.rpn, inputs, features)
        counts = [len(each) for each in first.proposals_xyxy]
        logits, deltas = rows_of(
            lambda levels, proposals: self._second_stage(
                inputs, dict(zip(features, levels, strict=True)), proposals
            ),
            list(features.values()),
            first.proposals_xyxy,
        )
        corners: Sequence[Tensor] = ()
        if boxes:
            decoded = self.model.roi_heads.box_coder.decode(deltas, first.proposals_xyxy)
            corners = inputs.to_image(decoded.reshape(len(deltas), self.labels, 4)[:, label]).split(counts)
        found = Candidates.padded(
            log_odds.of_softmax(logits, label).split(counts),
            [inputs.to_image(centres(each)) for each in first.proposals_xyxy],
            corners,
        )
        points = inputs.to_image(centres(first.anchors_xyxy))[None]
        return replace(found, proposals=Candidates(logits=first.objectness, points_xy_px=points))

    def losses(
        self,
        inputs: ModelInput,
        targets: list[dict[str, Tensor]],
        generator: torch.Generator | None,
    ) -> dict[str, Tensor]:
        """torchvision's four losses and their sum: those of the RPN first, as it draws first."""
        generator = generator or torch.Generator().manual_seed(0)
        rpn, heads = (_training(part, generator) for part in (self.model.rpn, self.model.roi_heads))
        features = inputs.features(self.model.backbone)
        first = self._first_stage(rpn, inputs, features)
        anchors = [first.anchors_xyxy] * len(targets)
        labels, matched = rpn.assign_targets_to_anchors(anchors, targets)
        objectness, rpn_box = rpn.compute_loss(
            first.objectness, first.deltas.flatten(0, 1), labels, rpn.box_coder.encode(matched, anchors)
        )
        proposals, _, labels, wanted = heads.select_training_samples(first.proposals_xyxy, targets)
        logits, deltas = self._second_stage(inputs, features, proposals)
        # Without a single proposal or object the mean over samples would be that of nothing, NaN.
        classifier, box = fastrcnn_loss(logits, deltas, labels, wanted) if len(logits) else [logits.sum()] * 2
        return {
            "total": classifier + box + objectness + rpn_box,
            "classifier": classifier,
            "box": box,
            "objectness": objectness,
            "rpn": rpn_box,
        }

    def detect(self, inputs: ModelInput, **thresholds: Any) -> list[dict[str, Tensor]]:
        """torchvision's detections; for `thresholds` see `with_thresholds`."""
        features = inputs.features(self.model.backbone)
        proposals = self._first_stage(self.model.rpn, inputs, features).proposals_xyxy
        logits, deltas = self._second_stage(inputs, features, proposals)
        heads = with_thresholds(self.model.roi_heads, **thresholds)
        found = heads.postprocess_detections(logits, deltas, proposals, inputs.sizes)
        return [
            dict(zip(("boxes", "scores", "labels"), each, strict=True)) for each in zip(*found, strict=True)
        ]

    def _first_stage(self, rpn: Any, inputs: ModelInput, features: Mapping[str, Tensor]) -> _FirstStage:
        """`RegionProposalNetwork.forward` without losses, and with boxes at full precision."""
        levels = list(features.values())
        raw = [[full_precision(level) for level in each] for each in rpn.head(levels)]
        counts = [level[0].numel() for level in raw[0]]
        anchors = inputs.anchors(rpn.anchor_generator, levels)
        images = len(inputs.tensors)
        objectness, deltas = concat_box_prediction_layers(*raw)
        boxes = rpn.box_coder.decode(deltas.detach(), [anchors] * images).view(images, -1, 4)
        proposals, _ = rpn.filter_proposals(boxes, objectness, inputs.sizes, counts)
        return _FirstStage(
            anchors_xyxy=anchors,
            objectness=objectness.view(images, -1),
            deltas=deltas.view(images, -1, 4),
            proposals_xyxy=proposals,
        )

    def _second_stage(
        self, inputs: ModelInput, features: Mapping[str, Tensor], proposals_xyxy: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Logits (k, labels) and deltas (k, labels × 4) of the proposals of all images."""
        heads = self.model.roi_heads
        pooled = heads.box_roi_pool(features, proposals_xyxy, inputs.padded_sizes)
        logits, deltas = heads.box_predictor(heads.box_head(pooled))
        return full_precision(logits), full_precision(deltas)


def _training(part: Any, generator: torch.Generator) -> Any:
    """The RPN or the heads as they choose in training, with the layers of the part, which stays as it is.

    A part's `training` says how many proposals it keeps and what it samples; its layers have their own flags.
    """
    own = copy.copy(part)
    own.training = True
    drawn = part.fg_bg_sampler
    own.fg_bg_sampler = SeededSampler(drawn.batch_size_per_image, drawn.positive_fraction, generator)
    return own
