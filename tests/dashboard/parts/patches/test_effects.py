# SPDX-License-Identifier: AGPL-3.0-only
"""What a patch is tried on; the rest is tested through the page."""

from __future__ import annotations

from dashboard.parts.patches.effects import Subject
from engine.store.datasets import DatasetSummary


def test_a_subject_asks_for_its_dataset_by_name() -> None:
    dataset = DatasetSummary(
        name="streets",
        source="",
        class_names=("person",),
        synthetic=False,
        imported_at="",
        images=1,
        repairs=0,
        objects=1,
    )
    subject = Subject(dataset=dataset, weights="demo", class_name=("person",), detector_class="")
    assert subject.asked == {
        "dataset": "streets",
        "weights": "demo",
        "class_name": ("person",),
        "detector_class": "",
    }
