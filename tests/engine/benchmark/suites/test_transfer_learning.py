# SPDX-License-Identifier: AGPL-3.0-only
"""Transfer learning: three strategies on few images, at equal time, scored on the same unseen images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.benchmark.suites.transfer_learning import IMAGES
from engine.config import TrainingConfig
from tests.engine.benchmark.suites.running import measure
from tests.fakes import FakeDetector


@pytest.fixture
def asked() -> list[tuple[TrainingConfig, int]]:
    return []


@pytest.fixture
def trainable(subject: Any, asked: list[tuple[TrainingConfig, int]]) -> Any:
    def train(config: TrainingConfig, records: Any, class_names: tuple[str, ...]) -> Any:
        asked.append((config, len(records)))
        assert class_names == ("person",)
        assert {int(each) for record in records for each in record.class_ids} == {0}
        detector = FakeDetector(seed=config.seed + len(asked))
        return detector, {"epochs": 3, "elapsed_s": config.time_limit_s}

    return replace(subject, train=train)


def test_strategies_are_compared_at_equal_time(
    trainable: Any, scale: Any, asked: list[tuple[TrainingConfig, int]]
) -> None:
    rows = measure("transfer-learning", trainable, scale, [f"{IMAGES[0]} images"])
    assert rows.sides("AP50") == [
        f"{name}, 3 images" for name in ("whole network", "frozen backbone", "from scratch")
    ]
    assert rows.pairs("frozen") == [("frozen backbone, 3 images", "whole network, 3 images")]
    assert rows.pairs("scratch") == [("from scratch, 3 images", "whole network, 3 images")]
    assert {config.time_limit_s for config, _ in asked} == {scale.compared_s / 18}
    assert {images for _, images in asked} == {3}  # five images, two of them unseen
    assert [config.strategy for config, _ in asked] == [
        "whole",
        "head",
        "scratch",
        "head",
        "scratch",
        "whole",
    ]
    assert [config.seed for config, _ in asked] == [0, 0, 0, 1, 1, 1]
    (first, *_) = rows.measurements
    assert (first.facts, len(first.samples)) == ({"seconds": round(scale.compared_s / 18, 2), "epochs": 3}, 2)


def test_unseen_images_are_scored_where_there_are_some(
    trainable: Any, scale: Any, asked: list[tuple[TrainingConfig, int]]
) -> None:
    unseen = [replace(record, class_ids=np.zeros_like(record.class_ids)) for record in trainable.records[:2]]
    measure("transfer-learning", replace(trainable, unseen=lambda report: unseen), scale, ["60 images"])
    assert {images for _, images in asked} == {5}
