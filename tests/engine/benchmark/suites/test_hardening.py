# SPDX-License-Identifier: AGPL-3.0-only
"""Hardening: both weights under the same attackers, the new patch made by the old one's work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.benchmark.suites.hardening import CLEAN, HARDENED, NEW, NOISE, OLD, ORIGINAL, TRAINING_SHARE
from engine.config import HardeningConfig
from tests.engine.benchmark.suites.running import measure
from tests.fakes import FakeDetector


def test_both_weights_are_attacked_anew(subject: Any, scale: Any) -> None:
    asked: list[tuple[HardeningConfig, int]] = []

    def harden(config: HardeningConfig, records: Any, class_names: tuple[str, ...]) -> Any:
        asked.append((config, len(records)))
        assert Path(config.patches[0]).is_file()
        assert class_names == ("person",)
        assert {int(each) for record in records for each in record.class_ids} == {0}
        return FakeDetector(seed=5), {}

    rows = measure("hardening", replace(subject, train=harden), scale)
    attackers = (CLEAN, NOISE, OLD, NEW)
    expected = [f"{weights}, {attacker}" for weights in (ORIGINAL, HARDENED) for attacker in attackers]
    assert rows.sides("AP50") == rows.sides("ASR") == expected
    assert rows.pairs("gain") == [("hardened, new patch", "original, new patch")]
    assert rows.pairs("cost") == [("hardened, no patch", "original, no patch")]
    assert rows.pairs("newer") == [("hardened, new patch", "hardened, old patch")]
    assert len(asked) == scale.seeds
    assert {config.time_limit_s for config, _ in asked} == {TRAINING_SHARE * 3 * scale.seconds / scale.seeds}
