# SPDX-License-Identifier: AGPL-3.0-only
"""Trials: images held out, fair turns, patches compared seed by seed on the same images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.benchmark.suite import Claim
from engine.benchmark.trials import Outcome, Trials, Way, rows_of, score_rows, strength_rows
from engine.evaluation.metrics import PatchMetrics
from engine.measurements import Comparison
from tests.engine.evaluation.factories import detections

BOX = [[0, 0, 10, 10]]
STRONGER = Claim(key="stronger", holds="It is stronger", fails="It is not", direction=-1)


def outcome(*retained: float, seconds: float = 2.0) -> Outcome:
    """A patch that leaves so much of the score of each image's one object."""
    metrics = PatchMetrics()
    for share in retained:
        metrics.update(
            objects_xyxy_px=np.array(BOX, dtype=float),
            clean=detections(BOX, [0.8]),
            found=detections(BOX, [0.8 * share]),
        )
    return Outcome(patch_chw=torch.zeros(3, 2, 2), metrics=metrics, elapsed_s=seconds, image_iterations=10)


def comparisons(rows: Sequence[object]) -> list[Comparison]:
    return [row for row in rows if isinstance(row, Comparison)]


@pytest.fixture
def trials(subject):
    return Trials(subject, 10, print)


def test_no_image_is_both_trained_on_and_judged(subject, trials):
    held_out = {record.path for record in trials.held_out}
    training = {record.path for record in trials.training.records}
    assert len(held_out) == 2
    assert held_out | training == {record.path for record in subject.records}
    assert not held_out & training


@pytest.mark.parametrize(("scored", "held_out"), [(1, 1), (2, 2), (9, 3)])
def test_unseen_images_are_scored_on_where_there_are_some(subject, scored, held_out):
    unseen = subject.records[:3]
    lines: list[str] = []
    found = Trials(replace(subject, unseen=lambda report: report("Drawing") or unseen), scored, lines.append)
    assert [record.path for record in found.held_out] == [record.path for record in unseen[:held_out]]
    assert found.training.records == subject.records
    assert lines == ["Drawing"]


def test_at_most_so_many_held_out_images_are_scored_on(subject):
    found = Trials(subject, 1, print)
    assert (len(found.held_out), len(found.training.records)) == (1, 3)


def test_training_takes_what_it_is_given(trials):
    start = torch.full((3, 16, 16), 0.25)
    records = trials.training.records[:1]
    state = trials.train(records=records, start=start, iterations=3, learning_rate=0.001)
    assert (state.iteration, state.image_iterations) == (3, 3)
    assert 0 < (state.patch_chw - start).abs().max() < 0.05
    judged = trials.judged(state.patch_chw, state, state)
    assert judged.image_iterations == 6
    assert judged.elapsed_s == 2 * state.elapsed_s > 0
    assert not math.isnan(judged.scores.ap50.value)


def test_a_seed_makes_the_same_patch_again(trials):
    first, again, other = (trials.made(seed, iterations=2) for seed in (1, 1, 2))
    assert torch.equal(first.patch_chw, again.patch_chw)
    assert not torch.equal(first.patch_chw, other.patch_chw)
    assert first.scores.asr.value == again.scores.asr.value


def test_each_seed_begins_with_another_way(trials, monkeypatch):
    calls, lines = [], []
    monkeypatch.setattr(Trials, "train", lambda self, **how: calls.append(how["iterations"]))

    def way(name):
        return Way(side={"of": name}, make=lambda seed: calls.append((name, seed)) or outcome(0.5))

    found = trials.contest([way("a"), way("b")], report=lines.append, seeds=3)
    # A step is taken first, for what the first run of all pays.
    assert calls == [1, ("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)]
    assert [len(results) for results in found] == [3, 3]
    assert lines[0] == "a, seed 1 of 3: confidence retained 0.500, ASR 0.000"


@pytest.mark.parametrize(
    ("retained", "value"),
    [((0.5,), 0.5), ((0.2, 0.6, 0.4), 0.4), ((0.2, math.nan), 0.2), ((math.nan,), math.nan)],
)
def test_scores_are_medians_over_seeds(retained, value):
    outcomes = [outcome() if math.isnan(each) else outcome(each) for each in retained]
    rows = score_rows({"of": "a"}, outcomes)
    assert [row.metric for row in rows] == ["confidence retained", "ASR", "AP50"]
    assert rows[0].figure.value == pytest.approx(value, nan_ok=True)
    assert rows[0].samples == pytest.approx([each for each in retained if not math.isnan(each)])
    assert rows[0].facts == {"seconds": 2.0, "image_iterations": 10}


def test_the_cost_is_that_of_the_median_run():
    outcomes = [outcome(0.5, seconds=seconds) for seconds in (1.0, 9.0, 2.126)]
    assert score_rows({}, outcomes)[0].facts["seconds"] == 2.13


@pytest.mark.parametrize(
    ("side", "reference", "value", "decided"),
    [
        ([(0.2, 0.2)], [(0.6, 0.6)], -0.4, "confirmed"),
        ([(0.6, 0.6)], [(0.2, 0.2)], 0.4, "refuted"),
        ([(0.2, 0.7), (0.2, 0.7)], [(0.2, 0.7), (0.2, 0.7)], 0.0, "none"),
        ([(0.2, 0.7)], [(0.7, 0.2)], 0.0, "undecided"),
        ([()], [()], math.nan, "undecided"),
    ],
)
def test_confidence_decides_and_the_others_stand_beside(side, reference, value, decided):
    mine, other = ([outcome(*images) for images in seeds] for seeds in (side, reference))
    rows = strength_rows(({"of": "a"}, mine), ({"of": "b"}, other), STRONGER)
    first, asr, ap50 = rows
    assert first.effect.value == pytest.approx(value, nan_ok=True)
    assert (first.claim, first.outcome, first.unit) == ("stronger", decided, "difference")
    assert [(row.metric, row.claim, row.outcome) for row in (asr, ap50)] == [
        ("ASR", "", ""),
        ("AP50", "", ""),
    ]


def test_an_undecided_comparison_tells_what_it_takes():
    seeds = [[outcome(0.2, 0.7), outcome(0.3, 0.7)], [outcome(0.7, 0.25), outcome(0.7, 0.2)]]
    first, *others = strength_rows(({"of": "a"}, seeds[0]), ({"of": "b"}, seeds[1]), STRONGER)
    assert first.outcome == "undecided"
    assert set(first.needs) <= {"objects", "seeds", "times"}
    assert min(first.needs.values()) >= 2
    assert [row.needs for row in others] == [{}, {}]


def test_some_images_can_be_compared_alone():
    side, reference = [outcome(0.1, 0.9)], [outcome(0.9, 0.9)]
    (first, *_) = strength_rows(({"of": "a"}, side), ({"of": "b"}, reference), STRONGER, images=[1])
    assert first.effect.value == 0
    assert first.outcome == "none"


def test_ways_with_a_claim_are_compared_with_the_first():
    ways = [
        Way(side={"of": name}, make=lambda seed: outcome(0.5), claim=claim)
        for name, claim in (("base", None), ("beside", None), ("tested", STRONGER))
    ]
    rows = rows_of(ways, [[outcome(0.5)]] * 3)
    assert len(rows) == 3 * 3 + 3
    assert {(row.side["of"], row.reference["of"]) for row in comparisons(rows)} == {("tested", "base")}
    assert comparisons(rows_of(ways[:2], [[outcome(0.5)]] * 2)) == []
