# SPDX-License-Identifier: AGPL-3.0-only
"""The import benchmark writes what it says, and prints its figures."""

import re

import pytest
from click.testing import CliRunner

from engine.datasets.sources import read_dataset
from tests.measure.import_cost import main, write_folder


@pytest.mark.parametrize("images", [1, 3])
def test_the_generated_folder_needs_no_repair(tmp_path, images):
    write_folder(tmp_path, images, boxes=2)
    dataset = read_dataset(tmp_path)
    assert dataset.object_counts() == [2] * images
    assert dataset.repairs == ()


def test_seconds_and_peak_memory_are_printed():
    result = CliRunner().invoke(main, ["--images", "12", "--boxes", "3"], catch_exceptions=False)
    assert "images 12, boxes 36" in result.output
    assert re.search(r"read [\d.]+ s, store [\d.]+ s, together [\d.]+ s", result.output)
    assert re.search(r"of that on the processor [\d.]+ s", result.output)
    assert int(re.search(r"peak memory (\d+) MiB", result.output)[1]) > 10
