# SPDX-License-Identifier: AGPL-3.0-only
"""State dicts of any version go into the model that they fit; of others, the message says what would."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from engine.detectors import torchvision_models
from engine.detectors.torchvision_models import (
    _layout,
    _todays,
    build_model,
    choose_architecture,
    new_model,
    take_weights,
)
from engine.errors import DetectorError

SSDLITE = "ssdlite320_mobilenet_v3_large"
PATH = Path("net.pth")


@pytest.fixture(scope="module")
def ssdlite() -> dict[str, Tensor]:
    """The state dict of a detector with three classes."""
    torch.manual_seed(0)
    return get_model(SSDLITE, weights=None, weights_backbone=None, num_classes=4).state_dict()


def empty(architecture: str, labels: int = 3) -> dict[str, Tensor]:
    """A state dict with the names and shapes of an architecture, of which no number exists."""
    return {name: torch.empty(shape, device="meta") for name, shape in _layout(architecture, labels).items()}


def refused(architecture: str, weights: Mapping[str, Tensor]) -> str:
    with pytest.raises(DetectorError) as caught:
        build_model(PATH, architecture, weights)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "given", "written", "names", "found"),
    [
        ("net.pth", "ssd300_vgg16", "", [], "ssd300_vgg16"),
        ("net.pth", "ssd300_vgg16", SSDLITE, [], "ssd300_vgg16"),
        ("net.pth", "auto", SSDLITE, [], SSDLITE),
        ("net.pth", "auto", "", ["module.backbone.scale_weight"], "ssd300_vgg16"),
        ("fcos_resnet50_fpn_coco-99b0c9b7.pth", "auto", "", [], "fcos_resnet50_fpn"),
    ],
)
def test_the_architecture_is_given_written_or_shown(
    path: str, given: str, written: str, names: list[str], found: str
) -> None:
    assert choose_architecture(Path(path), given, written, dict.fromkeys(names, (1,))) == found


@pytest.mark.parametrize(
    ("written", "names", "message"),
    [
        ("", [], "expected a state dict of a torchvision detector, got '' and others"),
        ("", ["fc.weight"], "got 'fc.weight' and others; name it with --architecture"),
        ("resnet50", [], "expected an architecture of fasterrcnn_resnet50_fpn, .*got 'resnet50'"),
        (
            "",
            ["roi_heads.box_head.fc6.weight", "backbone.body.0.0.weight"],
            "of fasterrcnn_mobilenet_v3_large_fpn or fasterrcnn_mobilenet_v3_large_320_fpn, "
            "got weights that fit both; name it with --architecture",
        ),
    ],
)
def test_an_architecture_that_is_open_has_to_be_named(written: str, names: list[str], message: str) -> None:
    with pytest.raises(DetectorError, match=message):
        choose_architecture(PATH, "auto", written, dict.fromkeys(names, (1,)))


def test_weights_are_put_in_without_touching_chance(ssdlite: dict[str, Tensor]) -> None:
    state = torch.random.get_rng_state()
    half = {f"module.{name}": value.half() for name, value in ssdlite.items() if "tracked" not in name}
    model, labels = build_model(PATH, SSDLITE, half)
    assert labels == 4
    for name, value in model.state_dict().items():
        if "tracked" not in name:
            assert torch.equal(value, ssdlite[name].half().float())
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("former", "todays"),
    [
        ("rpn.head.conv.weight", "rpn.head.conv.0.0.weight"),
        ("backbone.fpn.inner_blocks.2.bias", "backbone.fpn.inner_blocks.2.0.bias"),
        ("roi_heads.mask_head.mask_fcn4.weight", "roi_heads.mask_head.3.0.weight"),
        ("head.regression_head.conv.6.bias", "head.regression_head.conv.3.0.bias"),
        ("head.classification_head.cls_logits.bias", "head.classification_head.cls_logits.bias"),
    ],
)
def test_names_of_former_versions(former: str, todays: str) -> None:
    assert _todays(former) == todays


@pytest.mark.parametrize("architecture", ["maskrcnn_resnet50_fpn", "retinanet_resnet50_fpn"])
def test_former_names_are_those_that_torchvision_knows(architecture: str) -> None:
    """Published weights have them; torchvision's own loader is the judge of their translation."""
    expected = _layout(architecture, 91)
    published = {
        name: torch.empty(shape, device="meta")
        for name, shape in _layout(architecture, 91).items()
        if "tracked" not in name
    }
    former = {_former(name): value for name, value in published.items()}
    assert former.keys() != published.keys()
    with torch.device("meta"):
        theirs = get_model(architecture, weights=None, weights_backbone=None)
    theirs.load_state_dict(former, assign=True)
    renamed = torchvision_models._renamed(former, expected)
    assert torchvision_models._difference(renamed, expected) == ""


