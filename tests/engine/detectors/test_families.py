# SPDX-License-Identifier: AGPL-3.0-only
"""What families say of themselves, and one from outside, which everything takes like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import RunConfig, home_folder
from engine.detectors.families import (
    DetectorFamily,
    class_names_in,
    family_of,
    layout_named,
    published_classes,
)
from engine.detectors.weight_classes import possible_files
from engine.errors import SettingsError
from engine.previews import requests
from engine.previews.pictures import answer
from engine.registries import DETECTORS
from engine.runs.commands import generate
from engine.runs.materials import gather
from engine.store.repository import Repository
from tests.engine.detectors.ragged_family import RAGGED
from tests.engine.tiny import CLASSES


@pytest.mark.parametrize("family", DETECTORS.things(), ids=lambda family: family.name)
def test_every_family_describes_itself(family: DetectorFamily) -> None:
    assert family.help.endswith(".")
    assert "total" in family.losses
    adapter = family.adapter()
    assert callable(adapter.load)
    kept = [possible_files(name)[-1].relative_to(home_folder() / "weights") for name in family.offered]
    assert {path.as_posix() for path in kept} <= set(adapter.published_weights())


def test_the_family_of_what_is_not_there(tmp_path: Path) -> None:
    assert family_of(tmp_path / "none.pt") is None
    assert class_names_in(tmp_path / "none.pt") == ()


def test_published_classes_are_known_before_any_download() -> None:
    assert published_classes("") == published_classes("yolo11n") == ()
    assert published_classes("torchvision/ssd300_vgg16")[:2] == ("person", "bicycle")


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("", None),
        ("fasterrcnn_small", None),
        ("torchvision/resnet50", None),
        ("ultralytics/fasterrcnn_small", None),
        ("torchvision/fasterrcnn_small", ("torchvision", "fasterrcnn_small")),
        ("ultralytics/yolo11_small", ("ultralytics", "yolo11_small")),
        ("ultralytics/yolo11n", None),
    ],
)
def test_a_layout_is_named_with_its_family(name: str, named: tuple[str, str] | None) -> None:
    found = layout_named(name)
    assert found == (named and (DETECTORS[named[0]], named[1]))


def test_the_last_family_that_knows_a_file_has_it(tmp_path: Path, tiny_weights: Path) -> None:
    (tmp_path / "mine.ragged").touch()
    first = DETECTORS["ultralytics"]
    assert family_of(tmp_path / "mine.ragged") is family_of(tiny_weights) is first
    with DETECTORS.having(RAGGED):
        assert family_of(tmp_path / "mine.ragged") is RAGGED
        assert family_of(tiny_weights) is first
        assert class_names_in(tmp_path / "mine.ragged") == class_names_in(tiny_weights) == CLASSES


@pytest.fixture
def settings(blocks: Path, tmp_path: Path) -> Callable[..., RunConfig]:
    """Settings of a short run against a detector of the family from outside."""
    weights = tmp_path / "mine.ragged"
    weights.touch()
    small = {"image_size": 64, "view_size": 0, "batch_size": 2, "patch_height": 16, "patch_width": 16}
    named = {"dataset": str(blocks), "weights": str(weights), "device": "cpu", "iterations": 2}
    with DETECTORS.having(RAGGED):
        yield lambda **changes: RunConfig(**{**named, **small, **changes})


@pytest.mark.parametrize("losses", [{"object": 1.0, "tv": 0.1}, {"overlap": 1.0, "total": 0.1}])
def test_its_detectors_are_attacked_and_scored(
    settings: Callable[..., RunConfig], tmp_path: Path, losses: dict[str, float]
) -> None:
    summary = generate(settings(losses=losses), tmp_path / "run")
    assert summary["detector"] == {"name": "mine", "family": "ragged", "end_to_end": True}
    assert summary["evaluation"]["patch"]["ap50"] is not None


def test_what_it_lacks_is_refused_and_leaves_no_folder(
    settings: Callable[..., RunConfig], tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="for mine, got dfl; leave out those that it lacks"):
        generate(settings(losses={"dfl": 1.0}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_its_detections_and_classes_are_shown(settings: Callable[..., RunConfig], tmp_path: Path) -> None:
    config = settings()
    dataset = gather(config).dataset
    with Repository() as repository:
        request = requests.detections(
            repository,
            dataset=dataset.name,
            weights=config.weights,
            indices=[0],
            image_size=50,
            min_score=0.1,
        )
    (tmp_path / "pictures").mkdir()
    (picture,) = answer(request, tmp_path / "pictures")["images"]
    assert {each["class_name"] for each in picture["found"]} <= set(CLASSES)
    assert max(picture["width"], picture["height"]) == 50  # no stride, no multiple
