# SPDX-License-Identifier: AGPL-3.0-only
"""The budget: whole runs by the measured speed, and what more of each setting buys."""

from __future__ import annotations

import pytest

from engine.benchmark.suites import budget
from tests.engine.benchmark.suites.running import measure


def test_times_follow_from_the_measured_speed(subject, scale):
    rows = measure("budget", subject, scale, ["time"])
    asked = ["10 images, 50 iterations", "100 images, 500 iterations"]
    assert rows.sides("s") == asked
    speed, short, long = rows.measurements
    assert short.samples == pytest.approx([500 / each for each in speed.samples])
    assert long.figure.value == pytest.approx(100 * short.figure.value)
    assert rows.pairs("time") == [(side, "claimed") for side in asked]
    # Beside the middle of what is claimed of a processor: 20 to 30 minutes.
    assert rows.of("time")[0].effect.value == pytest.approx(short.figure.value / 1500, rel=0.5)
    assert rows.of("time")[0].claimed == (0.8, 1.2)
    assert {row.outcome for row in rows.of("time")} == {"refuted"}


def test_each_setting_is_compared_with_the_base(subject, scale, monkeypatch):
    monkeypatch.setattr(budget, "FEW_IMAGES", 2)
    monkeypatch.setattr(budget, "TEXELS", 32)
    rows = measure("budget", subject, scale, ["strength"])
    base = "1 iteration"
    others = ["2 iterations", "32 texels per side", "learning rate 0.03"]
    assert rows.sides("ASR") == [base, *others, "2 images"]
    found = [rows.pairs(claim) for claim in ("iterations", "texels", "learning rate", "images")]
    # All images are the base too, and have the few to be compared with.
    assert found == [*([(side, base)] for side in others), [("3 images", "2 images")]]
    work = {row.side.get("images"): row.facts["image_iterations"] for row in rows.measurements}
    assert work[2] == 4  # as near to the base's three as whole passes over two images come


@pytest.mark.parametrize("count", [1, 3, 50])
def test_the_few_images_are_drawn_in_order(subject, count):
    few = budget._some(subject.records, count)
    places = [[*subject.records].index(record) for record in few]
    assert places == sorted(set(places))
    assert len(few) == min(count, 5)
