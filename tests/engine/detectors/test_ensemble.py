# SPDX-License-Identifier: AGPL-3.0-only
"""Several detectors as one subject of an attack."""

from __future__ import annotations

import pytest

from engine.detectors.ensemble import Ensemble, Member, members_of
from tests.fakes import FakeDetector, RaggedDetector


def test_a_detector_alone_is_its_only_member() -> None:
    detector = FakeDetector()
    assert members_of(detector, 1) == (Member(detector=detector, class_id=1),)


def test_several_are_described_together() -> None:
    first, second = FakeDetector(seed=1), RaggedDetector(seed=2)
    both = Ensemble([Member(detector=first, class_id=0), Member(detector=second, class_id=1)])
    assert [member.class_id for member in members_of(both, 5)] == [0, 1]
    assert both.name == f"{first.name} + {second.name}"
    assert set(both.loss_names) == set(first.loss_names) & set(second.loss_names)
    assert both.stride_px % first.stride_px == both.stride_px % second.stride_px == 0
    assert both.device == first.device


def test_windows_are_for_all_members_or_none() -> None:
    first, second, other = FakeDetector(seed=1), RaggedDetector(seed=2), FakeDetector(seed=3)
    both = Ensemble([Member(detector=first, class_id=0), Member(detector=second, class_id=1)])
    second.for_windows = lambda image_px: other  # type: ignore[method-assign]
    windowed = both.for_windows(64)
    assert windowed is not None
    assert windowed.members == (both.members[0], Member(detector=other, class_id=1))
    second.for_windows = lambda image_px: None  # type: ignore[method-assign]
    assert both.for_windows(64) is None


@pytest.mark.parametrize(("seeds", "same"), [((1, 2), True), ((2, 1), False), ((1, 1), False)])
def test_the_checksum_is_that_of_all_weights_in_order(seeds: tuple[int, int], same: bool) -> None:
    def checksum(*numbers: int) -> str:
        return Ensemble([Member(detector=FakeDetector(seed=each), class_id=0) for each in numbers]).checksum()

    assert (checksum(*seeds) == checksum(1, 2)) is same
