# SPDX-License-Identifier: AGPL-3.0-only
"""What a run works on, and what is said when it is not there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.config import RunConfig
from engine.datasets.sources import read_dataset
from engine.detectors.ensemble import Ensemble
from engine.errors import DatasetError, DetectorError
from engine.runs.imports import open_dataset
from engine.runs.materials import fingerprint, gather, selected
from engine.store.repository import Repository
from tests.engine.tiny import write_weights
from tests.fakes import FakeDetector

Settings = Callable[..., RunConfig]


@pytest.mark.parametrize(
    ("changes", "objects"),
    [
        ({}, [1, 2, 1, 2, 1]),
        ({"include_empty": True}, [1, 2, 1, 2, 1, 0]),
        ({"max_images": 99}, [1, 2, 1, 2, 1]),
        ({"class_name": "car"}, [1]),
    ],
)
def test_only_the_class_is_taken(settings: Settings, changes: dict, objects: list) -> None:
    found = gather(settings(**changes))
    assert [record.count() for record in found.records] == objects
    assert {int(each) for record in found.records for each in record.class_ids} == {found.class_id}
    assert found.detector.class_names[found.class_id] == changes.get("class_name", "person")


def test_a_limit_takes_the_same_images_each_time_and_others_by_another_seed(settings: Settings) -> None:
    first, again, other = (gather(settings(max_images=2, seed=seed)).records for seed in (0, 0, 1))
    assert len(first) == 2
    assert [record.path for record in first] == [record.path for record in again]
    assert [record.path for record in first] != [record.path for record in other]


def test_the_dataset_numbers_classes_its_own_way(settings: Settings, blocks: Path, tmp_path: Path) -> None:
    turned = shutil.copytree(blocks, tmp_path / "turned")
    (turned / "data.yaml").write_text("train: images\nnames: [car, person]\n")
    found = gather(settings(dataset=str(turned)))
    assert found.class_id == 0
    assert [record.count() for record in found.records] == [1]  # class 1 of the labels is the person now


@pytest.mark.parametrize(
    ("names", "changes", "objects", "words"),
    [
        ("[pedestrian, car]", {"class_name": "Pedestrian"}, [1, 2, 1, 2, 1], "pedestrian → person"),
        ("[man, woman]", {"class_name": ("woman", "man")}, [1, 2, 2, 2, 1], "man, woman → person"),
        ("[man, woman, dog]", {"class_name": ("man", "dog")}, [1, 2, 1, 2, 1], "man, dog → person"),
        ("[car, person]", {"class_name": "car"}, [1, 2, 1, 2, 1], "car → person"),
    ],
)
def test_classes_may_be_called_otherwise_in_the_dataset(
    settings: Settings, blocks: Path, tmp_path: Path, names: str, changes: dict, objects: list, words: str
) -> None:
    renamed = shutil.copytree(blocks, tmp_path / "renamed")
    (renamed / "data.yaml").write_text(f"train: images\nnames: {names}\n")
    for asked in ("person", "0"):
        found = gather(settings(dataset=str(renamed), detector_class=asked, **changes))
        assert [record.count() for record in found.records] == objects
        assert {int(each) for record in found.records for each in record.class_ids} == {found.class_id} == {0}
        assert found.classes.words == words


def test_detectors_may_call_the_class_differently(settings: Settings) -> None:
    first, second = FakeDetector(), FakeDetector()
    second.class_names = ("car", "human")
    config = settings(further_weights=("second.pt",), own_detector_classes=("human@second.pt",))
    found = selected(gather(settings()).dataset, first, config, [second])
    assert [each.class_id for each in found.by_detector()] == [0, 1]
    assert [each.classes.words for each in found.by_detector()] == ["person", "person → human"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"dataset": "none"}, DatasetError, "dataset 'none': expected a data file"),
        ({"class_name": "dog"}, DatasetError, "no class 'dog' in the dataset; blocks has: person, car"),
        (
            {"detector_class": "persn"},
            DetectorError,
            "there is no class 'persn' in the detector; did you mean 'person'",
        ),
        ({"weights": "none.pt"}, DetectorError, "got 'none.pt'; looked for"),
    ],
)
def test_what_is_not_there_is_named(settings: Settings, changes: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        gather(settings(**changes))


@pytest.mark.parametrize(
    ("names", "class_name", "message"),
    [
        ("[person, car, dog]", "dog", r"expected objects of class 'dog', got none in 6 images"),
        (
            "[person, lorry]",
            "lorry",
            r"no class 'lorry' in the detector; tiny has: person, car; give the matching",
        ),
    ],
)
def test_a_class_that_one_side_lacks(
    settings: Settings, blocks: Path, tmp_path: Path, names: str, class_name: str, message: str
) -> None:
    renamed = shutil.copytree(blocks, tmp_path / "renamed")
    (renamed / "data.yaml").write_text(f"train: images\nnames: {names}\n")
    with pytest.raises((DatasetError, DetectorError), match=message):
        gather(settings(dataset=str(renamed), class_name=class_name))


def test_a_source_is_imported_and_then_known_by_name(blocks: Path) -> None:
    assert open_dataset(str(blocks)).name == "blocks"
    assert len(open_dataset("blocks").images) == 6
    with Repository() as repository:
        assert [each.name for each in repository.datasets.all()] == ["blocks"]


def test_the_fingerprint_tells_what_changed(blocks: Path) -> None:
    records = read_dataset(blocks).images
    moved = replace(records[0], path="elsewhere.png")
    grown = replace(records[0], boxes_xyxy_px=records[0].boxes_xyxy_px + np.float32(1))
    variants = [(), records, records[::-1], (moved, *records[1:]), (grown, *records[1:])]
    assert len({fingerprint(variant) for variant in variants}) == len(variants)
    assert fingerprint(records) == fingerprint(read_dataset(blocks).images)


def test_several_detectors_share_the_images_each_under_its_own_class(
    settings: Settings, tiny_weights: Path, tmp_path: Path
) -> None:
    """The second detector numbers its classes the other way round."""
    alone = gather(settings())
    assert alone.attacked is alone.detector
    assert [each.detector for each in alone.by_detector()] == [alone.detector]
    turned = write_weights(tmp_path / "turned.pt", seed=2, classes=("car", "person"))
    found = gather(settings(further_weights=(str(turned),)))
    assert isinstance(found.attacked, Ensemble)
    assert [(each.detector.name, each.class_id) for each in found.attacked.members] == [
        ("tiny", 0),
        ("turned", 1),
    ]
    first, second = found.by_detector()
    assert [record.count(0) for record in first.records] == [record.count(1) for record in second.records]
    assert [record.path for record in first.records] == [record.path for record in second.records]


def test_a_further_detector_without_the_class_is_refused(settings: Settings, tmp_path: Path) -> None:
    other = write_weights(tmp_path / "other.pt", seed=2, classes=("dog", "cat"))
    with pytest.raises(DetectorError, match="no class 'person' in the detector; other has: dog, cat"):
        gather(settings(further_weights=(str(other),)))
