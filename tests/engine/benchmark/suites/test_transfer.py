# SPDX-License-Identifier: AGPL-3.0-only
"""Transfer: patches of one detector, another and both, at equal work, on both and on one not attacked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.benchmark.subject import Subject
from tests.engine.benchmark.suites.running import measure
from tests.fakes import FakeDetector, RaggedDetector

WORK = 3  # image-iterations: the images that are not held out, once


@pytest.fixture
def detectors(subject: Subject) -> list[Subject]:
    """The same images for three detectors, the second of which numbers the class otherwise."""
    second, third = FakeDetector(seed=3), RaggedDetector(seed=4)
    second.class_names = ("car", "person")
    records = [replace(record, class_ids=np.ones_like(record.class_ids)) for record in subject.records]
    return [
        subject,
        replace(subject, detector=second, class_id=1, records=records),
        replace(subject, detector=third),
    ]


def test_with_two_detectors_none_is_left_that_was_not_attacked(detectors: list[Subject], scale: Any) -> None:
    rows = measure("transfer", replace(detectors[0], further=detectors[1:2]), scale)
    assert rows.sides("ASR") == [
        f"{patch}, on {name}"
        for name in ("tiny", "fake")
        for patch in (
            "patch made on tiny",
            "patch made on fake",
            "patch of both",
            "patch of both, largest loss",
            "grey",
        )
    ]
    assert rows.pairs("transfers") == []
    assert rows.pairs("reaches") == [
        ("patch made on fake, on tiny", "grey, on tiny"),
        ("patch made on tiny, on fake", "grey, on fake"),
    ]
    assert rows.pairs("gap") == [
        ("patch made on tiny, on tiny", "patch made on fake, on tiny"),
        ("patch made on fake, on fake", "patch made on tiny, on fake"),
    ]
    assert rows.pairs("shared") == [
        ("patch of both, on tiny", "patch made on tiny, on tiny"),
        ("patch of both, on fake", "patch made on fake, on fake"),
    ]
    assert rows.pairs("largest") == [
        (f"patch of both, largest loss, on {name}", f"patch of both, on {name}") for name in ("tiny", "fake")
    ]


def test_a_third_is_scored_on_and_not_attacked(detectors: list[Subject], scale: Any) -> None:
    before = [each.detector.checksum() for each in detectors]
    rows = measure("transfer", replace(detectors[0], further=detectors[1:]), scale)
    assert rows.pairs("transfers") == [
        ("patch of both, on ragged", "patch made on tiny, on ragged"),
        ("patch of both, on ragged", "patch made on fake, on ragged"),
    ]
    assert [pair for pair in rows.pairs("reaches") if "ragged" in pair[0]] == [
        ("patch made on tiny, on ragged", "grey, on ragged"),
        ("patch made on fake, on ragged", "grey, on ragged"),
    ]
    assert len(rows.pairs("largest")) == 3
    assert len(rows.pairs("gap")) == len(rows.pairs("shared")) == 2
    work = {row.facts["image_iterations"] for row in rows.measurements if row.side.get("patch") != "grey"}
    assert work == {WORK}
    assert {len(row.samples) for row in rows.measurements if row.metric == "AP50"} == {1, scale.seeds}
    assert [each.detector.checksum() for each in detectors] == before


def test_detectors_of_one_name_are_told_apart_by_their_weights(detectors: list[Subject]) -> None:
    from engine.benchmark.suites.transfer import _names

    assert _names(detectors) == ["tiny", "fake", "ragged"]
    config = detectors[0].config.changed(weights="a/best.pt", further_weights=("b/best.pt",))
    twice = [replace(detectors[0], config=config)] * 2
    assert _names(twice) == ["a/best.pt", "b/best.pt"]
