# SPDX-License-Identifier: AGPL-3.0-only
"""Our records as Ultralytics' trainer reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.datasets.images import read_rgb
from engine.datasets.sources import read_dataset
from engine.detectors.ultralytics_quiet import DEFAULT_CFG_DICT, IterableSimpleNamespace
from engine.detectors.ultralytics_records import RecordsDataset
from engine.errors import DatasetError
from engine.records import ImageRecord
from tests.engine.tiny import IMAGE_SIZE


@pytest.fixture
def records(blocks: Path) -> tuple[ImageRecord, ...]:
    return read_dataset(blocks).images


def dataset_of(records: tuple[ImageRecord, ...], **options: int) -> RecordsDataset:
    hyp = IterableSimpleNamespace(**DEFAULT_CFG_DICT)
    data = {"names": {0: "person", 1: "car"}, "nc": 2, "channels": 3}
    return RecordsDataset(records, data=data, imgsz=IMAGE_SIZE, hyp=hyp, batch_size=2, stride=32, **options)


def test_labels_are_shares_of_the_image(records: tuple[ImageRecord, ...]) -> None:
    labels = dataset_of(records).labels
    assert [len(label["bboxes"]) for label in labels] == [record.count() for record in records]
    np.testing.assert_allclose(labels[0]["bboxes"], [[0.5, 0.5, 0.5, 0.8]], atol=1e-6)
    assert [label["cls"].ravel().tolist() for label in labels] == [
        record.class_ids.tolist() for record in records
    ]


@pytest.mark.parametrize(("cache_bytes", "kept"), [(0, 0), (2**30, 1)])
def test_an_image_is_scaled_and_kept_while_there_is_room(
    records: tuple[ImageRecord, ...], cache_bytes: int, kept: int
) -> None:
    dataset = dataset_of(records, cache_bytes=cache_bytes)
    bgr, original_hw, scaled_hw = dataset.load_image(0)
    assert original_hw == (records[0].height, records[0].width)
    assert max(scaled_hw) == IMAGE_SIZE
    assert bgr.shape == (*scaled_hw, 3)
    assert abs(bgr[..., ::-1].mean((0, 1)) - read_rgb(records[0].path).mean((0, 1))).max() < 2
    bgr[:] = 0
    assert dataset.load_image(0)[0].any()
    assert len(dataset._scaled) == kept


def test_batches_hold_boxes_of_every_image(records: tuple[ImageRecord, ...]) -> None:
    dataset = dataset_of(records)
    batch = dataset.collate_fn([dataset[index] for index in range(len(dataset))])
    assert tuple(batch["img"].shape[2:]) == (IMAGE_SIZE, IMAGE_SIZE)
    assert set(batch["cls"].unique().tolist()) <= {0.0, 1.0}


def test_an_image_of_another_size_is_named(records: tuple[ImageRecord, ...]) -> None:
    dataset = dataset_of((replace(records[0], width=records[0].width + 1),))
    with pytest.raises(DatasetError, match=r"pixels as imported, got .*; import the dataset again$"):
        dataset.load_image(0)
