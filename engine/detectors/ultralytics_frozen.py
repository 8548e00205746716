# SPDX-License-Identifier: AGPL-3.0-only
"""What all adapters of Ultralytics' models share: a frozen model, its images, classes and checksum."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor

from engine.detectors.base import Targets, require_images
from engine.detectors.frozen import checksum
from engine.detectors.queries import unit_boxes
from engine.detectors.ultralytics_heads import body_features
from engine.detectors.ultralytics_model import fuse_batch_norm

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in OpenCV's conversion to grey for Ultralytics


class FrozenModel:
    """An Ultralytics model that takes images in 0 to 1 and never changes.

    Attributes:
        model, head: the model in float32, and its last layer.
        stride_px, class_names, device, name: see `engine.detectors.base.Detector`.
    """

    model: Any
    head: Any
    name: str
    device: torch.device
    stride_px: int
    class_names: tuple[str, ...]
    _channels: int

    def for_windows(self, image_px: int) -> Self:
        """Itself, as it takes images in their own size."""
        return self

    def checksum(self) -> str:
        """SHA-256 of all weights and buffers; see `engine.detectors.frozen.checksum`."""
        return checksum(self.model)

    def _freeze(self, *, fuse: bool) -> None:
        """Fold batch norm if asked for, take the weights their gradients, and move them to the device."""
        if fuse:
            fuse_batch_norm(self.model)
        self.model.requires_grad_(False)
        self.model.to(self.device, memory_format=torch.channels_last)

    def _features(self, images_nchw: Tensor) -> list[Tensor]:
        """The head's inputs, one per level, for images in the form of the public methods."""
        require_images(images_nchw, self.stride_px)
        images = images_nchw.to(self.device)
        if self._channels == 1:
            images = (images * images.new_tensor(LUMA).view(3, 1, 1)).sum(dim=1, keepdim=True)
        return body_features(self.model, images.contiguous(memory_format=torch.channels_last))

    def _checked_class(self, class_id: int) -> int:
        if not 0 <= class_id < len(self.class_names):
            raise ValueError(f"class_id: expected 0 to {len(self.class_names) - 1}, got {class_id}")
        return class_id


def require_targets(images_nchw: Tensor, targets: Targets) -> None:
    """Reject targets of another number of images.

    Raises:
        ValueError: there are more or fewer images.
    """
    if targets.images != len(images_nchw):
        raise ValueError(f"targets: expected those of {len(images_nchw)} images, got {targets.images}")


def ultralytics_batch(targets: Targets, images_nchw: Tensor) -> dict[str, Tensor]:
    """Targets in the form of Ultralytics' criteria: sorted by image, boxes as x y w h from 0 to 1."""
    order = targets.image_index.argsort(stable=True)
    return {
        "batch_idx": targets.image_index[order].float(),
        "cls": targets.class_ids[order].float(),
        "bboxes": unit_boxes(targets.boxes_xyxy_px[order].float(), images_nchw),
    }
