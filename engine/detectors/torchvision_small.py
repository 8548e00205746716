# SPDX-License-Identifier: AGPL-3.0-only
"""A small Faster R-CNN of PatchBench's own, made of torchvision's parts, for trainings from scratch."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.resnet import BasicBlock
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.misc import Conv2dNormActivation

SIDE_PX = 384  # that the longer side of an image is resized to
_CHANNELS, _HIDDEN, _CELLS = 64, 128, 7  # of the pyramid, of the second stage, of a proposal's side
# Of the levels with strides 8, 16, 32 and 64: a side, in pixels of the resized image, and ratios of height to
# width, of which those above 1 are for people who stand.
_SIDES, _RATIOS = ((24,), (48,), (96,), (192,)), ((0.5, 1.0, 2.0, 3.0),) * 4


def fasterrcnn_small(labels: int) -> FasterRCNN:
    """A Faster R-CNN of 1.8 million random weights, drawn from torch's global generator.

    Its batch norm is a real one, unlike the frozen one of torchvision's Faster R-CNNs, since nothing is
    pretrained. It keeps few proposals, so that it is quick on a processor.

    Args:
        labels: the number of classes, with the background's.
    """
    return FasterRCNN(
        _backbone(),
        min_size=SIDE_PX,
        max_size=SIDE_PX,
        rpn_anchor_generator=AnchorGenerator(_SIDES, _RATIOS),
        rpn_pre_nms_top_n_train=400,
        rpn_pre_nms_top_n_test=300,
        rpn_post_nms_top_n_train=300,
        rpn_post_nms_top_n_test=100,
        box_roi_pool=MultiScaleRoIAlign(["0", "1", "2"], output_size=_CELLS, sampling_ratio=2),
        box_head=TwoMLPHead(_CHANNELS * _CELLS**2, _HIDDEN),
        box_predictor=FastRCNNPredictor(_HIDDEN, labels),
        box_batch_size_per_image=64,
    )


def _backbone() -> BackboneWithFPN:
    """A residual network with a pyramid of strides 8, 16 and 32, and one of 64 pooled from the last."""
    body: OrderedDict[str, nn.Module] = OrderedDict(
        stem=nn.Sequential(
            Conv2dNormActivation(3, 16, stride=2),
            Conv2dNormActivation(16, 32, stride=2),
        ),
        stride8=_stage(32, 64, blocks=2),
        stride16=_stage(64, 128, blocks=2),
        stride32=_stage(128, 192, blocks=1),
    )
    levels = {"stride8": "0", "stride16": "1", "stride32": "2"}
    return BackboneWithFPN(nn.Sequential(body), levels, [64, 128, 192], _CHANNELS, norm_layer=nn.BatchNorm2d)


def _stage(inside: int, outside: int, *, blocks: int) -> nn.Sequential:
    """Residual blocks, of which the first halves both sides."""
    shortcut = Conv2dNormActivation(inside, outside, 1, stride=2, activation_layer=None)
    first = BasicBlock(inside, outside, stride=2, downsample=shortcut)
    return nn.Sequential(first, *(BasicBlock(outside, outside) for _ in range(blocks - 1)))
