# SPDX-License-Identifier: AGPL-3.0-only
"""The model's own transform, for a whole batch, and back."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from engine.detectors.base import Targets
from engine.detectors.torchvision_input import centres, full_precision, prepare, with_thresholds

MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.3, 0.25]
TRANSFORMS = {
    "longer side": GeneralizedRCNNTransform(80, 120, MEAN, STD),
    "shorter side": GeneralizedRCNNTransform(80, 1000, MEAN, STD),
    "several sizes": GeneralizedRCNNTransform((60, 70), 1000, MEAN, STD, size_divisible=16),
    "fixed": GeneralizedRCNNTransform(80, 100, MEAN, STD, size_divisible=1, fixed_size=(100, 80)),
}


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (90, 31)])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_images_and_boxes_become_what_the_model_makes_of_them(name, size):
    transform = TRANSFORMS[name].eval()
    x = torch.rand(2, 3, *size)
    boxes = torch.tensor([[3.0, 4, 20, 31], [0, 0, 5, 6]])
    own, own_targets = transform(list(x), [{"boxes": boxes}, {"boxes": boxes[:0]}])
    ours = prepare(transform, x)
    assert_close(ours.tensors, own.tensors, atol=1e-5, rtol=1e-5)
    assert ours.sizes == own.image_sizes
    targets = Targets(
        boxes_xyxy_px=boxes,
        class_ids=torch.tensor([0, 4]),
        image_index=torch.tensor([0, 0]),
        images=2,
    )
    found = ours.targets(targets)
    assert_close([each["boxes"] for each in found], [each["boxes"] for each in own_targets])
    assert [each["labels"].tolist() for each in found] == [[1, 5], []]
    assert_close(ours.to_image(found[0]["boxes"]), boxes)
    assert_close(ours.to_image(centres(found[0]["boxes"])), centres(boxes))


@pytest.mark.parametrize(
    ("whole_px", "window", "resized", "padded"),
    [
        (160, (160, 160), (80, 80), (96, 96)),  # a window as large as the whole
        (160, (128, 128), (64, 64), (64, 64)),
        (160, (100, 64), (50, 32), (64, 32)),  # each side by the factor of the whole
        (160, (124, 132), (62, 66), (64, 96)),
        (40, (32, 32), (64, 64), (64, 64)),  # enlarged
        (160, (2, 2), (1, 1), (32, 32)),
    ],
)
def test_windows_are_resized_by_the_factor_of_the_whole(whole_px, window, resized, padded):
    x = torch.rand(2, 3, *window)
    ours = prepare(TRANSFORMS["shorter side"], x, whole_px=whole_px)
    assert (ours.resized_hw, tuple(ours.tensors.shape[2:]), ours.image_hw) == (resized, padded, window)
    assert ours.padded_sizes == [padded] * 2
    corner = ours.to_image(torch.tensor([[resized[1], resized[0]]], dtype=torch.float32))
    assert corner.tolist() == [[window[1], window[0]]]


def test_no_images():
    assert prepare(TRANSFORMS["fixed"], torch.zeros(0, 3, 64, 64)).tensors.shape == (0, 3, 80, 100)


def test_boxes_without_area_are_left_out():
    ours = prepare(TRANSFORMS["fixed"], torch.rand(1, 3, 64, 64))
    boxes = torch.tensor([[1.0, 1, 1, 9], [1, 9, 9, 1], [1, 1, 9, 9]])
    zeros = torch.zeros(3, dtype=torch.long)
    (found,) = ours.targets(Targets(boxes_xyxy_px=boxes, class_ids=zeros, image_index=zeros, images=1))
    assert len(found["boxes"]) == len(found["labels"]) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_only_half_precision_is_converted(given, expected):
    assert full_precision(torch.zeros(1, dtype=given)).dtype == expected


def test_thresholds_are_set_on_a_copy():
    layer = torch.nn.Linear(1, 1)
    own = with_thresholds(layer, min_score=0.1, iou=0.2, max_detections=3)
    assert (own.score_thresh, own.nms_thresh, own.detections_per_img) == (0.1, 0.2, 3)
    assert own.weight is layer.weight
    assert not hasattr(layer, "score_thresh")
