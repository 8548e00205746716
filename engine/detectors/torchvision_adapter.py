# SPDX-License-Identifier: AGPL-3.0-only
"""The adapter from a torchvision detection model to a frozen, differentiable `Detector`."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.ssd import SSD

from engine.detectors.base import Candidates, Detections, Targets, require_targets, require_thresholds
from engine.detectors.frozen import FrozenDetector, require_finite
from engine.detectors.torchvision_dense import FcosAnswers, RetinaNetAnswers, SsdAnswers
from engine.detectors.torchvision_fusing import fuse_batch_norm
from engine.detectors.torchvision_input import ModelInput, prepare
from engine.detectors.torchvision_two_stage import TwoStage
from engine.errors import DetectorError


class Answers(Protocol):
    """How one kind of model answers, in the model's own labels; boxes of `detect` are in its own pixels."""

    loss_names: tuple[str, ...]

    @property
    def labels(self) -> int:
        """The number of labels, with the background's 0."""

    def candidates(self, inputs: ModelInput, label: int, *, boxes: bool) -> Candidates:
        """The candidates for one label."""

    def losses(
        self, inputs: ModelInput, targets: list[dict[str, Tensor]], generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """The losses by name."""

    def detect(self, inputs: ModelInput, **thresholds: Any) -> list[dict[str, Tensor]]:
        """Each image's `boxes`, `scores` and `labels`, best first."""


KINDS: dict[type[nn.Module], type[Any]] = {
    FasterRCNN: TwoStage,
    RetinaNet: RetinaNetAnswers,
    FCOS: FcosAnswers,
    SSD: SsdAnswers,
}


class TorchvisionDetector(FrozenDetector):
    """A torchvision detection model, frozen: see `engine.detectors.base.Detector`.

    Supports Faster R-CNN (of a Mask or Keypoint R-CNN, its boxes), RetinaNet, FCOS, SSD and SSDlite. Class c
    is the model's label c + 1. Images of any size are normalised, resized and padded as by the model itself.
    """

    end_to_end = False
    stride_px = 1

    def __init__(
        self,
        model: nn.Module,
        *,
        name: str,
        architecture: str,
        class_names: Sequence[str],
        device: torch.device,
        fuse: bool = True,
    ) -> None:
        """Freeze the model, fold its batch norm and move it to the device, in place.

        Args:
            model: one of `KINDS`, with weights of any float type.
            name: its name in reports.
            architecture: torchvision's name of it, such as `fasterrcnn_resnet50_fpn`.
            class_names: one for each label above 0.
            device: of the model.
            fuse: fold batch norm into the preceding convolutions.

        Raises:
            DetectorError: the model is of another kind, its weights are not finite, or the number of names is
                not that of its labels.
        """
        kind = _kind(model)
        require_finite(model)
        self.model = model.float().eval()
        self._answers: Answers = kind(self.model)
        self.loss_names = self._answers.loss_names
        self.name, self.family, self.device = name, architecture, device
        self._whole_px: int | None = None  # of images of which windows are given
        self.class_names, classes = tuple(class_names), self._answers.labels - 1
        if len(self.class_names) != classes:
            raise DetectorError(
                f"class names: expected {classes}, one for each label except the background, "
                f"got {len(self.class_names)}; give the names that the model was trained with"
            )
        if fuse:
            fuse_batch_norm(self.model)
        self.model.requires_grad_(False)
        self.model.to(device).to(memory_format=torch.channels_last)

    def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
        """The anchors of a one-stage detector, which all images share; the proposals of a two-stage one.

        Only what the class needs is computed, and boxes only if asked for. The points are the middles of
        anchors or proposals. A two-stage detector's anchors with their objectness are in `proposals`, without
        boxes.

        Args:
            images_nchw: float (n, 3, h, w), 0 to 1, RGB, of any size.
            class_id: index into `class_names`.
            boxes: whether to compute the boxes, which are not cut at the image's edge.

        Raises:
            ValueError: the images have another shape, or there is no such class.
        """
        label = self._checked_class(class_id) + 1
        return self._answers.candidates(self._prepared(images_nchw), label, boxes=boxes)

    def losses(
        self, images_nchw: Tensor, targets: Targets, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """The model's own training losses with its weights frozen, batch norm included, and differentiable.

        Args:
            images_nchw: as in `candidates`.
            targets: boxes in pixels of these images, of all classes that the loss should include.
            generator: draws the anchors and proposals that a two-stage detector's losses look at, on the CPU;
                None for the same ones each time.

        Returns:
            `total`, the sum of the others, scalars as torchvision averages them over a batch. Two-stage:
            `classifier` (cross entropy) and `box` (smooth L1) of the second stage, `objectness` and `rpn`
            (the boxes) of the first. One-stage: `cls`, `box`, and FCOS's `centerness`.
        """
        require_targets(images_nchw, targets)
        inputs = self._prepared(images_nchw)
        return self._answers.losses(inputs, inputs.targets(targets.to(self.device)), generator)

    @torch.no_grad()
    def detect(
        self, images_nchw: Tensor, *, min_score: float = 0.001, iou: float = 0.7, max_detections: int = 300
    ) -> list[Detections]:
        """Final detections as the model itself makes them, with these thresholds instead of its own.

        What it considers before NMS keeps its own limits: the RPN's proposals, or the best 400 (SSD) to 1000
        anchors of a class or level. What RetinaNet or FCOS call background (label 0) is left out afterwards.

        Args:
            images_nchw: as in `candidates`.
            min_score: minimum score (exclusive), 0 to 1; torchvision's `score_thresh`.
            iou: maximum overlap with a better box of the same class, 0 to 1; its `nms_thresh`.
            max_detections: maximum number per image; its `detections_per_img`.

        Returns:
            One `Detections` per image, best first, on the CPU, in pixels of the images.

        Raises:
            ValueError: a threshold is out of range, or the images have another shape.
        """
        require_thresholds(min_score, iou, max_detections)
        inputs = self._prepared(images_nchw)
        found = self._answers.detect(inputs, min_score=min_score, iou=iou, max_detections=max_detections)
        return [_detections(each, inputs) for each in found]

    def for_windows(self, image_px: int) -> Self | None:
        """The same model, resizing every image by the factor by which it would resize a whole one.

        None for SSD, whose input has one size: its anchors are shares of that, and its last layers see all
        of it at once.
        """
        if self.model.transform.fixed_size is not None:
            return None
        own = copy.copy(self)
        own._whole_px = image_px
        return own

    def _prepared(self, images_nchw: Tensor) -> ModelInput:
        """The model's input for images in the form of the public methods."""
        if images_nchw.dim() != 4 or images_nchw.shape[1] != 3 or 0 in images_nchw.shape[2:]:
            raise ValueError(f"images: expected (n, 3, h, w), got {tuple(images_nchw.shape)}")
        return prepare(self.model.transform, images_nchw.to(self.device), whole_px=self._whole_px)


def _kind(model: nn.Module) -> type[Any]:
    """How models of this kind answer."""
    for theirs, ours in KINDS.items():
        if isinstance(model, theirs):
            return ours
    raise DetectorError(
        "expected a torchvision detection model (Faster or Mask R-CNN, RetinaNet, FCOS, SSD), "
        f"got {type(model).__name__}; use detection weights"
    )


def _detections(found: dict[str, Tensor], inputs: ModelInput) -> Detections:
    """One image's detections in our form."""
    kept = found["labels"] > 0
    return Detections(
        boxes_xyxy_px=inputs.to_image(found["boxes"][kept]).float().cpu(),
        scores=found["scores"][kept].float().cpu(),
        class_ids=found["labels"][kept].cpu() - 1,
    )
