# SPDX-License-Identifier: AGPL-3.0-only
"""Advice from the hardware and from finished runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.services.advice import Measured, advise, measured_runs
from engine import hardware
from engine.store.repository import Repository
from tests.dashboard.app_pages.test_hardware import KNOWN
from tests.dashboard.homes import fill

SLOW = Measured(
    job_id=1, device="cpu", precision="fp32", batch_size=2, images_per_s=5.0, peak_memory_bytes=None
)
FAST = replace(SLOW, job_id=2, precision="bf16", images_per_s=9.0)
ELSEWHERE = replace(SLOW, job_id=3, device="cuda:0", precision="fp16", images_per_s=99.0)


@pytest.mark.parametrize(
    ("gpus", "apple", "runs", "expected"),
    [
        ((), False, [], ("cpu", "auto", None)),
        ((), True, [], ("mps", "auto", None)),
        ((KNOWN,), False, [SLOW], ("cuda:0", "auto", None)),
        ((), False, [SLOW, FAST, ELSEWHERE], ("cpu", "bf16", 2)),
        ((KNOWN,), False, [SLOW, FAST, ELSEWHERE], ("cuda:0", "fp16", 3)),
    ],
)
def test_advice(gpus: tuple, apple: bool, runs: list[Measured], expected: tuple) -> None:
    advised = advise(replace(hardware.snapshot(), gpus=gpus, apple_gpu=apple), runs)
    fastest = advised.fastest.job_id if advised.fastest else None
    assert (advised.device, advised.precision, fastest) == expected


def test_finished_runs_are_measured() -> None:
    assert measured_runs() == []
    measured_runs.clear()
    with Repository() as repository:
        fill(repository, runs=2, steps=1)
    assert [(run.device, run.precision) for run in measured_runs()] == [("cpu", "fp32")] * 2
