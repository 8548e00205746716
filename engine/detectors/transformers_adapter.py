# SPDX-License-Identifier: AGPL-3.0-only
"""The adapter from a detector of Hugging Face transformers to a frozen, differentiable `Detector`."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

from engine.detectors import log_odds
from engine.detectors.base import (
    Candidates,
    Detections,
    Targets,
    require_images,
    require_targets,
    require_thresholds,
)
from engine.detectors.frozen import FrozenDetector, require_finite
from engine.detectors.queries import best_detections, pixel_corners, query_candidates, unit_boxes
from engine.detectors.transformers_folder import names_by_index
from engine.detectors.transformers_fusing import fused
from engine.detectors.transformers_model import Normalization
from engine.errors import DetectorError
from engine.excerpts import short_line, short_repr

_TRIAL_PX = 160
_NAMES = {"bbox": "bbox", "giou": "giou", **dict.fromkeys(("ce", "vfl", "mal", "focal", "bce"), "ce")}
"""The libraries' names of parts of a loss → ours; cross entropy, focal and varifocal are one part's kinds."""


class TransformersDetector(FrozenDetector):
    """A detector of transformers, frozen: see `engine.detectors.base.Detector`.

    Takes every `AutoModelForObjectDetection` that answers with queries: DETR, Conditional and Deformable
    DETR, RT-DETR and its second version, D-FINE, YOLOS and others. The candidates are the queries.

    Images are normalised as the model's own processor does it and computed in their own size, whereas the
    processor would first resize them: a window's objects would otherwise look larger than the whole image's.

    Models that refine boxes from layer to layer (DAB-DETR, RT-DETR, D-FINE) detach them in between, whatever
    they are used for: their gradient is that of training and leaves out what moves through earlier boxes.
    """

    loss_names: tuple[str, ...] = ("total", "ce", "bbox", "giou")
    end_to_end = True
    stride_px = 32

    def __init__(
        self, model: Any, *, normalization: Normalization, name: str, device: torch.device, fuse: bool = True
    ) -> None:
        """Freeze the model, fold its batch norm and move it to the device.

        Args:
            model: a transformers model for object detection in float32, on the CPU.
            normalization: how it wants its images.
            name: its name in reports.
            device: of the model.
            fuse: fold batch norm into the preceding convolutions, where the answers stay the same.

        Raises:
            DetectorError: the model does not answer with scores and boxes of queries.
        """
        require_finite(model)
        model.eval()
        self.name, self.device = name, device
        self.family = str(model.config.model_type)
        labels = int(model.config.num_labels)
        names = names_by_index(model.config.id2label)[:labels]
        self.class_names = (*names, *map(str, range(len(names), labels)))
        self._has_background = _try_out(model, labels)
        self.model = fused(model, _answer) if fuse else model
        self.model.requires_grad_(False)
        self.model.to(device=device, memory_format=torch.channels_last)
        self._scale = normalization.scale
        self._mean, self._std = (
            torch.tensor(each, device=device).view(3, 1, 1)
            for each in (normalization.mean, normalization.std)
        )

    def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
        """The queries, with the score of one class at the centre of the box that each predicts.

        Args:
            images_nchw: float (n, 3, h, w), 0 to 1, RGB, sides divisible by `stride_px`.
            class_id: index into `class_names`.
            boxes: whether to return the boxes, which are computed in any case.

        Raises:
            ValueError: the images have another shape, or there is no such class.
            DetectorError: the images have fewer points than the model has queries.
        """
        self._checked_class(class_id)
        found = self._output(images_nchw)
        scores = found.logits.float()
        logits = log_odds.of_softmax(scores, class_id) if self._has_background else scores[..., class_id]
        return query_candidates(logits, pixel_corners(found.pred_boxes.float(), images_nchw), boxes=boxes)

    def losses(
        self, images_nchw: Tensor, targets: Targets, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """The model's own training losses, weighted with its own weights and differentiable, in float32.

        Without denoising queries, which see the objects beside the image.

        Args:
            images_nchw: as in `candidates`.
            targets: boxes in pixels of these images, of all classes that the loss should include.
            generator: not used, as the matching of queries to objects leaves nothing to chance.

        Returns:
            `ce` (the classes: cross entropy, focal or varifocal), `bbox` (L1) and `giou` of all decoder
            layers that the configuration trains, and `total`, their sum with whatever else the model adds:
            scalars, divided by the number of objects in the batch as in training.
        """
        require_targets(images_nchw, targets)
        with torch.autocast(self.device.type, enabled=False):
            found = self._output(images_nchw.float(), labels=_labels(targets.to(self.device), images_nchw))
        parts: dict[str, Tensor] = defaultdict(lambda: found.loss.new_zeros(()))
        for name, value in found.loss_dict.items():
            kind = name.split("_")[1] if name.startswith("loss_") else ""
            if kind in _NAMES:
                parts[_NAMES[kind]] = parts[_NAMES[kind]] + value * self._weight(kind)
        return {"total": found.loss, **{name: parts[name] for name in self.loss_names if name != "total"}}

    @torch.no_grad()
    def detect(
        self, images_nchw: Tensor, *, min_score: float = 0.001, iou: float = 0.7, max_detections: int = 300
    ) -> list[Detections]:
        """Final detections, as the model's processor makes them of the same normalised image.

        A query of a softmax stands for its best class; with sigmoids the best pairs of query and class count.

        Args:
            images_nchw: as in `candidates`.
            min_score: minimum score (exclusive), 0 to 1.
            iou: not used, as there is no NMS.
            max_detections: maximum number per image; there are never more than queries.

        Returns:
            One `Detections` per image, best first, on the CPU, in pixels of the images.

        Raises:
            ValueError: a threshold is out of range, or the images have another shape.
            DetectorError: as of `candidates`.
        """
        require_thresholds(min_score, iou, max_detections)
        with torch.inference_mode(False):  # models keep anchors and positions, which gradients need later
            found = self._output(images_nchw)
        logits = found.logits.float()
        scores = logits.softmax(dim=2)[..., :-1] if self._has_background else logits.sigmoid()
        corners = pixel_corners(found.pred_boxes.float(), images_nchw)
        most = min(max_detections, scores.shape[1])
        return best_detections(scores, corners, min_score=min_score, most=most, one_each=self._has_background)

    def _output(self, images_nchw: Tensor, **more: Any) -> Any:
        """The model's output for images in the form of the public methods."""
        require_images(images_nchw, self.stride_px)
        self._require_room(*images_nchw.shape[2:])
        pixels = (images_nchw.to(self.device) * self._scale - self._mean) / self._std
        return self.model(pixel_values=pixels.contiguous(memory_format=torch.channels_last), **more)

    def _require_room(self, height: int, width: int) -> None:
        """Reject images with fewer points than a model that chooses queries among them has queries."""
        strides = getattr(self.model.config, "feat_strides", None) or ()
        points = sum((height // stride) * (width // stride) for stride in strides)
        if strides and points < self.model.config.num_queries:
            raise DetectorError(
                f"images: expected at least {self.model.config.num_queries} points for as many queries of "
                f"{self.name}, got {points} in {width} x {height} pixels; raise --image-size and --view-size"
            )

    def _weight(self, kind: str) -> float:
        """The weight of a part of the loss, where the model does not apply it itself."""
        return float(getattr(self.model.config, f"{kind}_loss_coefficient", 1.0))


def _labels(targets: Targets, images_nchw: Tensor) -> list[dict[str, Tensor]]:
    """Targets in the form of transformers: those of each image, boxes as centres and sizes from 0 to 1."""
    boxes = unit_boxes(targets.boxes_xyxy_px.float(), images_nchw)
    each = [targets.image_index == index for index in range(targets.images)]
    return [{"class_labels": targets.class_ids[own], "boxes": boxes[own]} for own in each]


@torch.no_grad()
def _answer(model: Any) -> tuple[Tensor, ...]:
    """Scores and boxes of a trial image."""
    sides = torch.linspace(-1, 1, _TRIAL_PX)
    found = model(pixel_values=(sides[:, None] * sides).expand(1, 3, -1, -1).contiguous())
    return found.logits, found.pred_boxes


def _try_out(model: nn.Module, labels: int) -> bool:
    """Whether the scores of a trial image have a background beside the classes, so are of a softmax.

    Raises:
        DetectorError: the model does not answer with scores and boxes of queries.
    """
    try:
        logits, boxes = _answer(model)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise DetectorError(
            f"expected scores and boxes for an image of {_TRIAL_PX} pixels, got {type(error).__name__}: "
            f"{short_line(error)}; this model cannot be attacked"
        ) from error
    shapes = [tuple(logits.shape), tuple(boxes.shape)]
    if logits.dim() != 3 or shapes[1] != (*shapes[0][:2], 4) or shapes[0][2] - labels not in (0, 1):
        raise DetectorError(
            f"expected scores of {labels} classes and boxes for each query, got the shapes "
            f"{short_repr(shapes)}; save model and configuration together with save_pretrained"
        )
    return shapes[0][2] == labels + 1
