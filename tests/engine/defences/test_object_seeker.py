# SPDX-License-Identifier: AGPL-3.0-only
"""The settings of ObjectSeeker, and what they reach."""

from __future__ import annotations

import pytest
import torch

from engine.defences.certificates import Certifying
from engine.defences.kinds import Defence, defended
from engine.errors import SettingsError
from tests.fakes import FakeDetector


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("object-seeker", "object-seeker"),
        ("object-seeker:5", "object-seeker"),
        ("object-seeker:30", "object-seeker:lines=30"),
        ("object-seeker:masked-score=0.5:prune-ioa=0.7", "object-seeker:masked_score=0.5:prune_ioa=0.7"),
    ],
)
def test_it_has_one_form(text: str, form: str) -> None:
    assert str(Defence.parse(text)) == form


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("object-seeker:lines=0", "lines: expected 1 to 50, got 0"),
        ("object-seeker:base-score=2", "base score: expected 0 to 1, got 2"),
        ("object-seeker:prune-ioa=0", "prune ioa: expected 0.01 to 1, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(text: str, error: str) -> None:
    with pytest.raises(SettingsError, match=error):
        Defence.parse(text)


def test_it_certifies_only_as_the_first_of_a_chain() -> None:
    seeker, other = "object-seeker:lines=1", "bit-depth:bits=4"
    assert isinstance(defended(FakeDetector(), [seeker, other]), Certifying)
    assert not isinstance(defended(FakeDetector(), [other, seeker]), Certifying)


def test_it_looks_four_times_for_each_line() -> None:
    looks: list[int] = []

    class Counting(FakeDetector):
        def detect(self, images_nchw: torch.Tensor, **how: float) -> list:  # type: ignore[override]
            looks.append(len(images_nchw))
            return super().detect(images_nchw, **how)  # type: ignore[arg-type]

    defended(Counting(), ["object-seeker:lines=2"]).detect(torch.rand(2, 3, 64, 64))
    assert looks == [2] * 9
