# SPDX-License-Identifier: AGPL-3.0-only
"""Imports Hugging Face transformers without telemetry, progress bars and advice on standard error."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from transformers import (  # reads the environment at its first import
    AutoConfig,
    AutoImageProcessor,
    AutoModelForObjectDetection,
    PreTrainedModel,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_OBJECT_DETECTION_MAPPING
from transformers.utils import logging

__all__ = [
    "MODEL_FOR_OBJECT_DETECTION_MAPPING",
    "AutoConfig",
    "AutoImageProcessor",
    "AutoModelForObjectDetection",
    "PreTrainedModel",
]

logging.set_verbosity_error()
logging.disable_progress_bar()
