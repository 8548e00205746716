# SPDX-License-Identifier: AGPL-3.0-only
"""What all adapters of Ultralytics' models share: a frozen model and its images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engine.detectors.base import Targets, require_images
from engine.detectors.frozen import FrozenDetector
from engine.detectors.queries import unit_boxes
from engine.detectors.ultralytics_heads import body_features
from engine.detectors.ultralytics_model import fuse_batch_norm

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in OpenCV's conversion to grey for Ultralytics


class FrozenModel(FrozenDetector):
    """An Ultralytics model that takes images in 0 to 1 and never changes.

    Attributes:
        head: the model's last layer.
        stride_px, device, name: see `engine.detectors.base.Detector`.
    """

    head: Any
    name: str
    device: torch.device
    stride_px: int
    _channels: int

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


def ultralytics_batch(targets: Targets, images_nchw: Tensor) -> dict[str, Tensor]:
    """Targets in the form of Ultralytics' criteria: sorted by image, boxes as x y w h from 0 to 1."""
    order = targets.image_index.argsort(stable=True)
    return {
        "batch_idx": targets.image_index[order].float(),
        "cls": targets.class_ids[order].float(),
        "bboxes": unit_boxes(targets.boxes_xyxy_px[order].float(), images_nchw),
    }
