# SPDX-License-Identifier: AGPL-3.0-only
"""What holds of every defence that is registered: form, gradient, chance, threads, batches."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from engine.defences.defended import Defended
from engine.defences.kinds import DefenceKind, defended
from engine.registries import DEFENCES
from tests.engine.defences.examples import of_kind
from tests.fakes import FakeDetector

# Of these, one needs a trained file and one answers in a way of its own; their own modules test them.
ELSEWHERE = ("segmenter", "object-seeker")
STEPS = [kind for kind in DEFENCES.things() if kind.name not in ELSEWHERE]
KINDS = pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.name)


def images(count: int = 3, side: int = 32, dtype: torch.dtype = torch.float32) -> Tensor:
    """Smooth images with a noisy square each, so that all defences have something to do."""
    generator = torch.Generator().manual_seed(7)
    coarse = torch.rand(count, 3, 4, 4, generator=generator, dtype=dtype)
    smooth = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")
    smooth[:, :, 8:24, 8:24] = torch.rand(count, 3, 16, 16, generator=generator, dtype=dtype)
    ties = torch.rand(smooth.shape, generator=generator, dtype=dtype)  # no two neighbours are equal
    return smooth * 0.97 + ties * 0.01 + 0.01


def behind(kind: DefenceKind, dtype: torch.dtype = torch.float32) -> Defended:
    detector = defended(FakeDetector(dtype=dtype), [of_kind(kind)])
    assert isinstance(detector, Defended)
    return detector


@KINDS
def test_images_keep_size_range_and_type(kind: DefenceKind) -> None:
    for given in (images(1, 40), images()):
        changed = behind(kind).changed(given)
        assert changed.shape == given.shape
        assert changed.dtype == torch.float32
        assert changed.min() >= 0
        assert changed.max() <= 1
        assert not torch.equal(changed, given)


@KINDS
def test_it_computes_the_same_under_autocast(kind: DefenceKind) -> None:
    plain = behind(kind).changed(images())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(behind(kind).changed(images()), plain)


@KINDS
def test_an_image_is_changed_alike_in_any_batch_and_thread(kind: DefenceKind) -> None:
    step, given = behind(kind).changed, images(4)
    together = step(given)
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda number: step(given[number : number + 1]), range(4)))
    torch.testing.assert_close(torch.cat(alone), together, atol=2e-6, rtol=0)
    assert torch.equal(step(given.clone()), together)


@KINDS
def test_only_a_random_one_draws_anew_when_an_image_changes(kind: DefenceKind) -> None:
    given = images(1)
    nearly = given.clone()
    nearly[0, 0, 0, 0] += 1e-3
    step = behind(kind).changed
    assert ((step(given) - step(nearly)).abs().mean() > 1e-3) == kind.random


@KINDS
def test_gradients_are_the_steps_own_or_pass_straight_through(kind: DefenceKind) -> None:
    given = images(2, dtype=torch.float64).requires_grad_()
    generator = torch.Generator().manual_seed(1)
    weights, way = (torch.rand(given.shape, generator=generator, dtype=torch.float64) for _ in range(2))
    step = behind(kind, torch.float64).changed
    (gradient,) = torch.autograd.grad((step(given) * weights).sum(), given)
    if kind.random:  # draws anew for another image, so there are no finite differences
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0
        return
    if torch.equal(gradient, weights):
        return
    with torch.no_grad():
        length = 1e-7
        there, back = (((step(given + sign * length * way)) * weights).sum() for sign in (1, -1))
    assert (gradient * way).sum().item() == pytest.approx(((there - back) / (2 * length)).item(), rel=1e-4)


@KINDS
def test_detections_and_candidates_are_where_the_image_is(kind: DefenceKind) -> None:
    """Whatever a defence does to an image, its answers are in the coordinates of the image as it came."""
    detector, given = behind(kind), images()
    found = detector.candidates(given, 0, boxes=True)
    assert found.boxes_xyxy_px is not None
    centres = (found.boxes_xyxy_px[..., :2] + found.boxes_xyxy_px[..., 2:]) / 2
    assert ((centres - found.points_xy_px).abs() < 12).all()
    detections = detector.detect(given, min_score=0)
    assert len(detections) == len(given)
    listed = torch.cat([each.boxes_xyxy_px for each in detections])
    known = found.boxes_xyxy_px.reshape(-1, 4)
    assert ((listed[:, None] - known[None]).abs().amax(dim=2).amin(dim=1) < 1e-3).all()
