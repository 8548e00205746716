# SPDX-License-Identifier: AGPL-3.0-only
"""Data sources and loaders: what is measured on tiny images."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.benchmark import feeding
from tests.engine.benchmark.factories import measured, sides


def test_each_way_to_read_is_beside_an_iteration(subject, scale):
    calls = []
    subject = replace(
        subject, readers={"slow": lambda: calls.append("slow") or [], "quick": lambda: calls.append("quick")}
    )
    rows = measured(feeding.data_source_parts(subject, scale), "data-source")
    assert sides(rows, "s") == ["slow", "quick", "an iteration of a run"]
    assert sides(rows, "of an iteration") == ["slow", "quick"]
    assert calls.count("slow") == calls.count("quick") == scale.rounds + 1


@pytest.mark.parametrize("view_size", [0, 32])
def test_loaders_are_measured_by_batch_size_and_prefetch(subject, scale, monkeypatch, view_size):
    monkeypatch.setattr(feeding, "LOADER_SIZES", (1, 8))
    parts = feeding.loader_parts(replace(subject, config=subject.config.changed(view_size=view_size)), scale)
    assert [part.needs for part in parts] == ["", "cuda"]
    rows = measured(parts, "loader")
    fed = [f"batch {size}, prefetch {prefetch}" for size in (1, 8) for prefetch in (0, 2)]
    assert sides(rows, "images/s") == [*fed, "batch 8, decoding each image", "a run's demand"]
    assert all(each.figure.value > 0 for each in rows)
