# SPDX-License-Identifier: AGPL-3.0-only
"""Every suite that is listed can be run, and answers even where nothing could be measured."""

from __future__ import annotations

import pytest

from engine.benchmark.catalogue import CATALOGUE
from engine.benchmark.suites import SUITES


@pytest.mark.parametrize("name", CATALOGUE)
def test_parts_are_told_apart_and_nothing_measured_is_a_sentence(name, subject, scale):
    keys = [part.key for part in SUITES[name].parts(subject, scale)]
    assert keys
    assert len(set(keys)) == len(keys)
    answer = str(SUITES[name].answer([]))
    assert answer.endswith(".")
    assert answer[0].isupper()
