# SPDX-License-Identifier: AGPL-3.0-only
"""Data sources and loaders: what is measured on tiny images, and the answers from hand-made figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.benchmark import feeding
from tests.engine.benchmark.factories import measured, row, sides


def test_each_way_to_read_is_beside_an_iteration(subject, scale):
    calls = []
    subject = replace(
        subject, readers={"slow": lambda: calls.append("slow") or [], "quick": lambda: calls.append("quick")}
    )
    rows = measured(feeding.data_source_parts(subject, scale), "data-source")
    assert sides(rows, "s") == ["slow", "quick", "an iteration of a run"]
    assert sides(rows, "of an iteration") == ["slow", "quick"]
    assert calls.count("slow") == calls.count("quick") == scale.rounds + 1


@pytest.mark.parametrize(
    ("share", "words"), [(0.001, "0.10% of an iteration"), (2.0, "200.00% of an iteration")]
)
def test_what_a_data_source_costs(share, words):
    rows = [row("one query a run", 0.0015, "s"), row("one query a run", share, "of an iteration")]
    expected = f"Reading all records once: one query a run takes 1.5 ms ({words})."
    assert feeding.data_source_answer(rows) == expected
    assert feeding.data_source_answer([]) == "No way to read the records was measured."


@pytest.mark.parametrize("view_size", [0, 32])
def test_loaders_are_measured_by_batch_size_and_prefetch(subject, scale, monkeypatch, view_size):
    monkeypatch.setattr(feeding, "LOADER_SIZES", (1, 8))
    parts = feeding.loader_parts(replace(subject, config=subject.config.changed(view_size=view_size)), scale)
    assert [part.needs for part in parts] == ["", "cuda"]
    rows = measured(parts, "loader")
    fed = [f"batch {size}, prefetch {prefetch}" for size in (1, 8) for prefetch in (0, 2)]
    assert sides(rows, "images/s") == [*fed, "batch 8, decoding each image", "a run's demand"]
    assert all(each.figure.value > 0 for each in rows)


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
    answer = feeding.loader_answer(rows)
    assert answer.startswith("batch 8, prefetch 2 is fed fastest, 900 images a second; ")
    assert words in answer
    assert answer.endswith("pinned memory is copied 2.00 times as fast as pageable.")
    assert feeding.loader_answer([]) == "No batches could be fed."
