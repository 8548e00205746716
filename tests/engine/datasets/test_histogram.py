# SPDX-License-Identifier: AGPL-3.0-only
"""Histograms of object counts."""

import pytest

from engine.datasets.histogram import count_histogram
from engine.errors import SettingsError


@pytest.mark.parametrize(
    ("counts", "limit", "histogram"),
    [
        ([], 2, {"0": 0, "1": 0, "2 and more": 0}),
        ([0, 1, 1, 2, 3, 9], 2, {"0": 1, "1": 2, "2 and more": 3}),
        ([0, 1, 9], 0, {"0 and more": 3}),
        ([1], 6, {"0": 0, "1": 1, "2": 0, "3": 0, "4": 0, "5": 0, "6 and more": 0}),
    ],
)
def test_images_are_counted_in_buckets(counts, limit, histogram):
    found = count_histogram(counts, limit=limit)
    assert found == histogram
    assert list(found) == list(histogram)


def test_limit_below_zero_is_named():
    with pytest.raises(SettingsError, match="histogram limit: expected 0 or more, got -1"):
        count_histogram([], limit=-1)
