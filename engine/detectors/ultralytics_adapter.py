# SPDX-License-Identifier: AGPL-3.0-only
"""The adapter from an Ultralytics detection model to a frozen, differentiable `Detector`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.detectors.base import Candidates, Detections, Targets, require_targets, require_thresholds
from engine.detectors.frozen import require_finite
from engine.detectors.ultralytics_frozen import FrozenModel, ultralytics_batch
from engine.detectors.ultralytics_heads import make_plain, try_out
from engine.detectors.ultralytics_model import (
    choose_branch,
    class_names,
    detection_model,
    family,
    hyperparameters,
    input_channels,
)
from engine.detectors.ultralytics_quiet import (
    DetectionModel,
    E2ELoss,
    dist2bbox,
    make_anchors,
    non_max_suppression,
)

NO_TIME_LIMIT_S = 1e9  # Ultralytics' NMS silently returns nothing for images after its time limit


class UltralyticsDetector(FrozenModel):
    """An Ultralytics detection model, frozen: see `engine.detectors.base.Detector`.

    Supports YOLO v5u to 12 and 26, also with the heads of segmentation, pose, YOLO-World and YOLOE models,
    whose boxes and classes are used. Created by `load` from a weight file, or directly from a model.
    """

    loss_names: tuple[str, ...] = ("total", "cls", "box", "dfl")

    def __init__(
        self,
        model: nn.Module,
        *,
        name: str,
        device: torch.device,
        fuse: bool = True,
        end_to_end: bool | None = None,
    ) -> None:
        """Freeze the model, fold its batch norm and move it to the device, in place.

        Args:
            model: an Ultralytics `DetectionModel`, with weights of any float type.
            name: its name in reports.
            device: of the model.
            fuse: fold batch norm into the preceding convolutions.
            end_to_end: whether to use the one-to-one head, without NMS; None for yes if it has one.

        Raises:
            DetectorError: the model is not a valid detection model, or lacks the requested one-to-one head.
        """
        self.model = detection_model(model).float().eval()
        self.head = self.model.model[-1]
        require_finite(self.model)
        make_plain(self.model)
        self.name, self.device = name, device
        self.family = family(self.model)
        self.end_to_end = choose_branch(self.head, end_to_end)
        self._channels = input_channels(self.model)
        try_out(self.model, self._channels, self._branches())
        self.class_names = tuple(class_names(getattr(self.model, "names", None), self.head.nc))
        self.stride_px = int(self.head.stride.max())
        self.model.args = hyperparameters(getattr(self.model, "args", None))
        self.model.criterion = None
        self._freeze(fuse=fuse)
        self._criterion: Any = None

    def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
        """The anchor points of all levels, which all images share, with the score of one class at each.

        Other classes are not computed, and boxes only if asked for.

        Args:
            images_nchw: float (n, 3, h, w), 0 to 1, RGB, sides divisible by `stride_px`.
            class_id: index into `class_names`.
            boxes: whether to compute the boxes.

        Raises:
            ValueError: the images have another shape, or there is no such class.
        """
        features = self._features(images_nchw)
        points, strides = self._anchors(features)
        return Candidates(
            boxes_xyxy_px=self._boxes(features) if boxes else None,
            logits=self._class_logits(features, class_id),
            points_xy_px=(points * strides)[None],
        )

    def losses(
        self, images_nchw: Tensor, targets: Targets, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """The model's own training losses, weighted with its own gains and differentiable.

        For models with two heads these are Ultralytics' weighted sums over both (its `E2ELoss`); in contrast
        to training, the one-to-one head's part has a gradient with respect to the image too.

        Args:
            images_nchw: as in `candidates`.
            targets: boxes in pixels of these images, of all classes that the loss should include.
            generator: not used, as these losses leave nothing to chance.

        Returns:
            `box` (CIoU), `cls` (binary cross entropy), `dfl` (distribution focal loss, or L1 for models
            without a distribution) and their sum `total`: scalars, Ultralytics' loss of the batch divided
            by n.
        """
        features = self._features(images_nchw)
        require_targets(images_nchw, targets)
        raw = {branch: _raw_outputs(features, *layers) for branch, layers in self._branches().items()}
        batch = ultralytics_batch(targets.to(self.device), images_nchw)
        with torch.autocast(self.device.type, enabled=False):
            box, cls, dfl = (self._loss_terms(raw, batch) / targets.images).unbind()
        return {"total": box + cls + dfl, "cls": cls, "box": box, "dfl": dfl}

    @torch.no_grad()
    def detect(
        self,
        images_nchw: Tensor,
        *,
        min_score: float = 0.001,
        iou: float = 0.7,
        max_detections: int = 300,
        class_ids: Sequence[int] | None = None,
    ) -> list[Detections]:
        """Final detections, by NMS as in Ultralytics' validator, or the end-to-end head's top-k.

        Args:
            images_nchw: as in `candidates`.
            min_score: minimum score (exclusive), 0 to 1.
            iou: maximum overlap with a better box of the same class, 0 to 1; not used end to end.
            max_detections: maximum number per image.
            class_ids: classes to detect, which alone count towards `max_detections`; None for all.

        Returns:
            One `Detections` per image, best first, on the CPU, in pixels of the images.

        Raises:
            ValueError: a threshold is out of range, or the images have another shape.
        """
        require_thresholds(min_score, iou, max_detections)
        features = self._features(images_nchw)
        raw = _raw_outputs(features, *self._branch())
        boxes, scores = (
            self._decode(raw["boxes"], features, xywh=not self.end_to_end),
            raw["scores"].sigmoid(),
        )
        kept = list(range(self.head.nc)) if class_ids is None else [self._checked_class(c) for c in class_ids]
        # NMS is per class: below `max_detections`, leaving out classes does not affect the others.
        output = torch.cat((boxes, scores if class_ids is None else scores[:, kept]), dim=1)
        if self.end_to_end:
            output = self._best(output, len(kept), max_detections)
        detections = non_max_suppression(
            output.float(),
            conf_thres=min_score,
            iou_thres=iou,
            multi_label=True,
            max_det=max_detections,
            nc=len(kept),
            max_time_img=NO_TIME_LIMIT_S,
            end2end=self.end_to_end,
        )
        return [_detections(rows.cpu(), torch.tensor(kept)) for rows in detections]

    def _branches(self) -> dict[str, tuple[nn.ModuleList, nn.ModuleList]]:
        """Box and class layers of each branch of the head."""
        pairs = {
            "one2many": (self.head.cv2, self.head.cv3),
            "one2one": (getattr(self.head, "one2one_cv2", None), getattr(self.head, "one2one_cv3", None)),
        }
        return {name: pair for name, pair in pairs.items() if None not in pair}

    def _branch(self) -> tuple[nn.ModuleList, nn.ModuleList]:
        """Box and class layers of the branch used for inference."""
        return self._branches()["one2one" if self.end_to_end else "one2many"]

    def _class_logits(self, features: list[Tensor], class_id: int) -> Tensor:
        """The logit of one class (n, a), computing only its channel in the last 1 × 1 convolution."""
        one = slice(self._checked_class(class_id), class_id + 1)
        levels = []
        for branch, x in zip(self._branch()[1], features, strict=True):
            layers: Any = branch
            last = layers[-1]
            levels.append(F.conv2d(layers[:-1](x), last.weight[one], last.bias[one]).flatten(1))
        return torch.cat(levels, dim=1)

    def _boxes(self, features: list[Tensor]) -> Tensor:
        """The box (n, a, 4) at each anchor point, as corners in pixels."""
        distances = torch.cat(
            [layers(x).flatten(2) for layers, x in zip(self._branch()[0], features, strict=True)], dim=2
        )
        return self._decode(distances, features).transpose(1, 2)

    def _anchors(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Anchor points (a, 2) in cells of their level and strides (a, 1) in pixels."""
        points, strides = make_anchors([x.detach().float() for x in features], self.head.stride, 0.5)
        return points, strides

    def _decode(self, distances: Tensor, features: list[Tensor], *, xywh: bool = False) -> Tensor:
        """Boxes (n, 4, a) in pixels from the box branch's output, like the head's `_get_decode_boxes`."""
        points, strides = self._anchors(features)
        return dist2bbox(self.head.dfl(distances.float()), points.T[None], xywh=xywh, dim=1) * strides.T

    def _best(self, output: Tensor, classes: int, count: int) -> Tensor:
        """The head's own top-k: the best `count` of (n, 4 + classes, a), as (n, k, 6)."""
        boxes, scores = output.transpose(1, 2).split([4, classes], dim=2)
        anchors = scores.amax(dim=2).topk(min(count, scores.shape[1]), dim=1).indices[..., None]
        boxes, scores = (
            values.gather(1, anchors.expand(-1, -1, values.shape[2])) for values in (boxes, scores)
        )
        best, index = scores.flatten(1).topk(anchors.shape[1], dim=1)
        boxes = boxes.gather(1, (index // classes)[..., None].expand(-1, -1, 4))
        return torch.cat((boxes, best[..., None], (index % classes)[..., None]), dim=2)

    def _loss_terms(self, raw: dict[str, dict[str, Any]], batch: dict[str, Tensor]) -> Tensor:
        """Ultralytics' loss (box, cls, dfl) of the whole batch, n times the mean over images."""
        if self._criterion is None:
            self._criterion = DetectionModel.init_criterion(self.model)  # without masks or keypoints
            if isinstance(self._criterion, E2ELoss) and "one2many" not in raw:
                self._criterion = self._criterion.one2one
        single = next(iter(raw.values())) if len(raw) == 1 else raw
        return self._criterion(single, batch)[0]


def _raw_outputs(
    features: list[Tensor], box_layers: nn.ModuleList, class_layers: nn.ModuleList
) -> dict[str, Any]:
    """A branch's training output: float32 boxes (n, 4 × bins, a), scores (n, classes, a), features."""
    boxes, scores = (
        torch.cat([layers(x).flatten(2) for layers, x in zip(branch, features, strict=True)], dim=2).float()
        for branch in (box_layers, class_layers)
    )
    return {"boxes": boxes, "scores": scores, "feats": [x.detach().float() for x in features]}


def _detections(rows: Tensor, class_ids: Tensor) -> Detections:
    """Convert Ultralytics' rows (d, 6), whose column 5 indexes `class_ids`."""
    return Detections(
        boxes_xyxy_px=rows[:, :4].contiguous(),
        scores=rows[:, 4].contiguous(),
        class_ids=class_ids[rows[:, 5].long()],
    )
