# SPDX-License-Identifier: AGPL-3.0-only
"""What a run's settings are called, and how their values are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dashboard.formats import DASH
from dashboard.i18n import N_, _

__all__ = ["setting_name", "setting_value"]

NAMES = {
    "dataset": N_("Dataset"),
    "weights": N_("Detector's weights"),
    "class_name": N_("Class"),
    "detector_class": N_("Detector's class"),
    "backend": N_("Backend"),
    "device": N_("Device"),
    "iterations": N_("Iterations"),
    "batch_size": N_("Batch size"),
    "batch_start": N_("First batch size"),
    "batching": N_("Batching"),
    "sampling": N_("Sampling"),
    "accumulate": N_("Batches a step"),
    "max_images": N_("Images at most"),
    "include_empty": N_("Images without objects"),
    "image_size": N_("Image size (px)"),
    "view_size": N_("View size (px)"),
    "view_zoom": N_("View zoom"),
    "patch_height": N_("Patch height (texels)"),
    "patch_width": N_("Patch width (texels)"),
    "circular": N_("Circular patch"),
    "placement.kind": N_("Placement"),
    "placement.scale": N_("Placement: scale"),
    "placement.rise": N_("Placement: rise"),
    "placement.position": N_("Placement: position"),
    "augmentation.shift": N_("Augmentation: shift"),
    "augmentation.resize": N_("Augmentation: resize"),
    "augmentation.rotation_deg": N_("Augmentation: rotation (°)"),
    "augmentation.contrast": N_("Augmentation: contrast"),
    "augmentation.brightness": N_("Augmentation: brightness"),
    "flip": N_("Mirror images"),
    "learning_rate": N_("Learning rate"),
    "optimizer": N_("Optimizer"),
    "schedule.kind": N_("Schedule"),
    "schedule.warmup": N_("Schedule: warm-up iterations"),
    "schedule.cycles": N_("Schedule: cycles"),
    "schedule.floor": N_("Schedule: floor"),
    "schedule.gamma": N_("Schedule: gamma"),
    "schedule.every": N_("Schedule: step iterations"),
    "schedule.milestones": N_("Schedule: milestones"),
    "schedule.patience": N_("Schedule: patience"),
    "clip_norm": N_("Gradient clipping (L2 norm)"),
    "losses": N_("Losses"),
    "top_k": N_("Top k"),
    "precision": N_("Precision"),
    "compile": N_("Compiled"),
    "deterministic": N_("Deterministic"),
    "initial": N_("Start from"),
    "merge": N_("Merge"),
    "seed": N_("Seed"),
    "time_limit_s": N_("Time limit (s)"),
    "validation_share": N_("Validation share"),
    "validate_every": N_("Iterations between validations"),
    "early_stop": N_("Early stop (validations)"),
    "checkpoint_every": N_("Iterations between checkpoints"),
}


def setting_name(key: str) -> str:
    """A setting's name in the session's language; one that is not known is named as the engine does.

    Args:
        key: of `RunConfig`, nested ones as `placement.scale`.
    """
    return _(NAMES[key]) if key in NAMES else key


def setting_value(value: Any) -> str:
    """A setting's value as text: paths by their last part, lists and weights in a row."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return ", ".join(f"{name} {setting_value(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(setting_value(each) for each in value)
    if isinstance(value, float):
        return f"{value:g}"
    return Path(value).name if isinstance(value, str) and "/" in value else str(value)
