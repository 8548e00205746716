# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.boxes import letterbox
from engine.config import PlacementConfig
from engine.errors import EngineError
from engine.evaluation.matching import ClassBoxes
from engine.evaluation.metrics import PatchMetrics
from engine.patch.arrays import write_patch_array
from engine.previews import requests as previews
from engine.previews.pictures import answer
from engine.runs.imports import open_dataset
from engine.store.repository import Repository

SIZE = 64
NOISE = np.random.default_rng(0).random((3, 16, 16), dtype=np.float32)


@pytest.fixture
def repository(blocks: Path) -> Iterator[Repository]:
    open_dataset(str(blocks))
    with Repository() as opened:
        yield opened


@pytest.fixture
def patch(tmp_path: Path) -> Path:
    write_patch_array(tmp_path, NOISE)
    return tmp_path / "patch.npy"


def answered(request: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    return answer(request, folder)["images"]


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def changed(first: str, second: str) -> np.ndarray:
    """Which pixels of two pictures differ by more than JPEG does."""
    return np.abs(pixels(first) - pixels(second)).max(axis=2) > 40


def test_a_dataset_is_meant_by_its_name_also_where_a_folder_is_called_so(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere" / "blocks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    request = previews.placement(
        repository, dataset="blocks", class_name="person", indices=[0], image_size=SIZE, seed=1
    )
    assert len(answered(request, tmp_path / "a")) == 1


def test_a_patch_lies_on_the_objects_of_its_class(repository: Repository, tmp_path: Path) -> None:
    facts = {"dataset": "blocks", "class_name": "person", "indices": [2, 5], "image_size": SIZE}
    black = tmp_path / "black.npy"
    np.save(black, np.zeros((3, 16, 16), np.float32))
    small, large = (
        answered(
            previews.placement(repository, patch=black, place=PlacementConfig(scale=scale), **facts),
            tmp_path / str(scale),
        )
        for scale in (0.01, 0.5)
    )
    assert [image["index"] for image in large] == [2, 5]
    assert [len(image["objects"]) for image in large] == [1, 0]
    for image in large:
        assert pixels(image["path"]).shape == (image["height"], image["width"], 3)
    assert changed(small[0]["path"], large[0]["path"]).sum() > 100
    assert not changed(small[1]["path"], large[1]["path"]).any()


def test_without_a_patch_a_grey_one_is_drawn(repository: Repository, tmp_path: Path) -> None:
    facts = {"dataset": "blocks", "class_name": "person", "indices": [0], "image_size": SIZE}
    place = PlacementConfig(scale=0.6)
    for circular in (False, True):
        request = previews.placement(repository, place=place, circular=circular, **facts)
        (image,) = answered(request, tmp_path / str(circular))
        x1, y1, x2, y2 = image["objects"][0]
        centre = pixels(image["path"])[round((y1 + y2) / 2 - 0.1 * (y2 - y1)), round((x1 + x2) / 2)]
        assert centre == pytest.approx([128] * 3, abs=12)


def test_detections_lie_in_the_picture(repository: Repository, tiny_weights: Path, tmp_path: Path) -> None:
    facts = {"dataset": "blocks", "weights": str(tiny_weights), "indices": [0, 1], "image_size": SIZE}
    of_all = answered(previews.detections(repository, min_score=0.05, **facts), tmp_path / "all")
    facts["indices"] = [2]
    cars = previews.detections(repository, min_score=0.05, class_name="car", **facts)
    of_cars = answered(cars, tmp_path / "cars")
    assert {each["class_name"] for image in of_all for each in image["found"]} == {"person", "car"}
    assert {each["class_name"] for image in of_cars for each in image["found"]} == {"car"}
    strong = answered(previews.detections(repository, min_score=1.0, **facts), tmp_path / "strong")
    assert [image["found"] for image in strong] == [[]]


def test_detections_have_the_names_of_a_file(
    repository: Repository, tiny_weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "classes.txt").write_text("man\nlorry\n")
    request = previews.detections(
        repository,
        dataset="blocks",
        weights=str(tiny_weights),
        detector_classes=str(tmp_path / "classes.txt"),
        indices=[0],
        min_score=0.01,
        image_size=SIZE,
    )
    (named,) = answered(request, tmp_path / "named")
    assert {each["class_name"] for each in named["found"]} <= {"man", "lorry"}
    for key in ("architecture", "detector_classes"):  # as of an older version
        del request[key]
    (unnamed,) = answered(request, tmp_path / "unnamed")
    assert len(unnamed["found"]) == len(named["found"]) > 0
    assert {each["class_name"] for each in unnamed["found"]} <= {"person", "car"}


def test_before_and_after_agree_with_the_metrics(
    repository: Repository, tiny_weights: Path, patch: Path, tmp_path: Path
) -> None:
    request = previews.before_after(
        repository,
        dataset="blocks",
        weights=str(tiny_weights),
        class_name="person",
        patch=patch,
        indices=range(5),
        place=PlacementConfig(scale=0.6),
        min_score=0.2,
        iou=0.3,
        image_size=SIZE,
    )
    images = answered(request, tmp_path / "pictures")
    metrics = PatchMetrics(min_score=0.2, iou=0.3)
    for image in images:
        objects = np.array([each["box"] for each in image["objects"]], dtype=np.float32).reshape(-1, 4)
        clean, found = (
            ClassBoxes(
                boxes_xyxy_px=np.array([each["box"] for each in image[side]["found"]]).reshape(-1, 4),
                scores=np.array([each["score"] for each in image[side]["found"]]),
            )
            for side in ("before", "after")
        )
        metrics.update(objects_xyxy_px=objects, clean=clean, found=found)
    scores = metrics.compute(resamples=0)
    objects = [each for image in images for each in image["objects"]]
    after = [each for image in images for each in image["after"]["found"]]
    vanished, before = (sum(each[name] for each in objects) for name in ("vanished", "before"))
    assert before > 0
    assert vanished / before == pytest.approx(scores.asr.value)
    wrong = sum(each["hallucination"] for each in after)
    assert wrong / len(images) == pytest.approx(scores.hallucinations_per_image.value)
    assert all(each["hallucination"] for each in after if each["appeared"])
    assert sum(each["matched"] for each in after) == sum(each["after"] for each in objects)
    assert changed(images[0]["before"]["path"], images[0]["after"]["path"]).any()


def test_boxes_are_in_pixels_of_the_picture(repository: Repository, tmp_path: Path) -> None:
    record = repository.datasets.load("blocks").images[0]
    request = previews.placement(
        repository, dataset="blocks", class_name="person", indices=[0], image_size=SIZE
    )
    (image,) = answered(request, tmp_path / "pictures")
    scale = letterbox(record.width, record.height, canvas_width=SIZE, canvas_height=SIZE).scale
    assert np.allclose(image["objects"], record.boxes_xyxy_px * scale, atol=0.6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indices": []}, "expected at least one image, got none"),
        ({"indices": [6]}, "expected an image of 0 to 5, got 6"),
        ({"class_name": "cat"}, "there is no class 'cat' in the dataset"),
        ({"patch": ["nowhere.npy", 0]}, "expected a patch file"),
    ],
)
def test_what_cannot_be_drawn_is_told(
    repository: Repository, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    request = previews.placement(
        repository, dataset="blocks", class_name="person", indices=[0], image_size=SIZE
    )
    with pytest.raises(EngineError, match=message):
        answered(request | changes, tmp_path / "pictures")


def test_a_detector_behind_defences_sees_what_they_leave(
    repository: Repository, tiny_weights: Path, patch: Path, tmp_path: Path
) -> None:
    facts = {"dataset": "blocks", "weights": str(tiny_weights), "class_name": "person", "indices": [0, 1]}
    facts |= {"min_score": 0.05, "image_size": SIZE}
    bare, behind, older = (
        previews.detections(repository, defences=each, **facts) for each in ((), ("bit-depth:1",), ())
    )
    del older["defences"]
    found = [
        [image["found"] for image in answered(request, tmp_path / str(number))]
        for number, request in enumerate((bare, behind, older))
    ]
    assert found[0] == found[2] != found[1]
    compared = previews.before_after(repository, defences=("bit-depth:1",), patch=patch, **facts)
    assert compared["defences"] == ["bit-depth:bits=1"]
    before = [image["before"]["found"] for image in answered(compared, tmp_path / "compared")]
    assert [len(each) for each in before] == [len(each) for each in found[1]]
    with pytest.raises(EngineError, match="expected 1 to 8, got 9"):
        previews.detections(repository, defences=("bit-depth:9",), **facts)


def test_the_map_of_scores_of_both_sides(
    repository: Repository, patch: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    request = previews.confidence(
        repository,
        dataset="blocks",
        weights=str(tiny_weights),
        class_name="person",
        patch=patch,
        indices=[2, 0],
        place=PlacementConfig(scale=0.6),
        image_size=SIZE,
    )
    first, second = answered(request, tmp_path / "a")
    assert (first["index"], second["index"]) == (2, 0)
    for side in ("before", "after"):
        assert pixels(first[side]["path"]).shape == (first[side]["height"], first[side]["width"], 3)
        assert 0 <= first[side]["highest"] <= 1
    assert first["before"]["highest"] != first["after"]["highest"]
