# SPDX-License-Identifier: AGPL-3.0-only
"""Answers about time and memory, from hand-made figures."""

from __future__ import annotations

import pytest

from engine.benchmark.answers import cost
from tests.engine.benchmark.factories import row


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (cost.batching_answer, "The speed of batches of 8 could not be measured."),
        (cost.precision_answer, "No lower precision could be measured."),
        (cost.floor_answer, "No step could be measured."),
        (cost.memory_answer, "No batch size fitted into memory."),
        (cost.data_source_answer, "No way to read the records was measured."),
        (cost.loader_answer, "No batches could be fed."),
    ],
)
def test_without_figures_that_is_said(answer, words):
    assert str(answer([])) == words


@pytest.mark.parametrize(
    ("grouped", "noise", "words"),
    [
        (1.8, 0.05, "1.80 times a single image's"),
        (1.8, 0.05, "grouping is faster beyond noise"),
        (1.45, 0.05, "grouping is no faster beyond noise"),
        (0.9, 0.05, "grouping is slower beyond noise"),
        (1.0, 0.05, "1.00 times (no difference beyond noise) a single image's"),
        (1.8, 0.05, "within noise of the claimed 1.8"),
        (1.0, 0.05, "below the claimed 1.8"),
    ],
)
def test_whether_grouping_pays(grouped, noise, words):
    rows = [
        row("grouped, batch 8", grouped, "times sequential", noise=noise),
        row("ragged, batch 8", 1.4, "times sequential", noise=noise),
        row("time saved by grouping, batch 8", 0.1, "share", noise=0.2),
        row("ragged, batch 16", 3e9, "bytes"),
    ]
    answer = str(cost.batching_answer(rows))
    assert words in answer
    assert answer.endswith("peak memory is 3.00 GB (ragged, batch 16).")


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.35, "bf16, batch 8 does 1.35 times fp32's"),
        (1.35, "within noise of the claimed 1.35"),
        (1.0, "1.00 times (no difference beyond noise) fp32's"),
        (0.8, "0.80 times fp32's image-iterations a second (below the claimed 1.35)"),
    ],
)
def test_what_precision_buys(ratio, words):
    rows = [
        row("bf16, batch 8", ratio, "times fp32", noise=0.05),
        row("fp32, batch 8", 4e9, "bytes"),
        row("bf16, batch 8", 2e9, "bytes"),
        row("compile on", 1.2, "times compile off", noise=0.1),
    ]
    answer = str(cost.precision_answer(rows))
    assert words in answer
    assert "torch.compile does 1.20 times" in answer
    assert "bf16, batch 8 takes 0.50 of fp32's memory (claimed 0.5)" in answer
    assert answer.endswith("fp16 was not measured: it needs a GPU.")


@pytest.mark.parametrize(
    ("share", "words"), [(0.9, "0.90 (0.85 to 0.95) of the bare pass's speed"), (1.1, "1.10 (1.05 to 1.15)")]
)
def test_the_share_is_told_with_its_interval(share, words):
    rows = [
        row("bare pass / step, views", share, "share", noise=0.05),
        row("rendering alone / step, views", 0.07, "share"),
        row("loading alone / step, views", 0.02, "share"),
    ]
    assert words in str(cost.floor_answer(rows))
    assert str(cost.floor_answer(rows)).endswith("with views (of its time rendering 7%, loading 2%).")


@pytest.mark.parametrize(
    ("last", "words"), [(4.0, "4.00 times"), (1.1, "no difference beyond noise"), (0.5, "0.50 times")]
)
def test_growth_from_the_first_point_to_the_last(last, words):
    points = ((16, 1.0), (64, 9.0), (512, last))
    rows = [row(f"{n} texels a side", cost, "s/image", noise=0.1, axis="texels") for n, cost in points]
    expected = (
        f"The cost of an image-iteration grows thus: from 16 texels a side to 512 texels a side: {words}."
    )
    assert str(cost.scaling_answer(rows)) == expected
    assert str(cost.scaling_answer(rows[:1])) == "Nothing was measured."


def test_the_least_and_the_most():
    rows = [row("views, batch 1", 2**30, "bytes"), row("views, batch 8", 3 * 2**30, "bytes")]
    expected = "A run takes 1.00 GiB (views, batch 1) to 3.00 GiB (views, batch 8) at its peak."
    assert str(cost.memory_answer(rows)) == expected


@pytest.mark.parametrize(
    ("share", "words"), [(0.001, "0.10% of an iteration"), (2.0, "200.00% of an iteration")]
)
def test_what_a_data_source_costs(share, words):
    rows = [row("one query a run", 0.0015, "s"), row("one query a run", share, "of an iteration")]
    expected = f"Reading all records once: one query a run takes 1.5 ms ({words})."
    assert str(cost.data_source_answer(rows)) == expected


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (9.0, "decoding each image is fed 9.00 times as fast as a run uses images"),
        (1.0, "decoding each image is fed 1.00 times (no difference beyond noise) as fast"),
        (0.5, "decoding each image is fed 0.50 times as fast as a run uses images"),
    ],
)
def test_whether_a_run_waits_for_its_images(ratio, words):
    rows = [
        row("batch 8, prefetch 2", 900.0, "images/s"),
        row("batch 8, prefetch 0", 700.0, "images/s"),
        row("a run's demand", 1000.0, "images/s"),
        row("batch 8, decoding each image", ratio, "times a run's demand", noise=0.1),
        row("pinned memory to the device", 2.0, "times pageable memory", noise=0.1),
    ]
    answer = str(cost.loader_answer(rows))
    assert answer.startswith("batch 8, prefetch 2 is fed fastest, 900 images a second; ")
    assert words in answer
    assert answer.endswith("pinned memory is copied 2.00 times as fast as pageable.")
