# SPDX-License-Identifier: AGPL-3.0-only
"""A small YOLO11 of PatchBench's own, narrower than the published ones, for trainings from scratch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from engine.detectors.ultralytics_quiet import ROOT, DetectionModel


def yolo11_small() -> Any:
    """A YOLO11 of 0.65 million random weights and one class, drawn from torch's global generator.

    It is the published one with half the width of the smallest, and with half as many bins for each edge of a
    box: they reach 7 strides from a point, which on the coarsest level is 224 pixels.
    """
    published = yaml.safe_load((Path(ROOT) / "cfg/models/11/yolo11.yaml").read_text("utf-8"))
    narrow = {"scales": {"small": [0.5, 0.125, 1024]}, "scale": "small", "reg_max": 8}
    return DetectionModel(published | narrow | {"yaml_file": "yolo11_small.yaml"}, ch=3, nc=1, verbose=False)
