# SPDX-License-Identifier: AGPL-3.0-only
"""Both stages of a two-stage detector, also where the first one keeps nothing."""

from __future__ import annotations

import pytest
import torch

from engine.patch.losses.objects import object_suppression
from tests.engine.detectors.objects import RAGGED, targets
from tests.engine.detectors.torchvision_models import TWO_STAGE, detector, images, random_model

each_kind = pytest.mark.parametrize("kind", TWO_STAGE)


@each_kind
def test_where_nothing_is_proposed_the_first_stage_still_has_a_gradient(kind):
    adapter, x = detector(kind), images().requires_grad_()
    adapter.model.rpn.score_thresh = 1.1
    found = adapter.candidates(x, 0, boxes=True)
    assert found.logits.shape == (2, 1)
    assert not found.valid.any()
    loss = object_suppression(found, RAGGED, 3)
    assert loss > 0
    gradient = torch.autograd.grad(loss, x)[0]
    assert gradient.isfinite().all()
    assert gradient.any()
    assert [len(each.scores) for each in adapter.detect(x)] == [0, 0]


@pytest.mark.parametrize("wanted", [targets([]), RAGGED], ids=["no objects", "objects"])
@each_kind
def test_losses_where_nothing_is_proposed_are_finite(kind, wanted):
    adapter, x = detector(kind), images().requires_grad_()
    adapter.model.rpn.score_thresh = 1.1
    found = adapter.losses(x, wanted)
    assert all(term.isfinite() for term in found.values())
    assert (found["classifier"] == 0) is not bool(len(wanted.class_ids))
    gradient = torch.autograd.grad(found["total"], x)[0]
    assert gradient.isfinite().all()
    assert gradient.any()


@each_kind
def test_one_image_without_proposals_among_others(kind):
    adapter, x = detector(kind), images(n=3)
    counts = adapter.candidates(x, 0).valid.sum(dim=1)
    middle = adapter.candidates(x, 0).proposals.logits.amax(dim=1).sort().values[:2].mean()
    adapter.model.rpn.score_thresh = float(middle.sigmoid())
    found = adapter.candidates(x, 0, boxes=True)
    fewer = found.valid.sum(dim=1)
    assert (fewer == 0).sum() == 1
    assert (fewer <= counts).all()
    assert torch.equal(found.logits == -torch.inf, ~found.valid)


@each_kind
def test_the_first_stages_candidates_are_the_models_anchors(kind):
    model, x = random_model(kind), images()
    seen = []
    model.rpn.head.register_forward_hook(lambda module, given, answer: seen.extend(answer[0]))
    with torch.no_grad():
        model(list(x))
    own = torch.cat([level.permute(0, 2, 3, 1).flatten(1) for level in seen], dim=1)
    found = detector(kind).candidates(x, 0).proposals
    torch.testing.assert_close(found.logits, own, atol=1e-4, rtol=1e-4)
    assert found.points_xy_px.shape == (1, own.shape[1], 2)
    assert found.points_xy_px.amin() == 0
    assert (found.points_xy_px <= torch.tensor([160, 96]) / 1.5).all()
    assert found.boxes_xyxy_px is found.proposals is None


def test_only_the_heads_of_boxes_are_kept():
    adapter = detector("mask")
    assert not adapter.model.roi_heads.has_mask()
    assert not any("mask" in name for name in adapter.model.state_dict())
