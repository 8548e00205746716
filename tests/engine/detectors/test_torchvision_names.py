# SPDX-License-Identifier: AGPL-3.0-only
"""Names agree with torchvision's own, and files show whose weights they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import detection as theirs
from torchvision.models import get_model_weights, list_models

from engine.detectors.torchvision_models import _layout
from engine.detectors.torchvision_names import (
    ARCHITECTURES,
    COCO_CLASSES,
    OWN,
    PUBLISHED,
    bare_names,
    class_names,
    knows,
    label_count,
    likely_architectures,
    published_architecture,
)

SCORES = "roi_heads.box_predictor.cls_score.weight"
FASTER = {
    SCORES: torch.ones(4, 2),
    "roi_heads.box_head.fc6.weight": torch.ones(1),
    "backbone.body.layer1.0.conv1.weight": torch.ones(1),
}


def test_architectures_are_torchvisions_detectors() -> None:
    known = {name for name in list_models(theirs) if "keypoint" not in name}
    assert {*ARCHITECTURES} - {*OWN} == known == {name.partition("/")[2] for name in PUBLISHED}


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name not in OWN])
def test_published_weights_have_cocos_classes(architecture: str) -> None:
    (weights,) = get_model_weights(architecture)
    _, *names = weights.meta["categories"]
    assert [name if name != "N/A" else str(index) for index, name in enumerate(names)] == list(COCO_CLASSES)
    assert published_architecture(Path(weights.url.rpartition("/")[2])) == architecture


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_architecture_is_told_by_its_names(architecture: str) -> None:
    shapes = _layout(architecture, 7)
    shared = {"fasterrcnn_mobilenet_v3_large_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn"}
    assert set(likely_architectures(shapes)) == (shared if architecture in shared else {architecture})
    assert label_count(shapes, architecture) == 7


def test_other_names_are_of_none() -> None:
    assert likely_architectures({}) == likely_architectures({"model.0.conv.weight": ()}) == ()
    assert label_count({}, "ssd300_vgg16") == label_count({SCORES: ()}, "fasterrcnn_resnet50_fpn") == 0
    assert bare_names({"module.a": 1, "b.module.c": 2}) == {"a": 1, "b.module.c": 2}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("", ""),
        ("fcos_resnet50_fpn.pth", ""),
        ("fcos_resnet50_fpn-mine.pth", ""),
        ("fcos_resnet50_fpn_coco-99b0c9b7.pth", "fcos_resnet50_fpn"),
        ("home/weights/torchvision/fcos_resnet50_fpn.pth", "fcos_resnet50_fpn"),
        ("home/weights/torchvision/mine.pth", ""),
        ("home/weights/torchvision/fasterrcnn_small.pth", ""),
        ("home/weights/fcos_resnet50_fpn.pth", ""),
    ],
)
def test_published_files_are_known_by_place_or_name(own_home: Path, name: str, found: str) -> None:
    path = own_home.parent / name if name.startswith("home") else Path(name)
    assert published_architecture(path) == found


@pytest.mark.parametrize("kind", ["zip", "sequence", "safetensors"])
def test_a_file_shows_that_it_is_torchvisions_and_how_many_classes_it_has(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "net"
    named = {f"module.{name}": value for name, value in FASTER.items()}
    if kind == "safetensors":
        save_file(named, path)
    else:
        torch.save(named, path, _use_new_zipfile_serialization=kind == "zip")
    assert knows(path)
    assert class_names(path) == ("0", "1", "2")


def test_classes_of_a_file_come_from_itself_or_from_coco(own_home: Path, tmp_path: Path) -> None:
    torch.save({"model": FASTER, "classes": ["__background__", "a", "b", "c"]}, tmp_path / "net.pth")
    assert class_names(tmp_path / "net.pth") == ("a", "b", "c")
    published = own_home / "weights" / "torchvision" / "fasterrcnn_resnet50_fpn.pth"
    published.parent.mkdir(parents=True)
    torch.save(FASTER | {SCORES: torch.ones(91, 2)}, published)
    assert class_names(published) == COCO_CLASSES


@pytest.mark.parametrize("content", [{}, {"model.0.conv.weight": torch.ones(1)}, {SCORES: torch.ones(4, 2)}])
def test_what_is_not_told_has_no_classes(tmp_path: Path, content: dict[str, torch.Tensor]) -> None:
    torch.save(content, tmp_path / "net.pth")
    assert class_names(tmp_path / "net.pth") == class_names(tmp_path / "none.pth") == ()
    assert knows(tmp_path / "net.pth") is (SCORES in content)
