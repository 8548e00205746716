# SPDX-License-Identifier: AGPL-3.0-only
"""Small torchvision detectors of each kind with random weights, which answer with some variety."""

from __future__ import annotations

import copy
import functools
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.misc import FrozenBatchNorm2d

from engine.detectors.torchvision_adapter import TorchvisionDetector

CPU = torch.device("cpu")
CHANNELS = 32  # of every level; FCOS's group norm has 32 groups
LABELS = 4  # with the background
NAMES = ("person", "car", "dog")
KINDS = ("faster", "mask", "retinanet", "fcos", "ssd")
TWO_STAGE = ("faster", "mask")


class Backbone(nn.Module):
    """Two levels, of strides 8 and 16, with batch norm of both sorts."""

    def __init__(self, *, as_many: bool) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=4, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.SiLU(),
            nn.Conv2d(8, CHANNELS, 3, stride=2, padding=1),
            FrozenBatchNorm2d(CHANNELS),
            nn.SiLU(),
        )
        self.second = nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 3, stride=2, padding=1), nn.SiLU())
        self.out_channels = [CHANNELS, CHANNELS] if as_many else CHANNELS

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        first = self.first(x)
        return OrderedDict([("0", first), ("1", self.second(first))])


def _rcnn(kind: type[nn.Module], **further: nn.Module) -> nn.Module:
    return kind(
        Backbone(as_many=False),
        LABELS,
        min_size=96,
        max_size=160,
        rpn_anchor_generator=AnchorGenerator(((16, 24), (32, 48)), ((0.5, 1.0),) * 2),
        box_roi_pool=MultiScaleRoIAlign(["0", "1"], output_size=3, sampling_ratio=2),
        rpn_pre_nms_top_n_test=60,
        rpn_post_nms_top_n_test=30,
        rpn_pre_nms_top_n_train=80,
        rpn_post_nms_top_n_train=40,
        rpn_batch_size_per_image=32,
        box_batch_size_per_image=16,
        **further,
    )


def _dense(kind: type[nn.Module], sizes: tuple[tuple[int, ...], ...], ratios: tuple[float, ...]) -> nn.Module:
    anchors = AnchorGenerator(sizes, (ratios,) * 2)
    return kind(Backbone(as_many=False), LABELS, min_size=96, max_size=160, anchor_generator=anchors)


def _made(kind: str) -> nn.Module:
    if kind == "faster":
        return _rcnn(FasterRCNN)
    if kind == "mask":
        return _rcnn(MaskRCNN, mask_roi_pool=MultiScaleRoIAlign(["0"], output_size=4, sampling_ratio=2))
    if kind == "retinanet":
        return _dense(RetinaNet, ((16, 24), (32, 48)), (0.5, 1.0))
    if kind == "fcos":
        return _dense(FCOS, ((8,), (16,)), (1.0,))
    return SSD(
        Backbone(as_many=True), DefaultBoxGenerator([[2], [2]], scales=[0.2, 0.4, 0.6]), (96, 80), LABELS
    )


@functools.cache
def _random(kind: str) -> nn.Module:
    model = _made(kind).eval()
    generator = torch.Generator().manual_seed(KINDS.index(kind))
    for name, values in (*model.named_parameters(), *model.named_buffers()):
        if values.dim() > 1:
            spread = (2.0 / values[0].numel()) ** 0.5 * (0.3 if "bbox" in name else 1.2)
            values.data = spread * torch.randn(values.shape, generator=generator)
        elif values.is_floating_point():  # of norms too: above 0, and not the same everywhere
            near = 0.0 if "bias" in name or "mean" in name else 1.0
            values.data = near + 0.2 * torch.rand(values.shape, generator=generator)
    return model


def random_model(kind: str) -> nn.Module:
    """A model of one of `KINDS` in eval mode; the same weights each time."""
    return copy.deepcopy(_random(kind))


def detector(kind: str, *, fuse: bool = True) -> TorchvisionDetector:
    return adapted(random_model(kind), fuse=fuse)


def adapted(model: nn.Module, *, fuse: bool = True) -> TorchvisionDetector:
    return TorchvisionDetector(
        model, name="small", architecture="tiny", class_names=NAMES, device=CPU, fuse=fuse
    )


def images(seed: int = 0, n: int = 2, height: int = 64, width: int = 96) -> Tensor:
    """Smooth random images, as noise would be gone after resizing."""
    coarse = torch.rand(n, 3, height // 8, width // 8, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
