# SPDX-License-Identifier: AGPL-3.0-only
"""Throughput of runs with different settings, measured in turn on a tiny detector."""

from __future__ import annotations

from dataclasses import replace

from engine.benchmark.speed import measure_rates
from engine.benchmark.subject import Subject
from engine.errors import DeviceError


def test_without_sides_there_is_nothing_to_measure(subject, scale):
    assert measure_rates(subject, {}, scale, print) == {}


def test_each_side_is_measured_once_a_round(subject, scale):
    lines: list[str] = []
    found = measure_rates(
        subject,
        {"one": {"batch_size": 1}, "three": {"batch_size": 3}},
        replace(scale, rounds=2),
        lines.append,
    )
    assert {name: len(rates) for name, rates in found.items()} == {"one": 2, "three": 2}
    assert min(rate for rates in found.values() for rate in rates) > 0
    assert lines == ["Warm-up", "Round 1 of 2", "Round 2 of 2"]


def test_a_round_has_two_batches_of_its_side_at_least(subject, scale, monkeypatch):
    asked: list[int] = []
    monkeypatch.setattr(Subject, "rate_of", lambda self, steps, images: asked.append(images) or 1.0)
    sides = {"one": {"batch_size": 1}, "eight": {"batch_size": 8}}
    measure_rates(subject, sides, replace(scale, rounds=1, images=4), print)
    assert sorted(asked) == [4, 4, 16, 16]  # warm-up and one round


def test_what_the_device_cannot_do_is_told_and_left_out(subject, scale, monkeypatch):
    run = Subject.run

    def refuse(self, **changes):
        if changes.get("precision") == "fp16":
            raise DeviceError("expected CUDA for fp16, got cpu")
        return run(self, **changes)

    monkeypatch.setattr(Subject, "run", refuse)
    lines: list[str] = []
    found = measure_rates(subject, {"fp32": {}, "half": {"precision": "fp16"}}, scale, lines.append)
    assert list(found) == ["fp32"]
    assert lines[0] == "half: expected CUDA for fp16, got cpu"
