# SPDX-License-Identifier: AGPL-3.0-only
"""The loader: batches of each size beside what a run asks for."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from engine.benchmark.suite import SUITES
from engine.benchmark.suites import loader
from tests.engine.benchmark.suites.running import measure

DEMAND = "a run's demand"


@pytest.mark.parametrize("view_size", [0, 32])
def test_batches_are_fed_by_size_and_prefetch(subject, scale, monkeypatch, view_size):
    monkeypatch.setattr(loader, "SIZES", (1, 8))
    subject = replace(subject, config=subject.config.changed(view_size=view_size))
    rows = measure("loader", subject, scale)
    fed = [f"batch {size}, prefetch {prefetch}" for size in (1, 8) for prefetch in (0, 2)]
    assert rows.sides("images/s") == [*fed, "batch 8, decoding each image", DEMAND]
    assert all(row.figure.value > 0 for row in rows.measurements)
    slowest = ("batch 1, prefetch 2", "batch 8, decoding each image")
    assert rows.pairs("keeps up") == [(side, DEMAND) for side in slowest]
    assert {row.claimed for row in rows.of("keeps up")} == {(1.0, math.inf)}


def test_copies_are_measured_on_cuda_only():
    assert SUITES["loader"].needs_cuda == ("copies",)


def test_copies_are_of_pinned_and_pageable_memory(subject, scale, monkeypatch):
    """What needs CUDA is replaced: here nothing is pinned."""
    zeros = torch.zeros
    monkeypatch.setattr(torch, "zeros", lambda *size, pin_memory, **rest: zeros(*size, **rest))
    rows = measure("loader", subject, scale, ["copies"])
    assert rows.sides("images/s") == ["pinned memory", "pageable memory"]
    assert rows.pairs("copies") == [("pinned memory", "pageable memory")]
