# SPDX-License-Identifier: AGPL-3.0-only
"""The cost of reporting is counted call by call, and printed beside the run's."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.runs.generation import Observer
from tests.measure.report_cost import Stopwatch, main


def test_nothing_is_counted_before_the_first_call() -> None:
    assert (Stopwatch().spent_s, Stopwatch().total_s) == ((0, 0), (0, 0))


def test_calls_are_passed_on_and_counted() -> None:
    told: list[object] = []
    watch = Stopwatch()
    observer = watch.watched(
        Observer(
            on_step=lambda *arguments: time.sleep(0.02), on_checkpoint=told.append, on_evaluated=pytest.fail
        )
    )
    observer.on_step(None, None)  # type: ignore[arg-type]
    time.sleep(0.02)
    observer.on_checkpoint("state")  # type: ignore[arg-type]
    observer.on_evaluated(3)
    assert told == ["state"]
    assert observer.stop_requested() is False
    assert 0.02 <= watch.spent_s[0] < watch.total_s[0] - 0.015


def test_both_shares_are_printed(blocks: Path, tiny_weights: Path) -> None:
    arguments = ["--iterations", "2", "--dataset", str(blocks), "--weights", str(tiny_weights)]
    result = CliRunner().invoke(
        main, [*arguments, "--image-size", "64", "--device", "cpu"], catch_exceptions=False
    )
    assert result.output.startswith("steps 4\n")  # of five images one is held out
    assert len(re.findall(r"[\d.]+ s .*, [\d.]+ s of it for reporting: [\d.]+%", result.output)) == 2
