# SPDX-License-Identifier: AGPL-3.0-only
"""A detector behind a step: what it sees, what is refused, chance from images."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.defences.defended import Defended, chance_of, seen_by, straight_through
from engine.detectors.base import Targets
from engine.errors import SettingsError
from tests.fakes import FakeDetector

IMAGES = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
TARGETS = Targets(
    boxes_xyxy_px=torch.tensor([[2.0, 2, 12, 12]]),
    class_ids=torch.tensor([0]),
    image_index=torch.tensor([0]),
    images=2,
)


def test_it_answers_as_the_detector_does_on_changed_images() -> None:
    detector = FakeDetector()
    behind = Defended(detector, lambda images: 1 - images)
    for name in ("name", "family", "class_names", "loss_names", "stride_px", "device"):
        assert getattr(behind, name) == getattr(detector, name)
    assert behind.checksum() == detector.checksum()
    expected, found = (
        each.candidates(images, 0, boxes=True) for each, images in ((detector, 1 - IMAGES), (behind, IMAGES))
    )
    assert torch.equal(expected.logits, found.logits)
    assert behind.losses(IMAGES, TARGETS) == detector.losses(1 - IMAGES, TARGETS)
    assert torch.equal(behind.detect(IMAGES)[0].scores, detector.detect(1 - IMAGES)[0].scores)


def test_it_stands_before_the_detector_for_windows_too() -> None:
    detector, other = FakeDetector(), FakeDetector(seed=1)
    detector.for_windows = lambda image_px: other if image_px == 64 else None  # type: ignore[method-assign]
    behind = Defended(detector, lambda images: 1 - images)
    assert behind.for_windows(32) is None
    windowed = behind.for_windows(64)
    assert windowed is not None
    assert torch.equal(windowed.candidates(IMAGES, 0).logits, other.candidates(1 - IMAGES, 0).logits)
    assert behind.detector is detector


@pytest.mark.parametrize(
    "step", [lambda images: images[..., :8], lambda images: images[:1], lambda images: images.mean()]
)
def test_a_step_that_changes_the_size_is_refused_in_one_line(step) -> None:
    with pytest.raises(SettingsError, match=r"^defence crop: expected images to keep their size 2 x 3 x 16"):
        Defended(FakeDetector(), step, called="defence crop").detect(IMAGES)


def test_a_step_computes_in_fp32_under_autocast() -> None:
    seen: list[torch.dtype] = []

    def step(images: Tensor) -> Tensor:
        product = images @ images
        seen.append(product.dtype)
        return images

    with torch.autocast("cpu", torch.bfloat16):
        assert Defended(FakeDetector(), step).changed(IMAGES.bfloat16()).dtype == torch.float32
    assert seen == [torch.float32]


def test_straight_through_has_the_values_of_one_and_the_gradient_of_the_other() -> None:
    images = IMAGES.clone().requires_grad_()
    passed = straight_through(images.round(), images)
    assert torch.equal(passed, IMAGES.round())
    (gradient,) = torch.autograd.grad((passed * IMAGES).sum(), images)
    assert torch.equal(gradient, IMAGES)


def test_chance_is_a_function_of_an_image_and_a_salt() -> None:
    def drawn(image: Tensor, salt: int = 0) -> float:
        return torch.rand(1, generator=chance_of(image, salt)).item()

    image, other = IMAGES
    nearly = image.clone()
    nearly[0, 0, 0] += 1e-4
    draws = [drawn(image), drawn(other), drawn(nearly), drawn(image, 1), drawn(image, 2)]
    assert len(set(draws)) == len(draws)
    assert drawn(image) == drawn(image.clone().to(memory_format=torch.preserve_format)) == draws[0]
    assert drawn(IMAGES.to(memory_format=torch.channels_last)[0]) == draws[0]


def test_what_is_seen_went_through_the_whole_chain() -> None:
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    bare = FakeDetector()
    assert seen_by(bare, images) is images
    halved = Defended(Defended(bare, lambda each: each / 2), lambda each: each.round())
    assert torch.equal(seen_by(halved, images), images.round() / 2)
