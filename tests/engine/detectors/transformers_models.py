# SPDX-License-Identifier: AGPL-3.0-only
"""Small random detectors of transformers, one of each family, free to be changed."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("transformers", reason="pip install -r requirements-transformers.txt")

import transformers

from engine.detectors.transformers_adapter import TransformersDetector
from engine.detectors.transformers_model import Normalization

CLASSES = ("person", "car", "dog")
_IMAGENET = Normalization(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
_SMALL = {
    "num_queries": 12,
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
}
_STAGES = {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "layer_type": "basic"}
_HYBRID = {
    "encoder_hidden_dim": 16,
    "encoder_in_channels": [8, 16, 16],
    "decoder_in_channels": [16, 16, 16],
    "decoder_n_points": 2,
}
_YOLOS = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "image_size": [64, 96],
    "num_detection_tokens": 12,
}


def _config(family: str) -> Any:
    labels = {"id2label": dict(enumerate(CLASSES)), "label2id": {name: i for i, name in enumerate(CLASSES)}}
    if family == "yolos":
        return transformers.YolosConfig(**_YOLOS, **labels)
    if family in ("rt_detr", "rt_detr_v2", "d_fine"):
        backbone = transformers.RTDetrResNetConfig(**_STAGES, out_features=["stage2", "stage3", "stage4"])
        config = transformers.CONFIG_MAPPING[family]
        return config(backbone_config=backbone, **_SMALL, **_HYBRID, **labels)
    several = family == "deformable_detr"
    stages = ["stage2", "stage3", "stage4"] if several else ["stage4"]
    changed = {"num_feature_levels": 3, "d_model": 32} if several else {}
    return transformers.CONFIG_MAPPING[family](
        use_timm_backbone=False,
        backbone_config=transformers.ResNetConfig(**_STAGES, out_features=stages),
        auxiliary_loss=True,
        **_SMALL | ({"hidden_size": 16} if family == "dab-detr" else changed),
        **labels,
    )


SOFTMAX = ("detr", "yolos")
FAMILIES = (*SOFTMAX, "conditional_detr", "dab-detr", "deformable_detr", "rt_detr", "rt_detr_v2", "d_fine")


@functools.cache
def _model(family: str) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForObjectDetection.from_config(_config(family))
        for value in model.parameters():
            if value.dim() > 1:
                torch.nn.init.xavier_normal_(value.data.flatten(1), gain=1.6)
        for norm in (each for each in model.modules() if hasattr(each, "running_var")):
            norm.running_mean.normal_(0, 0.1)
            norm.running_var.uniform_(0.3, 0.6)
    return model.eval()


def random_model(family: str) -> Any:
    """A small model, the same each time, free to be changed."""
    return copy.deepcopy(_model(family))


def processor(family: str) -> Any:
    """The model's image processor, with settings that differ from those of a plain image."""
    settings = {"do_resize": True, "do_normalize": True}
    kind = {
        "detr": transformers.DetrImageProcessor,
        "yolos": transformers.YolosImageProcessor,
        "conditional_detr": transformers.ConditionalDetrImageProcessor,
        "dab-detr": transformers.ConditionalDetrImageProcessor,
        "deformable_detr": transformers.DeformableDetrImageProcessor,
    }.get(family, transformers.RTDetrImageProcessor)
    if kind is transformers.RTDetrImageProcessor:
        settings["do_normalize"] = False
    return kind(**settings)


def write_folder(path: Path, family: str, model: Any = None) -> Path:
    """A folder as `save_pretrained` writes it."""
    (model or random_model(family)).save_pretrained(path)
    processor(family).save_pretrained(path)
    return path


def detector(family: str, model: Any = None, **options: Any) -> TransformersDetector:
    """The adapter around it; the processors of RT-DETR and its kin do not normalise."""
    normalization = Normalization() if family in ("rt_detr", "rt_detr_v2", "d_fine") else _IMAGENET
    model, device = model or random_model(family), torch.device("cpu")
    return TransformersDetector(model, normalization=normalization, name="tiny", device=device, **options)
