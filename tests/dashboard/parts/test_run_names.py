# SPDX-License-Identifier: AGPL-3.0-only
"""Names that PatchBench gave are in the session's language; those that users gave are shown as they are."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

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
        ("Import street", "Import street", "street 가져오기"),
        ("Harden demo for person on demo", "Harden demo for person on demo", "demo 강화(person): demo"),
        (
            "Train v8 (head) on a (head) on b",
            "Train v8 (head) on a (all but the backbone) on b",
            "v8 (head) on a 학습(백본 제외): b",
        ),
        (
            "Matrix 2 × 1: person on a, b",  # noqa: RUF001
            "Matrix 2 × 1: person on a, b",  # noqa: RUF001
            "매트릭스 2 × 1: a, b의 person",  # noqa: RUF001
        ),
        ("Train a segmenter on demo", "Train a segmenter on demo", "세그멘터 학습: demo"),
        (
            "Trial of hardening 3: against demo",
            "Trial of hardening 3: against demo",
            "강화 3의 시험: demo 공격",
        ),
        ("Important", "Important", "Important"),
    ],
)
def test_names_in_each_language(stored: str, english: str, korean: str) -> None:
    with speaking("en"):
        assert run_name(stored) == english
    with speaking("ko"):
        assert run_name(stored) == korean


def test_a_numbered_name_stays_whole() -> None:
    assert numbered_name(Run(job=make_job(id=3, label="x" * 50), patch=None)) == "3 " + "x" * 50


def form() -> None:
    import streamlit as st

    from dashboard.i18n import speaking
    from dashboard.parts.run_names import name_field

    with speaking("ko"):
        st.text(name_field("Import street"))


def test_a_name_stays_as_it_is_stored_until_it_is_edited() -> None:
    app = AppTest.from_function(form).run()
    assert app.text_input[0].value == "street 가져오기"
    assert app.text[0].value == "Import street"
    app.text_input[0].input("길").run()
    assert app.text[0].value == "길"
