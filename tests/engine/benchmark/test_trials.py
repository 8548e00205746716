# SPDX-License-Identifier: AGPL-3.0-only
"""Trials: images held out, fair turns, scores with their noise."""

from __future__ import annotations

import math

import pytest
import torch

from engine.benchmark.suite import SCALES
from engine.benchmark.trials import Outcome, Trials, iterations_of, score_rows, seconds_each
from engine.records import Interval, Scores


def outcome(asr: float, width: float = 0.1) -> Outcome:
    figure = Interval(value=asr, low=asr - width, high=asr + width)
    names = ("ap50", "ap50_95", "relative_ap50", "relative_ap50_95", "disappearance", "confidence_retained")
    scores = Scores(asr=figure, hallucinations_per_image=figure, **dict.fromkeys(names, figure))
    return Outcome(patch_chw=torch.zeros(3, 2, 2), scores=scores, elapsed_s=2.0, image_iterations=10)


@pytest.fixture
def trials(subject):
    return Trials(subject)


def test_no_image_is_both_trained_on_and_judged(subject, trials):
    held_out = {record.path for record in trials.held_out}
    training = {record.path for record in trials.training.records}
    assert len(held_out) == 2
    assert held_out | training == {record.path for record in subject.records}
    assert not held_out & training


def test_training_takes_what_it_is_given(trials):
    seen = []
    start = torch.full((3, 16, 16), 0.25)
    state = trials.train(
        records=trials.training.records[:1],
        start=start,
        on_step=lambda record, state: seen.append(record.images),
        iterations=3,
        learning_rate=0.001,
    )
    assert (state.iteration, seen) == (3, [1, 1, 1])
    assert 0 < (state.patch_chw - start).abs().max() < 0.05
    judged = trials.judged(state)
    assert judged.image_iterations == 3
    assert judged.elapsed_s == state.elapsed_s > 0
    assert not math.isnan(judged.scores.ap50.value)


def test_each_seed_begins_with_another_side(trials):
    calls, lines = [], []

    def side(name):
        return lambda seed: calls.append((name, seed)) or outcome(0.5)

    found = trials.contest({name: side(name) for name in "ab"}, report=lines.append, seeds=3)
    assert calls == [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)]
    assert [len(results) for results in found.values()] == [3, 3]
    assert lines[0] == "a, seed 1 of 3: ASR 0.500"


@pytest.mark.parametrize(
    ("asr", "expected"),
    [((0.5,), (0.5, 0.4, 0.6)), ((0.2, 0.6, 0.4), (0.4, 0.2, 0.6)), ((math.nan, math.nan), (math.nan,) * 3)],
)
def test_noise_is_over_seeds_and_of_a_single_run_over_images(asr, expected):
    rows = score_rows("a", [outcome(each) for each in asr], axis="texels")
    assert [row.unit for row in rows] == ["ASR", "confidence retained", "AP50"]
    figure = rows[0].figure
    assert (figure.value, figure.low, figure.high) == pytest.approx(expected, nan_ok=True)
    assert rows[0].settings == {
        "seconds": 2.0,
        "image_iterations": 10,
        "seeds": len(asr),
        "axis": "texels",
    }


def test_the_work_of_a_scale():
    assert seconds_each(SCALES["small"], 12) == 10
    assert [iterations_of(SCALES[name]) for name in ("small", "medium", "large")] == [3, 30, 90]
