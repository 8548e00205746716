# SPDX-License-Identifier: AGPL-3.0-only
"""What a torchvision model makes of images before its first layer, and the way back to their pixels."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList

from engine.detectors.base import Targets


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """Images of one size as a model takes them: normalised, resized, padded.

    Attributes:
        tensors: float (n, 3, H, W), differentiable with respect to the images.
        resized_hw: the size of the images within, at the top left.
        image_hw: their size before.
    """

    tensors: Tensor
    resized_hw: tuple[int, int]
    image_hw: tuple[int, int]

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """`resized_hw` for each image."""
        return [self.resized_hw] * len(self.tensors)

    @property
    def padded_sizes(self) -> list[tuple[int, int]]:
        """The tensors' own size for each image, which is a multiple of the strides of all levels of features.

        torchvision's pooling infers these strides from the first sizes that it is given, and keeps them; from
        those of small images amid padding it would infer others.
        """
        return [(self.tensors.shape[2], self.tensors.shape[3])] * len(self.tensors)

    def features(self, backbone: nn.Module) -> dict[str, Tensor]:
        """The backbone's outputs by level."""
        found = backbone(self.tensors)
        return {"0": found} if isinstance(found, Tensor) else found

    def anchors(self, generator: nn.Module, features: Sequence[Tensor]) -> Tensor:
        """The anchors (a, 4) of all levels, which all images share, in the model's pixels.

        They are made at full precision, whichever one the features have.
        """
        grids = [full_precision(level.new_empty(1, 1, *level.shape[2:])) for level in features]
        return generator(ImageList(self.tensors[:1], [self.resized_hw]), grids)[0]

    def to_image(self, places: Tensor) -> Tensor:
        """Points (…, 2) or corners (…, 4) from the model's pixels to those of the images."""
        return places * self._factors(places, self.resized_hw, self.image_hw)

    def targets(self, targets: Targets) -> list[dict[str, Tensor]]:
        """Each image's objects in the model's pixels, as torchvision takes them.

        Labels are one above our classes, because the background's is 0. Boxes without area are left out, as
        nothing can be learned from them.
        """
        boxes = full_precision(targets.boxes_xyxy_px)
        boxes = boxes * self._factors(boxes, self.image_hw, self.resized_hw)
        has_area = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
        mine = [(targets.image_index == image) & has_area for image in range(targets.images)]
        return [{"boxes": boxes[each], "labels": targets.class_ids[each] + 1} for each in mine]

    @staticmethod
    def _factors(like: Tensor, from_hw: tuple[int, int], to_hw: tuple[int, int]) -> Tensor:
        factors = [to_hw[1] / from_hw[1], to_hw[0] / from_hw[0]]
        return like.new_tensor(factors * (like.shape[-1] // 2))


def prepare(transform: Any, images_nchw: Tensor, *, whole_px: int | None = None) -> ModelInput:
    """Do what a model's `GeneralizedRCNNTransform` does, for a batch of images of one size at once.

    Args:
        transform: of the model.
        images_nchw: float (n, 3, h, w), 0 to 1, RGB.
        whole_px: the side of the square images of which these are windows, to resize them by the factor of
            the whole; None for whole images. Only for models without a fixed size of input.
    """
    height, width = images_nchw.shape[2:]
    normalised = transform.normalize(images_nchw)
    scaling: dict[str, Any]
    if transform.fixed_size is not None:
        scaling = {"size": tuple(reversed(transform.fixed_size))}
    else:
        short, long = sorted((height, width)) if whole_px is None else (whole_px, whole_px)
        factor = min(transform.min_size[-1] / short, transform.max_size / long)
        scaling = {"scale_factor": factor, "recompute_scale_factor": True}
    resized = F.interpolate(normalised, mode="bilinear", align_corners=False, **scaling)
    high, wide = resized.shape[2:]
    below, right = (-side % transform.size_divisible for side in (high, wide))
    return ModelInput(
        tensors=F.pad(resized, (0, right, 0, below)).contiguous(memory_format=torch.channels_last),
        resized_hw=(high, wide),
        image_hw=(height, width),
    )


def full_precision(values: Tensor) -> Tensor:
    """Convert half precision to float32, as boxes need its digits and NMS has no other kernel."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def centres(boxes_xyxy: Tensor) -> Tensor:
    """The middles (…, 2) of boxes (…, 4)."""
    return (boxes_xyxy[..., :2] + boxes_xyxy[..., 2:]) / 2


def with_thresholds(part: Any, *, min_score: float, iou: float, max_detections: int) -> Any:
    """A model's part that chooses detections by these thresholds, sharing all weights with the given one."""
    own = copy.copy(part)
    own.score_thresh, own.nms_thresh, own.detections_per_img = min_score, iou, max_detections
    return own
