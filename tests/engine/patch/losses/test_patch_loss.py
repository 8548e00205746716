# SPDX-License-Identifier: AGPL-3.0-only
"""The weighted sum: the same whatever the batches, its gradient against finite differences."""

from __future__ import annotations

import math

import pytest
import torch

from engine.config import PlacementConfig
from engine.datasets.sampling import plan_iteration
from engine.detectors.base import Targets
from engine.detectors.ensemble import Attacked, Ensemble, Member
from engine.errors import SettingsError
from engine.patch.losses.max_confidence import max_confidence
from engine.patch.losses.objects import object_suppression
from engine.patch.losses.patch_loss import PatchLoss, lacking_losses, require_losses
from engine.patch.losses.total_variation import total_variation
from engine.patch.render import compose
from engine.patch.transforms import place
from engine.registries import LOSSES
from tests.engine.patch.factories import TERMS, random_images, random_patch, targets
from tests.fakes import FakeDetector, RaggedDetector

POSSIBLE = [
    (kind, name)
    for kind in (FakeDetector, RaggedDetector)
    for name in LOSSES
    if not lacking_losses(kind, [name])
]


def test_the_loss_is_the_weighted_sum_of_its_terms():
    weights = {"object": 0.5, "max_confidence": -2.0, "total": 0.25, "box": 3.0, "tv": 0.1}
    loss = PatchLoss(weights, class_id=0, objects_per_image=1.5, top_k=3)
    images, objects = random_images(2, 64, 64).float() / 255, targets([(8, 8, 30, 40)], [1], images=2)
    detector, patch = FakeDetector(), random_patch(8, 8)
    value, terms = loss(detector, images, objects, patch)
    native = detector.losses(images, objects)
    found = detector.candidates(images, 0)
    expected = {
        "object": object_suppression(found, objects, 3) / 1.5,
        "max_confidence": max_confidence(found),
        "total": -native["total"],  # the detector is to be made worse
        "box": -native["box"],
        "tv": total_variation(patch),
    }
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {name: term.item() for name, term in expected.items()}
    )
    assert value.item() == pytest.approx(sum(weights[name] * terms[name].item() for name in weights))


def several(*detectors: FakeDetector | RaggedDetector) -> Ensemble:
    return Ensemble([Member(detector=each, class_id=index) for index, each in enumerate(detectors)])


@pytest.mark.parametrize("ensemble", ["mean", "max"])
def test_several_detectors_count_by_the_mean_or_the_largest(ensemble: str) -> None:
    """Each is asked for its own class; the gradient is that of the joined loss."""
    detectors = FakeDetector(seed=1), RaggedDetector(seed=2)
    images = (random_images(2, 64, 64).float() / 255).requires_grad_()
    objects, patch = targets([(8, 8, 30, 40), (2, 2, 60, 60)], [1, 0], images=2), random_patch(8, 8)

    def of(detector: Attacked, class_id: int, boxes: Targets) -> tuple[float, dict[str, float], torch.Tensor]:
        weights = {"object": 0.5, "overlap": 2.0, "tv": 1.0}
        loss = PatchLoss(weights, class_id=class_id, objects_per_image=1.0, top_k=3, ensemble=ensemble)
        value, terms = loss(detector, images, boxes, patch)
        (gradient,) = torch.autograd.grad(value, images)
        return value.item(), {name: term.item() for name, term in terms.items()}, gradient

    alone = [of(each, index, objects.as_class(index)) for index, each in enumerate(detectors)]
    value, terms, gradient = of(several(*detectors), 0, objects)
    if ensemble == "max":
        expected = max(alone, key=lambda each: each[0])
    else:
        expected = (
            sum(each[0] for each in alone) / 2,
            {name: sum(each[1][name] for each in alone) / 2 for name in terms},
            (alone[0][2] + alone[1][2]) / 2,
        )
    assert value == pytest.approx(expected[0])
    assert terms == pytest.approx(expected[1])
    torch.testing.assert_close(gradient, expected[2])


