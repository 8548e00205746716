# SPDX-License-Identifier: AGPL-3.0-only
"""Small random models of every supported family, with weights that tell apart what they compute."""

from __future__ import annotations

import copy
import functools

import torch

from engine.detectors.ultralytics_adapter import UltralyticsDetector
from engine.detectors.ultralytics_quiet import DetectionModel, RTDETRDetectionModel
from engine.detectors.ultralytics_rtdetr import RTDETRDetector

FAMILIES = {
    "yolov8n": ("yolov8", False),
    "yolov9t": ("yolov9", False),
    "yolov10n": ("yolov10", True),
    "yolo11n": ("yolo11", False),
    "yolo12n": ("yolo12", False),
    "yolo26n": ("yolo26", True),
}
CLASSES = 3
# The parts of RT-DETR-l, few and small: two levels, and a decoder of two layers and 20 queries.
RTDETR = {
    "nc": CLASSES,
    "yaml_file": "rtdetr-tiny.yaml",
    "backbone": [
        [-1, 1, "HGStem", [8, 8]],
        [-1, 1, "DWConv", [16, 3, 2, 1, False]],
        [-1, 2, "HGBlock", [8, 16, 3]],
        [-1, 1, "DWConv", [16, 3, 2, 1, False]],
        [-1, 2, "HGBlock", [8, 16, 3, True, True]],
    ],
    "head": [
        [-1, 1, "AIFI", [16, 2]],
        [-1, 1, "nn.Upsample", [None, 2, "nearest"]],
        [[-1, 2], 1, "Concat", [1]],
        [-1, 1, "RepC3", [16]],
        [[8, 5], 1, "RTDETRDecoder", ["nc", 16, 20, 2, 2, 2, 32]],
    ],
}


@functools.cache
def _model(name: str) -> DetectionModel:
    """A model whose batch-norm statistics fit random images, so that its outputs vary without saturating."""
    torch.manual_seed(0)
    model = DetectionModel(f"{name}.yaml", nc=CLASSES, verbose=False)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        norm.weight.data.uniform_(0.8, 1.2)
        norm.bias.data.normal_(0, 0.1)
    with torch.no_grad():
        model.train()(torch.rand(8, 3, 96, 96))
    for norm in norms:
        norm.running_var.clamp_(min=0.01)
    for branch in ("cv3", "one2one_cv3"):
        for level in getattr(model.model[-1], branch, None) or ():
            level[-1].bias.data.normal_(-1, 1)
    return model.eval()


def random_model(name: str) -> DetectionModel:
    """A small model of that family, the same each time, free to be changed."""
    return copy.deepcopy(_model(name))


def detector(name: str, **options: object) -> UltralyticsDetector:
    return UltralyticsDetector(random_model(name), name=name, device=torch.device("cpu"), **options)


@functools.cache
def _rtdetr() -> RTDETRDetectionModel:
    """A model whose boxes and scores vary, unlike those of Ultralytics' initial weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = RTDETRDetectionModel(copy.deepcopy(RTDETR), nc=CLASSES, verbose=False)
        for norm in (module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)):
            norm.momentum = 1.0
            norm.weight.data.uniform_(0.8, 1.2)
            norm.bias.data.normal_(0, 0.1)
        with torch.no_grad():
            model.train().predict(torch.rand(8, 3, 96, 96))
        head = model.model[-1]
        for scores in (head.enc_score_head, *head.dec_score_head):
            scores.weight.data *= 3
            scores.bias.data.normal_(-1, 0.3)
        for boxes in (head.enc_bbox_head, *head.dec_bbox_head):
            boxes.layers[-1].weight.data.normal_(0, 0.1)
        for layer in head.decoder.layers:
            layer.cross_attn.sampling_offsets.weight.data.normal_(0, 0.1)
            layer.cross_attn.attention_weights.weight.data.normal_(0, 0.3)
    model.nc = CLASSES  # as Ultralytics' trainer sets it
    return model.eval()


def random_rtdetr() -> RTDETRDetectionModel:
    """A small RT-DETR, the same each time, free to be changed."""
    return copy.deepcopy(_rtdetr())


def rtdetr(**options: object) -> RTDETRDetector:
    return RTDETRDetector(random_rtdetr(), name="tiny", device=torch.device("cpu"), **options)
