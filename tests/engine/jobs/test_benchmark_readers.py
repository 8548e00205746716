# SPDX-License-Identifier: AGPL-3.0-only
"""All ways to read a dataset give the same records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.jobs.benchmark_readers import readers
from engine.runs.materials import open_dataset


@pytest.mark.parametrize("synthetic", [False, True])
def test_all_ways_read_the_same(blocks, synthetic):
    dataset = open_dataset(str(blocks))
    if synthetic:  # as the demo: nothing lies at its source
        dataset = replace(dataset, synthetic=True, source="synthetic demo")
    ways = readers(dataset)
    assert list(ways) == ["files", "one query an image", "one query a run"]
    for read in [*ways.values()] * 2:
        found = read()
        assert [image.path for image in found] == [image.path for image in dataset.images]
        for image, expected in zip(found, dataset.images, strict=True):
            np.testing.assert_allclose(image.boxes_xyxy_px, expected.boxes_xyxy_px, atol=1e-4)
            assert image.class_ids.tolist() == expected.class_ids.tolist()
