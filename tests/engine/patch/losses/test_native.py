# SPDX-License-Identifier: AGPL-3.0-only
"""The detector's own losses, turned round."""

from __future__ import annotations

import pytest
import torch

from engine.patch.losses.patch_loss import PatchLoss
from engine.registries import DETECTORS, LOSSES
from tests.engine.patch.factories import random_images, random_patch, targets
from tests.fakes import FakeDetector

NATIVE = [term.name for term in LOSSES.things() if term.needs == "native losses"]


@pytest.mark.parametrize("name", [name for name in NATIVE if name in FakeDetector.loss_names])
def test_the_detector_is_to_be_made_worse_by_a_loss_that_only_whole_batches_have(name):
    images, objects = random_images(2, 64, 64).float() / 255, targets([(8, 8, 30, 40)], [1], images=2)
    loss = PatchLoss({name: 1.0}, class_id=0, objects_per_image=1, top_k=1)
    value, terms = loss(FakeDetector(), images, objects, random_patch(8, 8))
    assert list(terms) == [name]
    assert not loss.adds_up
    torch.testing.assert_close(value, -FakeDetector().losses(images, objects)[name])


def test_every_training_loss_of_a_family_has_a_term_with_its_meaning():
    known = {name: meaning for family in DETECTORS.things() for name, meaning in family.losses.items()}
    assert {name: LOSSES[name].help for name in NATIVE} == {name: f"{each}." for name, each in known.items()}
