# SPDX-License-Identifier: AGPL-3.0-only
"""Answers, sides and units of benchmarks in Korean; what suites publish has no English left."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dashboard.i18n import speaking
from dashboard.parts.benchmarks.names import answer_text, name_text, side_text
from engine.store.repository import Repository
from tests.dashboard.measured import add_benchmark, row

PUBLISHED = sorted((Path(__file__).resolve().parents[4] / "docs" / "benchmarks").glob("*.json"))
# What has no other name in Korean: programs, precisions, the detector's losses, scores, units.
NAMES = {"PatchBench", "ART", "fp", "bf", "cls", "box", "dfl", "ASR", "AP", "bytes", "x"}


def english_in(text: str) -> set[str]:
    return set(re.findall("[A-Za-z]+", text)) - NAMES


@pytest.mark.parametrize(
    ("name", "korean"),
    [
        ("", ""),
        ("ASR", "ASR"),
        ("something new, batch 8", "something new, 배치 8"),
        ("ragged, batch 8", "혼합, 배치 8"),
        ("patch, asr", "패치, ASR"),
        ("patch, confidence_retained", "패치, 남은 신뢰도"),
        ("confidence retained", "남은 신뢰도"),
        ("one query an image", "이미지마다 쿼리 하나"),
        ("learning rate 0.03", "학습률 0.03"),
        ("4 x batch 8", "4 x 배치 8"),
        ("10 images x 50 iterations", "이미지 10장 x 반복 50회"),
        ("fp32, batch 1", "fp32, 배치 1"),
        ("bare pass without the box branch / step, views", "박스 분기 없는 탐지기 단독 / 스텝, 뷰"),
        ("total and total with cls, box, dfl", "전체 손실 · 전체+cls+box+dfl 손실"),
        ("image-iterations/s", "이미지 반복/초"),
        ("s, by the measured rate", "초, 측정된 속도 기준"),
        ("{0}", "{0}"),
    ],
)
def test_a_name_is_said_in_parts(name: str, korean: str) -> None:
    with speaking("ko"):
        assert name_text(name) == korean
    with speaking("en"):
        assert name_text(name) == name


def test_a_view_is_named_with_its_side() -> None:
    with speaking("ko"):
        assert side_text(row("step", 1.0, view="whole images")) == "스텝 (이미지 전체)"


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_nothing_published_keeps_an_english_name(path: Path) -> None:
    result = json.loads(path.read_text(encoding="utf-8"))
    names = {each[key] for each in result["measurements"] for key in ("side", "unit")}
    with speaking("ko"):
        kept = {name: english_in(name_text(name)) for name in names | set(result["left_out"])}
    assert {name: words for name, words in kept.items() if words} == {}


@pytest.mark.parametrize(
    ("answer", "korean"),
    [
        (None, ""),
        ("Batch 8 is fed fastest.", "Batch 8 is fed fastest."),  # as another version worded it
        (
            "A run takes 1.00 GiB (views, batch 1) to 3.00 GiB (views, batch 8) at its peak.",
            "실행의 최대 메모리는 1.00 GiB (뷰, 배치 1)에서 3.00 GiB (뷰, 배치 8)까지입니다.",
        ),
    ],
)
def test_an_answer_is_worded_anew_where_its_figures_say_it(answer: str | None, korean: str) -> None:
    rows = [row("views, batch 1", 2.0**30, "bytes"), row("views, batch 8", 3 * 2.0**30, "bytes")]
    with Repository() as repository:
        run = add_benchmark(repository, rows, suite="memory", answer=answer)
    with speaking("ko"):
        assert answer_text(run) == korean
    with speaking("en"):
        assert answer_text(run) == (answer or "")
