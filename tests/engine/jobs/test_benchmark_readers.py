# SPDX-License-Identifier: AGPL-3.0-only
"""All ways to read a dataset give the same records."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from engine.jobs.benchmark_readers import readers
from engine.records import Dataset
from engine.runs.imports import import_dataset, open_dataset
from engine.store.repository import Repository


@pytest.mark.parametrize("synthetic", [False, True])
def test_all_ways_read_the_same(blocks, synthetic):
    dataset = open_dataset(str(blocks))
    if synthetic:  # as the demo: nothing lies at its source
        dataset = replace(dataset, synthetic=True, source="synthetic demo")
    assert_all_ways_agree(dataset)


def test_the_files_of_another_split_are_read(blocks, tmp_path):
    folder = shutil.copytree(blocks, tmp_path / "split")
    for kind in ("images", "labels"):
        (folder / kind / "val").mkdir()
        for path in sorted((folder / kind).glob("[0-2].*")):
            path.rename(folder / kind / "val" / path.name)
    data = (folder / "data.yaml").read_text()
    (folder / "data.yaml").write_text(data.replace("train: images\n", "train: images\nval: images/val\n"))
    with Repository() as repository:
        dataset = import_dataset(repository.datasets.save, folder / "data.yaml", split="val")
    assert len(dataset.images) == 3
    assert_all_ways_agree(dataset)


def test_images_beside_a_file_of_labels_are_read(blocks, tmp_path):
    labels = tmp_path / "labels.json"
    images = [{"id": number, "file_name": f"{number}.png", "width": 64, "height": 72} for number in (0, 2)]
    box = {"id": 1, "image_id": 2, "category_id": 1, "bbox": [3, 4, 20, 30]}
    classes = [{"id": 0, "name": "person"}, {"id": 1, "name": "car"}]
    labels.write_text(json.dumps({"images": images, "annotations": [box], "categories": classes}))
    with Repository() as repository:
        dataset = import_dataset(repository.datasets.save, labels, images=blocks / "images")
    assert_all_ways_agree(dataset)


def assert_all_ways_agree(dataset: Dataset) -> None:
    ways = readers(dataset)
    assert list(ways) == ["files", "one query an image", "one query a run"]
    for read in [*ways.values()] * 2:
        found = read()
        assert [image.path for image in found] == [image.path for image in dataset.images]
        for image, expected in zip(found, dataset.images, strict=True):
            np.testing.assert_allclose(image.boxes_xyxy_px, expected.boxes_xyxy_px, atol=1e-4)
            assert image.class_ids.tolist() == expected.class_ids.tolist()