def _former(name: str) -> str:
    parts = name.split(".")
    if name.startswith(("rpn.head.conv.", "backbone.fpn.inner", "backbone.fpn.layer")) and parts[-2] == "0":
        return ".".join([*parts[: 3 if name.startswith("rpn") else 4], parts[-1]])
    if name.startswith("roi_heads.mask_head."):
        return f"roi_heads.mask_head.mask_fcn{int(parts[2]) + 1}.{parts[-1]}"
    if ".conv." in name and name.startswith("head."):
        return ".".join([*parts[:3], str(int(parts[3]) * 2), parts[-1]])
    return name


@pytest.mark.parametrize(
    ("architecture", "of", "message"),
    [
        (
            "fasterrcnn_resnet50_fpn",
            "retinanet_resnet50_fpn",
            r"a state dict of fasterrcnn_resnet50_fpn, got \d+ missing, first '.+' and \d+ unexpected, "
            r"first '.+'; it fits --architecture retinanet_resnet50_fpn$",
        ),
        (
            "ssd300_vgg16",
            "fasterrcnn_mobilenet_v3_large_fpn",
            "--architecture fasterrcnn_mobilenet_v3_large_fpn or fasterrcnn_mobilenet_v3_large_320_fpn$",
        ),
        (
            "fasterrcnn_resnet50_fpn",
            "maskrcnn_resnet50_fpn",
            "unexpected, first 'roi_heads.mask_head.0.0.weight'",
        ),
        ("fcos_resnet50_fpn", "keypointrcnn_resnet50_fpn", "it fits no architecture that PatchBench knows$"),
    ],
)
def test_weights_of_another_architecture_say_which(architecture: str, of: str, message: str) -> None:
    assert re.search(message, refused(architecture, empty(of)))


@pytest.mark.parametrize("weights", [{}, {"fc.weight": torch.ones(1)}, {"module.": torch.ones(1)}])
def test_weights_of_nothing_known(weights: dict[str, Tensor]) -> None:
    assert "missing, first" in refused(SSDLITE, weights)


def test_another_shape_is_named() -> None:
    weights = empty("ssd300_vgg16") | {"backbone.scale_weight": torch.ones(7)}
    assert "got 'backbone.scale_weight' of shape (7,) instead of (512,)" in refused("ssd300_vgg16", weights)
    scalar = empty("fcos_resnet50_fpn") | {"head.classification_head.cls_logits.weight": torch.tensor(1.0)}
    assert "cls_logits" in refused("fcos_resnet50_fpn", scalar)


class _Small(nn.Module):
    """Batch norm and scores, by the names of a RetinaNet."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(2)
        scores = nn.Conv2d(1, 9 * labels, 1)
        self.head = nn.ModuleDict({"classification_head": nn.ModuleDict({"cls_logits": scores})})


@pytest.mark.parametrize(
    ("name", "eps"), [("net.pth", 1e-5), ("retinanet_resnet50_fpn_coco-eeacb38b.pth", 0.0)]
)
def test_published_weights_are_run_as_torchvision_runs_them(
    monkeypatch: pytest.MonkeyPatch, name: str, eps: float
) -> None:
    def get_model(architecture: str, *, num_classes: int, **options: Any) -> nn.Module:
        assert options == {"weights": None, "weights_backbone": None}  # no download
        return _Small(num_classes)

    monkeypatch.setattr(torchvision_models, "get_model", get_model)
    model, labels = build_model(Path(name), "retinanet_resnet50_fpn", _Small(4).state_dict())
    assert labels == 4
    assert model.norm.eps == eps


def test_boxes_of_a_class_move_with_its_name() -> None:
    """A Faster R-CNN has four sides for each label."""
    torch.manual_seed(0)
    architecture = "fasterrcnn_mobilenet_v3_large_320_fpn"
    model, former = new_model(architecture, 3), new_model(architecture, 4)
    own = model.roi_heads.box_predictor.bbox_pred.weight.view(3, 4, -1).clone()
    take_weights(model, former, architecture, {0: 0, 2: 3})
    sides = model.roi_heads.box_predictor.bbox_pred.weight.view(3, 4, -1)
    theirs = former.roi_heads.box_predictor.bbox_pred.weight.view(4, 4, -1)
    assert torch.equal(sides, torch.stack([theirs[0], own[1], theirs[3]]))
    scores = model.roi_heads.box_predictor.cls_score.bias
    assert torch.equal(scores[[0, 2]], former.roi_heads.box_predictor.cls_score.bias[[0, 3]])
    assert torch.equal(model.rpn.head.cls_logits.weight, former.rpn.head.cls_logits.weight)
