# SPDX-License-Identifier: AGPL-3.0-only
"""Every suite has its answer, and an answer tells what could not be measured."""

from __future__ import annotations

import pytest

from engine.benchmark.answers import ANSWERS, with_left_out
from engine.benchmark.catalogue import CATALOGUE
from engine.benchmark.said import said


def test_every_suite_has_its_answer():
    assert set(ANSWERS) == set(CATALOGUE)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], "Slower."),
        (["copies"], "Slower. Not measured here, as it needs CUDA: copies."),
        (["memory, fp16", "copies"], "Slower. Not measured here, as it needs CUDA: memory, fp16, copies."),
    ],
)
def test_parts_that_need_another_device_are_told(parts, words):
    assert str(with_left_out(said("Slower."), parts)) == words
