# SPDX-License-Identifier: AGPL-3.0-only
"""Anchors of one-stage detectors: which there are, where they look, how they are scored."""

from __future__ import annotations

import pytest
import torch

from tests.engine.detectors.torchvision_models import NAMES, detector, images, random_model

# 96 × 64 becomes 144 × 96, padded to 160 × 96: levels of 20 × 12 and 10 × 6; for SSD 96 × 80.
PLACES = {"retinanet": 4 * (240 + 60), "fcos": 240 + 60, "ssd": 4 * (120 + 30)}
each_kind = pytest.mark.parametrize("kind", PLACES)


@each_kind
def test_images_share_the_anchors(kind):
    found = detector(kind).candidates(images(n=3), 0)
    assert found.logits.shape == (3, PLACES[kind])
    assert found.points_xy_px.shape == (1, PLACES[kind], 2)
    assert found.valid is found.proposals is None


def test_points_are_in_the_images_own_pixels():
    points = detector("fcos").candidates(images(), 0).points_xy_px[0]
    assert points[0].tolist() == [0, 0]
    torch.testing.assert_close(points[1], torch.tensor([8 / 1.5, 0]))
    torch.testing.assert_close(points[240 + 10], torch.tensor([0, 16 / 1.5]))
    ssd = detector("ssd").candidates(images(), 0).points_xy_px[0]
    torch.testing.assert_close(ssd[0], torch.tensor([96 / 24, 64 / 20]))


@each_kind
def test_scores_are_the_models_own(kind):
    model, adapter, seen = random_model(kind), detector(kind), {}
    model.head.register_forward_hook(lambda module, given, answer: seen.update(answer))
    with torch.no_grad():
        model(list(images()))
    scores = {
        "retinanet": lambda: seen["cls_logits"].sigmoid(),
        "fcos": lambda: (seen["cls_logits"].sigmoid() * seen["bbox_ctrness"].sigmoid()).sqrt(),
        "ssd": lambda: seen["cls_logits"].softmax(dim=-1),
    }[kind]()
    assert scores.std() > 0.05
    for class_id in range(len(NAMES)):
        found = adapter.candidates(images(), class_id).logits.sigmoid()
        torch.testing.assert_close(found, scores[..., class_id + 1], atol=1e-4, rtol=1e-3)