@pytest.mark.parametrize(("ensemble", "adds_up"), [("mean", True), ("max", False)])
def test_the_largest_loss_of_a_batch_is_not_that_of_its_parts(ensemble: str, adds_up: bool) -> None:
    loss = PatchLoss({"object": 1.0}, class_id=0, objects_per_image=1.0, top_k=1, ensemble=ensemble)
    assert loss.adds_up is adds_up


def test_a_loss_that_one_of_several_lacks_is_refused() -> None:
    assert lacking_losses(several(FakeDetector(), RaggedDetector()), ["dfl"]) == ["dfl"]


@pytest.mark.parametrize(
    ("weights", "asked"),
    [
        ({"tv": 1, "object": 1}, [("candidates", {"boxes": False})]),
        ({"object": 1, "max_confidence": 1, "tv": 1}, [("candidates", {"boxes": False})]),
        ({"total": 1, "cls": 1}, [("losses", {})]),
        ({"object": 1, "dfl": 1}, [("candidates", {"boxes": False}), ("losses", {})]),
        ({"object": 1, "overlap": 1, "max_confidence": 1}, [("candidates", {"boxes": True})]),
    ],
)
def test_only_what_the_terms_need_is_computed(weights, asked, monkeypatch):
    calls = []
    for name in ("candidates", "losses"):
        original = getattr(FakeDetector, name)

        def noting(self, *arguments, name=name, original=original, **options):
            calls.append((name, options))
            return original(self, *arguments, **options)

        monkeypatch.setattr(FakeDetector, name, noting)
    loss = PatchLoss(weights, class_id=0, objects_per_image=1, top_k=1)
    loss(
        FakeDetector(), random_images(1, 64, 64).float() / 255, targets([(8, 8, 30, 40)]), random_patch(8, 8)
    )
    assert calls == asked


BOXES = [(4, 4, 28, 50), (30, 8, 60, 60), (10, 20, 25, 40), (2, 2, 62, 62), (40, 40, 44, 44), (5, 30, 50, 62)]
OWNERS = [1, 2, 3, 3, 5, 5]  # images 0 and 4 hold nothing


@pytest.mark.parametrize(
    ("kind", "names"),
    [(FakeDetector, TERMS), (RaggedDetector, ("object", "overlap", "max_confidence"))],
)
@pytest.mark.parametrize("batching", ["sequential", "grouped", "ragged"])
def test_the_batch_plan_does_not_change_the_loss_or_its_gradient(batching, kind, names):
    counts = [OWNERS.count(image) for image in range(6)]
    plan = plan_iteration(counts, strategy=batching, batch_size=4, sampling="uniform", seed=0, iteration=0)
    weights = dict.fromkeys(names, 1.0)
    loss = PatchLoss(weights, class_id=0, objects_per_image=1, top_k=4)
    images = random_images(6, 64, 64)

    def outcome(batches: list[list[int]]) -> tuple[dict[str, float], torch.Tensor]:
        detector, patch = kind(), random_patch(8, 8).requires_grad_(True)
        means, gradient = dict.fromkeys(weights, 0.0), torch.zeros_like(patch)
        for batch in batches:
            chosen = [
                (batch.index(owner), box) for owner, box in zip(OWNERS, BOXES, strict=True) if owner in batch
            ]
            objects = targets([box for _, box in chosen], [owner for owner, _ in chosen], images=len(batch))
            rows = place(objects, canvas_hw=(64, 64), aspect=1, placement=PlacementConfig())
            value, terms = loss(detector, compose(images[batch], patch, rows), objects, patch)
            gradient += torch.autograd.grad(value, patch)[0] * len(batch) / 6
            for name, term in terms.items():
                means[name] += term.item() * len(batch) / 6
        return means, gradient

    means, gradient = outcome(plan)
    expected_means, expected_gradient = outcome([list(range(6))])
    assert means == pytest.approx(expected_means, rel=1e-5)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("kind", "name"), [each for each in POSSIBLE if each[1] != "tv"])
