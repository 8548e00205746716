# SPDX-License-Identifier: AGPL-3.0-only
"""torchvision's detectors by name: architectures, published classes, and how a file shows both. No torch."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

from engine.config import home_folder
from engine.detectors.class_lists import without_background
from engine.detectors.weight_facts import WeightFacts, contains, facts_in

Value = TypeVar("Value")

FAMILY = "torchvision"
_PUBLISHED = (
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "maskrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn_v2",
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
    "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large",
)
OWN = ("fasterrcnn_small",)
"""Architectures of `torchvision_small`, of which nobody publishes weights."""
ARCHITECTURES = (*_PUBLISHED, *OWN)
PUBLISHED = tuple(f"{FAMILY}/{architecture}" for architecture in _PUBLISHED)

_COCO = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,,stop sign,"
    "parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,,backpack,umbrella,,,"
    "handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,"
    "surfboard,tennis racket,bottle,,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,"
    "broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,,dining table,,,toilet,,tv,"
    "laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,,book,clock,vase,"
    "scissors,teddy bear,hair drier,toothbrush"
)
COCO_CLASSES = tuple(name or str(index) for index, name in enumerate(_COCO.split(",")))
"""Classes of all published weights, for labels 1 to 90; labels that COCO does not use are named by index."""

_MARKS = (b"roi_heads.box_predictor.", b"head.classification_head.", b"torchvision.models.detection")
_DOWNLOADED = re.compile(rf"({'|'.join(_PUBLISHED)})(_coco)?-[0-9a-f]{{8}}")

# Weights of which at least these names are in the state dict → architectures; the first that apply.
_MASK, _FC, _CONV_HEAD = (
    "roi_heads.mask_predictor.mask_fcn_logits.weight",
    "roi_heads.box_head.fc6.weight",
    "roi_heads.box_head.0.0.weight",
)
_RESNET, _MOBILENET, _SMALL = (
    "backbone.body.layer1.0.conv1.weight",
    "backbone.body.0.0.weight",
    "backbone.body.stem.0.0.weight",
)
_ANCHORS = "head.classification_head.cls_logits.weight"
_SIGNATURES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((_MASK, _FC, _RESNET), ("maskrcnn_resnet50_fpn",)),
    ((_MASK, _CONV_HEAD, _RESNET), ("maskrcnn_resnet50_fpn_v2",)),
    ((_FC, _RESNET), ("fasterrcnn_resnet50_fpn",)),
    ((_CONV_HEAD, _RESNET), ("fasterrcnn_resnet50_fpn_v2",)),
    ((_FC, _MOBILENET), ("fasterrcnn_mobilenet_v3_large_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn")),
    ((_FC, _SMALL), ("fasterrcnn_small",)),
    ((_ANCHORS, "head.regression_head.bbox_ctrness.weight"), ("fcos_resnet50_fpn",)),
    ((_ANCHORS, "head.classification_head.conv.0.1.weight"), ("retinanet_resnet50_fpn_v2",)),
    ((_ANCHORS,), ("retinanet_resnet50_fpn",)),
    (("backbone.scale_weight",), ("ssd300_vgg16",)),
    (("head.classification_head.module_list.0.1.weight",), ("ssdlite320_mobilenet_v3_large",)),
)
# Layer with a row for each class (background included) and anchor → number of anchors, by kind.
_SCORES = {
    "fasterrcnn": ("roi_heads.box_predictor.cls_score.weight", 1),
    "maskrcnn": ("roi_heads.box_predictor.cls_score.weight", 1),
    "retinanet": (_ANCHORS, 9),
    "fcos": (_ANCHORS, 1),
    "ssd300": ("head.classification_head.module_list.0.weight", 4),
    "ssdlite320": ("head.classification_head.module_list.0.1.weight", 6),
}


def knows(path: Path) -> bool:
    """Whether a file holds a torchvision detector, by names in it."""
    return contains(path, _MARKS)


def published_architecture(path: Path) -> str:
    """The architecture of published weights by the place or name of their file; empty for other files."""
    if path.parent == home_folder() / "weights" / FAMILY and path.stem in _PUBLISHED:
        return path.stem
    match = _DOWNLOADED.fullmatch(path.stem)
    return match[1] if match else ""


def bare_names(named: Mapping[str, Value]) -> dict[str, Value]:
    """Weights, or their shapes, without the prefix that training on several devices gives to their names."""
    return {name.removeprefix("module."): value for name, value in named.items()}


def likely_architectures(names: Collection[str]) -> tuple[str, ...]:
    """The architectures that a state dict with these names may be of; several if they share their weights."""
    return next((found for needed, found in _SIGNATURES if all(name in names for name in needed)), ())


def label_count(shapes: Mapping[str, tuple[int, ...]], architecture: str) -> int:
    """The number of labels, background included, by the layer of scores; 0 without such a layer."""
    layer, anchors = _SCORES[architecture.partition("_")[0]]
    shape = shapes.get(layer, ())
    return shape[0] // anchors if shape else 0


def names_of(path: Path, facts: WeightFacts, labels: int) -> tuple[str, ...]:
    """Classes of labels 1 to `labels` - 1: COCO's for published weights, else the file's, else numbers."""
    if published_architecture(path) and labels == len(COCO_CLASSES) + 1:
        return COCO_CLASSES
    return facts.class_names or tuple(map(str, range(labels - 1)))


def class_names(path: Path) -> tuple[str, ...]:
    """The classes of the detector in a file by index, for choices on pages; empty if it cannot be read."""
    facts = facts_in(path)
    shapes = bare_names(facts.shapes) if facts else {}
    likely = likely_architectures(shapes)
    if facts is None or not likely:
        return ()
    labels = label_count(shapes, likely[0])
    return without_background(names_of(path, facts, labels), labels - 1)
