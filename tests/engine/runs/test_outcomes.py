# SPDX-License-Identifier: AGPL-3.0-only
"""What became of each object: found in the dataset again, written and read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import StorageError
from engine.records import Dataset, Evaluation, ImageOutcome, ImageRecord
from engine.runs.outcomes import OUTCOMES, located, read_outcomes, write_outcomes


def record(path: str, *boxes: tuple) -> ImageRecord:
    return ImageRecord(
        path=path,
        width=64,
        height=48,
        boxes_xyxy_px=np.array(boxes, np.float32).reshape(-1, 4),
        class_ids=np.zeros(len(boxes), np.int64),
    )


def scored(detector: str, *outcomes: ImageOutcome) -> Evaluation:
    settings = {"detector": detector, "min_score": 0.25}
    nothing: Any = None
    return Evaluation(patch=nothing, controls={}, settings=settings, outcomes=outcomes)


ONE = ImageOutcome(image=0, clean=(0.9, None), patched=(0.125, None), appeared=1)


def test_outcomes_are_found_in_the_dataset_again() -> None:
    other, own = record("a.png"), record("b.png", (0, 1, 2.04, 3), (4, 5, 6, 7))
    dataset = Dataset(name="d", source="d", class_names=("person",), images=(other, own))
    assert located([], [own], dataset) == ()
    (found,) = located([ONE], [own], dataset)
    assert (found.image, found.size, found.clean) == (1, (64, 48), (0.9, None))
    assert found.boxes_xyxy_px == ((0.0, 1.0, 2.0, 3.0), (4.0, 5.0, 6.0, 7.0))
    assert located([ONE], [other], dataset) == ()  # the loader saw another number of objects
    assert located([ONE], [record("c.png", (0, 0, 1, 1), (1, 1, 2, 2))], dataset) == ()


def test_they_are_written_for_each_detector_and_read_by_its_name(tmp_path: Path) -> None:
    write_outcomes(tmp_path, [scored("a")])
    assert read_outcomes(tmp_path, "a") is None
    whole = replace(ONE, size=(64, 48), boxes_xyxy_px=((0.0, 1.0, 2.0, 3.0), (4.0, 5.0, 6.0, 7.0)))
    write_outcomes(tmp_path, [scored("a", whole), scored("b", replace(whole, image=5, clean=(1 / 3, None)))])
    assert read_outcomes(tmp_path, "a") == (0.25, [whole])
    assert read_outcomes(tmp_path, "b") == (0.25, [replace(whole, image=5, clean=(0.3333, None))])
    assert read_outcomes(tmp_path, "c") is None


@pytest.mark.parametrize("text", ["{", "[]", '{"scored": [{}]}', '{"scored": [{"detector": "a"}]}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / OUTCOMES).write_text(text)
    with pytest.raises(StorageError, match=r"outcomes\.json: expected the outcomes of the objects"):
        read_outcomes(tmp_path, "a")
