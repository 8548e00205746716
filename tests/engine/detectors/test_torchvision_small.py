# SPDX-License-Identifier: AGPL-3.0-only
"""The small Faster R-CNN has the size, strides and anchors that it is meant to have, and folds whole."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from engine.boxes import iou_matrix
from engine.detectors.torchvision_adapter import TorchvisionDetector
from engine.detectors.torchvision_small import SIDE_PX, fasterrcnn_small

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def small() -> nn.Module:
    torch.manual_seed(0)
    return fasterrcnn_small(3).eval()


def test_it_is_small(small: nn.Module) -> None:
    assert 1_000_000 < sum(value.numel() for value in small.parameters()) < 2_000_000


@pytest.mark.parametrize("labels", [2, 91])
def test_its_scores_are_of_as_many_labels(labels: int) -> None:
    with torch.device("meta"):
        assert fasterrcnn_small(labels).roi_heads.box_predictor.cls_score.out_features == labels


def test_levels_have_their_strides(small: nn.Module) -> None:
    with torch.no_grad():
        levels = small.backbone(torch.zeros(1, 3, 128, 64))
    assert [tuple(level.shape[1:]) for level in levels.values()] == [
        (64, 16, 8),
        (64, 8, 4),
        (64, 4, 2),
        (64, 2, 1),
    ]


@pytest.mark.parametrize(
    ("width", "height"),
    [(12, 32), (20, 60), (40, 110), (100, 320), (24, 24), (90, 60), (250, 250), (330, 200)],
)
def test_some_anchor_is_of_about_the_size_of_an_object(small: nn.Module, width: int, height: int) -> None:
    cells = small.rpn.anchor_generator.cell_anchors
    assert {len(level) for level in cells} == set(small.rpn.anchor_generator.num_anchors_per_location())
    box = torch.tensor([[-width / 2, -height / 2, width / 2, height / 2]])
    overlaps = [iou_matrix(level.numpy(), box.numpy()).max() for level in cells]
    assert max(overlaps) > 0.5


def test_it_sees_images_at_its_own_size_and_keeps_few_proposals(small: nn.Module) -> None:
    detector = TorchvisionDetector(
        copy.deepcopy(small),
        name="small",
        architecture="fasterrcnn_small",
        class_names=("a", "b"),
        device=CPU,
    )
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in detector.model.modules())
    images = torch.rand(1, 3, 60, 80)
    assert detector._prepared(images).resized_hw == (SIDE_PX * 3 // 4, SIDE_PX)
    found = detector.candidates(images, 0)
    assert found.logits.shape[1] <= 100
    whole = TorchvisionDetector(
        copy.deepcopy(small),
        name="small",
        architecture="fasterrcnn_small",
        class_names=("a", "b"),
        device=CPU,
        fuse=False,
    )
    torch.testing.assert_close(
        found.proposals.logits, whole.candidates(images, 0).proposals.logits, atol=1e-4, rtol=1e-3
    )
