# SPDX-License-Identifier: AGPL-3.0-only
"""Small random models of every supported family, with weights that tell apart what they compute."""

from __future__ import annotations

import copy
import functools

import torch

from engine.detectors.ultralytics_adapter import UltralyticsDetector
from engine.detectors.ultralytics_quiet import DetectionModel

FAMILIES = {
    "yolov8n": ("yolov8", False),
    "yolov9t": ("yolov9", False),
    "yolov10n": ("yolov10", True),
    "yolo11n": ("yolo11", False),
    "yolo12n": ("yolo12", False),
    "yolo26n": ("yolo26", True),
}
CLASSES = 3


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
