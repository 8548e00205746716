# SPDX-License-Identifier: AGPL-3.0-only
"""Precision: speed and memory beside fp32, and compiled steps beside those that are not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from tests.engine.benchmark.suites.running import measure


def test_a_processor_compares_bf16(subject, scale):
    rows = measure("precision", subject, scale, ["speed"])
    assert rows.sides("image-iterations/s") == [f"{p}, batch {n}" for n in (8, 1) for p in ("fp32", "bf16")]
    assert rows.pairs("faster") == [(f"bf16, batch {n}", f"fp32, batch {n}") for n in (8, 1)]
    assert {row.claimed for row in rows.of("faster")} == {(1.3, 1.4)}


@pytest.mark.parametrize(("device", "halves"), [("cpu", ["bf16"]), ("cuda", ["bf16", "fp16"])])
def test_memory_of_what_the_device_can_do(subject, scale, memory, device, halves):
    subject = replace(subject, detector=SimpleNamespace(device=torch.device(device)))
    rows = measure("precision", subject, scale, ["memory"])
    sides = [f"{precision}, batch 8" for precision in halves]
    assert rows.sides("bytes") == ["fp32, batch 8", *sides]
    assert rows.pairs("memory") == [(side, "fp32, batch 8") for side in sides]
    assert {(row.claimed, row.outcome) for row in rows.of("memory")} == {((0.5, 0.5), "none")}
    assert [asked["precision"] for asked in memory] == ["fp32", *halves]


@pytest.mark.slow
def test_compilation_is_compared_on_the_same_steps(subject, scale):
    rows = measure("precision", subject, scale, ["compile"])
    assert rows.sides("image-iterations/s") == ["not compiled", "compiled"]
    assert rows.pairs("compiled") == [("compiled", "not compiled")]
