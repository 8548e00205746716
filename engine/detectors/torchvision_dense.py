# SPDX-License-Identifier: AGPL-3.0-only
"""Candidates, losses and detections of torchvision's one-stage detectors (RetinaNet, FCOS, SSD)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import box_iou

from engine.detectors import log_odds
from engine.detectors.base import Candidates
from engine.detectors.torchvision_input import ModelInput, centres, full_precision, with_thresholds

THEIR_NAMES = {"cls": "classification", "box": "bbox_regression", "centerness": "bbox_ctrness"}  # of losses


class _Raw(NamedTuple):
    """The head's outputs by name, the anchors for each image, and the number of anchors in each level."""

    outputs: dict[str, Tensor]
    anchors: list[Tensor]
    levels: list[int]


class Dense(ABC):
    """How a detector answers that scores the same anchors in every image."""

    loss_names: tuple[str, ...] = ("total", "cls", "box")

    def __init__(self, model: Any) -> None:
        self.model = model

    @property
    @abstractmethod
    def labels(self) -> int:
        """The number of scores at each anchor, with the background's."""

    @abstractmethod
    def _outputs(
        self, features: Sequence[Tensor], label: int, *, boxes: bool
    ) -> tuple[Tensor, Tensor | None]:
        """The logit of a label at each anchor (n, a), and the codes of boxes (n, a, 4) if asked for."""

    @abstractmethod
    def _own_losses(self, targets: list[dict[str, Tensor]], raw: _Raw) -> dict[str, Tensor]:
        """The model's losses by torchvision's names."""

    @abstractmethod
    def _chosen(self, model: Any, raw: _Raw, inputs: ModelInput) -> list[dict[str, Tensor]]:
        """The model's choice of detections from its outputs."""

    def candidates(self, inputs: ModelInput, label: int, *, boxes: bool) -> Candidates:
        """The anchors of all levels, with the score of a label at each.

        Args:
            inputs: the images.
            label: torchvision's number of the class, above 0.
            boxes: whether to compute boxes.
        """
        features = list(inputs.features(self.model.backbone).values())
        anchors = inputs.anchors(self.model.anchor_generator, features)
        logits, codes = self._outputs(features, label, boxes=boxes)
        return Candidates(
            logits=logits,
            points_xy_px=inputs.to_image(centres(anchors))[None],
            boxes_xyxy_px=None if codes is None else inputs.to_image(self._decoded(codes, anchors)),
        )

    def losses(
        self, inputs: ModelInput, targets: list[dict[str, Tensor]], generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """torchvision's losses and their sum; they leave nothing to chance."""
        found = self._own_losses(targets, self._raw(inputs))
        terms = {name: found[THEIR_NAMES[name]] for name in self.loss_names if name != "total"}
        return {"total": torch.stack(list(terms.values())).sum(), **terms}

    def detect(self, inputs: ModelInput, **thresholds: Any) -> list[dict[str, Tensor]]:
        """torchvision's detections; for `thresholds` see `with_thresholds`."""
        return self._chosen(with_thresholds(self.model, **thresholds), self._raw(inputs), inputs)

    def _decoded(self, codes: Tensor, anchors_xyxy: Tensor) -> Tensor:
        """Boxes (n, a, 4) in the model's pixels from codes relative to the size of anchors (a, 4)."""
        flat = anchors_xyxy.repeat(len(codes), 1)
        return self.model.box_coder.decode_single(codes.flatten(0, 1), flat).view_as(codes)

    def _raw(self, inputs: ModelInput) -> _Raw:
        features = list(inputs.features(self.model.backbone).values())
        outputs = {name: full_precision(values) for name, values in self.model.head(features).items()}
        anchors = inputs.anchors(self.model.anchor_generator, features)
        places = [level.shape[2] * level.shape[3] for level in features]
        levels = [count * len(anchors) // sum(places) for count in places]
        return _Raw(outputs, [anchors] * len(inputs.tensors), levels)


class RetinaNetAnswers(Dense):
    """How a RetinaNet answers: by a sigmoid for each label, computed in channels of its own."""

    @property
    def labels(self) -> int:
        """The number of scores at each anchor, with the background's, which is not used."""
        return self.model.head.classification_head.num_classes

    def _outputs(
        self, features: Sequence[Tensor], label: int, *, boxes: bool
    ) -> tuple[Tensor, Tensor | None]:
        head = self.model.head
        codes = full_precision(head.regression_head(features)) if boxes else None
        return self._class_logits(features, label), codes

    def _class_logits(self, features: Sequence[Tensor], label: int) -> Tensor:
        head = self.model.head.classification_head
        mine = slice(label, None, self.labels)  # channels are ordered by anchor, then by label
        levels = [_convolved(head.cls_logits, head.conv(level), mine) for level in features]
        return full_precision(torch.cat(levels, dim=1))

    def _own_losses(self, targets: list[dict[str, Tensor]], raw: _Raw) -> dict[str, Tensor]:
        return self.model.compute_loss(targets, raw.outputs, raw.anchors)

    def _chosen(self, model: Any, raw: _Raw, inputs: ModelInput) -> list[dict[str, Tensor]]:
        by_level = {name: list(values.split(raw.levels, dim=1)) for name, values in raw.outputs.items()}
        anchors = [list(each.split(raw.levels)) for each in raw.anchors]
        return model.postprocess_detections(by_level, anchors, inputs.sizes)


class FcosAnswers(RetinaNetAnswers):
    """How an FCOS answers: its score is the geometric mean of the class's and the centre's."""

    loss_names = ("total", "cls", "box", "centerness")

    def _outputs(
        self, features: Sequence[Tensor], label: int, *, boxes: bool
    ) -> tuple[Tensor, Tensor | None]:
        head, codes = self.model.head.regression_head, None
        if boxes:
            codes, centre = (full_precision(each) for each in head(features))
            centre = centre[..., 0]
        else:
            levels = [_convolved(head.bbox_ctrness, head.conv(level)) for level in features]
            centre = full_precision(torch.cat(levels, dim=1))
        return log_odds.of_geometric_mean(self._class_logits(features, label), centre), codes

    def _decoded(self, codes: Tensor, anchors_xyxy: Tensor) -> Tensor:
        return self.model.box_coder.decode(codes, anchors_xyxy[None])

    def _own_losses(self, targets: list[dict[str, Tensor]], raw: _Raw) -> dict[str, Tensor]:
        return self.model.compute_loss(targets, raw.outputs, raw.anchors, raw.levels)


class SsdAnswers(Dense):
    """How an SSD answers: by a softmax over the labels, so that none can be computed alone."""

    @property
    def labels(self) -> int:
        """The number of scores at each anchor, with the background's."""
        return self.model.head.classification_head.num_columns

    def _outputs(
        self, features: Sequence[Tensor], label: int, *, boxes: bool
    ) -> tuple[Tensor, Tensor | None]:
        head = self.model.head
        logits = full_precision(head.classification_head(features))
        codes = full_precision(head.regression_head(features)) if boxes else None
        return log_odds.of_softmax(logits, label), codes

    def _own_losses(self, targets: list[dict[str, Tensor]], raw: _Raw) -> dict[str, Tensor]:
        """Also the matching, which `SSD.forward` does itself."""
        matched = [
            self.model.proposal_matcher(box_iou(each["boxes"], places))
            if len(each["boxes"])
            else torch.full((len(places),), -1, device=places.device)
            for each, places in zip(targets, raw.anchors, strict=True)
        ]
        return self.model.compute_loss(targets, raw.outputs, raw.anchors, matched)

    def _chosen(self, model: Any, raw: _Raw, inputs: ModelInput) -> list[dict[str, Tensor]]:
        return model.postprocess_detections(raw.outputs, raw.anchors, inputs.sizes)


def _convolved(layer: nn.Conv2d, x: Tensor, channels: slice = slice(None)) -> Tensor:
    """Some channels of a convolution at each place, one an anchor: (n, h × w × anchors) in anchors' order."""
    bias = None if layer.bias is None else layer.bias[channels]
    found = F.conv2d(x, layer.weight[channels], bias, padding=layer.padding)
    return found.permute(0, 2, 3, 1).flatten(1)
