# SPDX-License-Identifier: AGPL-3.0-only
"""Choices as text and as JSON."""

from __future__ import annotations

import json

import pytest

from engine.choices import Candidate, Choice

PLAIN = Candidate(precision="fp32", batch_size=8, compiled=False, images_per_s=25.0)
FAST = Candidate(precision="bf16", batch_size=8, compiled=True, images_per_s=44.0)
FAULTY = Candidate(precision="bf16", batch_size=8, compiled=False, fault="no compiler")


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (Choice(chosen=Candidate(precision="fp32", batch_size=2, compiled=False)), "fp32, batch 2"),
        (
            Choice(chosen=FAST, candidates=(PLAIN, FAST)),
            "bf16, batch 8, compiled: 44 images/s; fp32, batch 8: 25 images/s",
        ),
        (
            Choice(chosen=PLAIN, candidates=(PLAIN, FAULTY)),
            "fp32, batch 8: 25 images/s; bf16, batch 8 (no compiler)",
        ),
    ],
)
def test_a_choice_is_told_beside_what_it_was_chosen_from(choice: Choice, text: str) -> None:
    assert str(choice) == text
    assert Choice.from_json(json.loads(json.dumps(choice.to_json()))) == choice