def test_a_batch_without_objects_has_a_finite_loss_and_no_gradient(kind, name):
    loss = PatchLoss({name: 1.0}, class_id=0, objects_per_image=0, top_k=4)
    patch, objects = random_patch(8, 8).requires_grad_(True), targets(images=2)
    rows = place(objects, canvas_hw=(64, 64), aspect=1, placement=PlacementConfig())
    value, terms = loss(kind(), compose(random_images(2, 64, 64), patch, rows), objects, patch)
    (gradient,) = torch.autograd.grad(value, patch)
    assert math.isfinite(value.item())
    assert value.item() == pytest.approx(terms[name].item())
    assert torch.equal(gradient, torch.zeros_like(patch))


@pytest.mark.parametrize(("kind", "name"), POSSIBLE)
def test_the_gradient_of_the_whole_loss_agrees_with_finite_differences(kind, name):
    detector = kind(dtype=torch.float64)
    loss = PatchLoss({name: 1.0}, class_id=0, objects_per_image=2, top_k=3)
    images = random_images(2, 32, 32).double() / 255
    objects = targets([(3, 4, 20, 30), (10, 2, 31, 28)], [0, 1], images=2)
    placement = PlacementConfig(scale=0.4)
    rows = place(objects, canvas_hw=(32, 32), aspect=1, placement=placement)
    patch = 0.2 + 0.6 * random_patch(4, 4, dtype=torch.float64)
    directions = torch.stack([random_patch(4, 4, seed, torch.float64) - 0.5 for seed in (1, 2, 3)])

    def along(steps: torch.Tensor) -> torch.Tensor:
        texels = patch + torch.tensordot(steps, directions, dims=1)
        return loss(detector, compose(images, texels, rows), objects, texels)[0]

    start = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    assert along(start).dtype == torch.float64
    assert torch.autograd.gradcheck(along, start)


def test_terms_are_summed_in_one_order_whatever_order_they_are_asked_for_in():
    asked = dict.fromkeys(reversed(TERMS), 1.0)
    loss = PatchLoss(asked, class_id=0, objects_per_image=1, top_k=1)
    images = random_images(1, 64, 64).float() / 255
    _, terms = loss(FakeDetector(), images, targets([(8, 8, 30, 40)]), random_patch(8, 8))
    assert list(terms) == ["overlap", "object", "max_confidence", "total", "cls", "box", "dfl", "tv"]


def test_what_a_loss_samples_comes_from_the_given_generator():
    images, objects = random_images(2, 64, 64).float() / 255, targets([(8, 8, 30, 40)], [1], images=2)
    loss = PatchLoss({"total": 1.0}, class_id=0, objects_per_image=1, top_k=1)

    def value(seed: int) -> float:
        generator = torch.Generator().manual_seed(seed)
        return loss(RaggedDetector(), images, objects, random_patch(8, 8), generator)[0].item()

    assert value(0) == value(0) != value(1)


@pytest.mark.parametrize(
    ("kind", "names", "lacking"),
    [
        (FakeDetector, (), []),
        (FakeDetector, TERMS, []),
        (RaggedDetector, ("object", "overlap", "max_confidence", "total", "cls", "tv"), []),
        (RaggedDetector, ("dfl", "object", "box"), ["dfl", "box"]),
    ],
)
def test_training_losses_are_those_of_the_detector(kind, names, lacking):
    assert lacking_losses(kind(), names) == lacking
    if not lacking:
        require_losses(kind(), names)
        return
    offered = "object, overlap, max_confidence, tv, total, cls"
    with pytest.raises(
        SettingsError, match=f"expected some of {offered} for ragged, got dfl, box; leave out"
    ):
        require_losses(kind(), names)
