# SPDX-License-Identifier: AGPL-3.0-only
"""Trials are named in the session's language with the settings' labels; other names are shown as they are."""

from __future__ import annotations

import pytest

from dashboard.i18n import speaking
from dashboard.parts.run_names import numbered_name, run_name
from dashboard.services.runs import Run
from tests.engine.store.factories import make_job


@pytest.mark.parametrize(
    ("stored", "english", "korean"),
    [
        ("", "", ""),
        ("person · yolov8n", "person · yolov8n", "person · yolov8n"),
        (
            "Sweep 1, trial 10: learning_rate 0.03, flip on",
            "Sweep 1, trial 10: Learning rate 0.03, Horizontal flip yes",
            "스윕 1, 시도 10: 학습률 0.03, 좌우 반전 예",
        ),
        (
            "Sweep 1, trial 2, seed 7: patch_size 32",
            "Sweep 1, trial 2, seed 7: Patch size 32",
            "스윕 1, 시도 2, 시드 7: 패치 크기 32",
        ),
    ],
)
def test_names_in_each_language(stored: str, english: str, korean: str) -> None:
    with speaking("en"):
        assert run_name(stored) == english
    with speaking("ko"):
        assert run_name(stored) == korean


def test_a_numbered_name_stays_whole() -> None:
    assert numbered_name(Run(job=make_job(id=3, label="x" * 50), patch=None)) == "3 " + "x" * 50
