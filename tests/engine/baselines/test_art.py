# SPDX-License-Identifier: AGPL-3.0-only
"""ART's two failures as they are upstream, and the adapter that works in spite of them."""

from __future__ import annotations

import copy
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from engine.baselines import art
from engine.baselines.art import art_estimator, generate_with_art
from engine.baselines.config import ArtConfig
from engine.datasets.loader import ImageLoader
from engine.datasets.sources import read_dataset
from engine.defences.kinds import defended
from engine.detectors.loading import load_detector
from engine.detectors.ultralytics_adapter import UltralyticsDetector
from engine.detectors.ultralytics_quiet import DetectionModel
from engine.errors import DatasetError, DetectorError, NonFiniteLossError
from engine.records import ImageRecord, StepRecord
from tests.engine.detectors import torchvision_models
from tests.fakes import FakeDetector

SIZE = 64
COUNTS = (0, 1, 2, 1, 0)
SMALL = ArtConfig(iterations=2, patch_size=16)


def random_detector(layout: str = "yolov8n.yaml") -> UltralyticsDetector:
    torch.manual_seed(0)
    model = DetectionModel(layout, nc=2, verbose=False)
    return UltralyticsDetector(model, name="random", device=torch.device("cpu"), fuse=False)


@pytest.fixture(scope="module")
def detector() -> UltralyticsDetector:
    return random_detector()


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[ImageRecord]:
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("images")
    return [drawn(folder / f"{index}.png", rng, count, SIZE) for index, count in enumerate(COUNTS)]


def drawn(path: Path, rng: np.random.Generator, count: int, height: int) -> ImageRecord:
    cv2.imwrite(str(path), rng.integers(0, 256, (height, SIZE, 3), dtype=np.uint8))
    boxes = np.array([[5, 5, 30, 40]] * count + [[1, 1, 60, 30]], dtype=np.float32)
    class_ids = np.array([0] * count + [1], dtype=np.int64)  # and one object that is not attacked
    return ImageRecord(path=str(path), width=SIZE, height=height, boxes_xyxy_px=boxes, class_ids=class_ids)


@pytest.fixture
def loader(records: list[ImageRecord]) -> ImageLoader:
    return ImageLoader(records, image_size=SIZE, prefetch=0, device=torch.device("cpu"))


def upstream(
    detector: UltralyticsDetector, batch_size: int, *, repaired: bool
) -> art.AdversarialPatchPyTorch:
    if repaired:
        estimator = art_estimator(detector, (3, SIZE, SIZE))
    else:
        estimator = art.PyTorchYolo(
            model=copy.deepcopy(detector.model),
            input_shape=(3, SIZE, SIZE),
            clip_values=(0.0, 1.0),
            attack_losses=("loss_total",),
            is_ultralytics=True,
            model_name="yolov8n",
        )
    return art.AdversarialPatchPyTorch(
        estimator, max_iter=1, batch_size=batch_size, patch_shape=(3, 16, 16), targeted=False, verbose=False
    )


def art_data(*counts: int) -> dict:
    boxes = [np.array([[5, 5, 30, 40]] * count, dtype=np.float32).reshape(-1, 4) for count in counts]
    labels = [
        {"boxes": each, "labels": np.zeros(len(each), np.int64), "scores": np.ones(len(each), np.float32)}
        for each in boxes
    ]
    return {"x": np.full((len(counts), 3, SIZE, SIZE), 0.5, dtype=np.float32), "y": labels}


def test_a_detector_behind_a_defence_is_refused() -> None:
    behind = defended(FakeDetector(), ["jpeg"])
    with pytest.raises(DetectorError, match=r"^defences: expected none in front of fake with ART"):
        art_estimator(behind, (3, 32, 32))


def test_arts_loss_wrapper_still_fails_with_todays_ultralytics(detector: UltralyticsDetector) -> None:
    """When this fails, ART has been repaired and `_PositionalItems` can go."""
    with pytest.raises(KeyError, match="0"):
        upstream(detector, 1, repaired=False).generate(**art_data(1))


def test_arts_loader_still_fails_on_different_numbers_of_boxes(detector: UltralyticsDetector) -> None:
    """When this fails, ART has been repaired and the grouping by object count can go."""
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        upstream(detector, 2, repaired=True).generate(**art_data(1, 2))


@pytest.mark.parametrize(
    ("batch_size", "batching", "steps", "batches"),
    [
        (1, "sequential", 10, [1] * 10),
        (2, "grouped", 6, [1, 1, 2, 2, 2, 2]),
        (8, "grouped", 6, [1, 1, 2, 2, 2, 2]),
    ],
)
def test_attacks_the_detector(
    detector: UltralyticsDetector,
    loader: ImageLoader,
    batch_size: int,
    batching: str,
    steps: int,
    batches: list,
) -> None:
    seen: list[StepRecord] = []
    checksum = detector.checksum()
    config = ArtConfig(iterations=2, patch_size=16, batch_size=batch_size)
    result = generate_with_art(
        detector,
        loader,
        range(5),
        class_id=0,
        config=config,
        on_step=lambda record, _patch: seen.append(record),
    )
    assert list(result.history) == seen
    assert [record.step for record in seen] == list(range(1, steps + 1))
    assert sorted(record.images for record in seen) == batches
    assert [record.iteration for record in seen] == [1] * (steps // 2) + [2] * (steps // 2)
    assert result.patch_chw.shape == (3, 16, 16)
    assert result.patch_chw.dtype == np.float32
    assert 0 <= result.patch_chw.min() < 0.5 < result.patch_chw.max() <= 1
    assert result.summary["batching"] == batching
    assert result.summary["image_iterations"] == 10
    assert result.summary["image_iterations_per_s"] == pytest.approx(10 / result.summary["elapsed_s"])
    assert detector.checksum() == checksum
    assert not any(parameter.requires_grad for parameter in detector.model.parameters())


@pytest.mark.parametrize("layout", ["yolov10n.yaml", "yolo11n.yaml", "yolo26n.yaml"])
def test_other_families(loader: ImageLoader, layout: str) -> None:
    config = ArtConfig(iterations=1, patch_size=16)
    result = generate_with_art(random_detector(layout), loader, [1, 2], class_id=0, config=config)
    assert result.patch_chw.std() > 0


@pytest.mark.parametrize("kind", torchvision_models.KINDS)
def test_torchvisions_detectors(loader: ImageLoader, kind: str) -> None:
    """The class under attack is the model's label 1, as its label 0 is the background."""
    detector = torchvision_models.detector(kind)
    checksum = detector.checksum()
    result = generate_with_art(detector, loader, range(5), class_id=0, config=SMALL)
    assert result.patch_chw.std() > 0
    assert len(result.history) == 10
    assert detector.checksum() == checksum
    (batch,) = loader.batches([[1]])
    images, targets = batch.images_nchw.float() / 255, batch.targets.of_class(0)
    labels = [{"boxes": targets.boxes_xyxy_px, "labels": targets.class_ids + 1}]
    loss = art_estimator(detector, (3, SIZE, SIZE)).compute_loss(x=images, y=labels)
    if "rpn" not in detector.loss_names:  # two-stage detectors sample in their losses
        assert float(loss.detach()) == pytest.approx(
            float(detector.losses(images, targets)["total"]), rel=1e-4
        )


def test_arts_loss_is_the_detectors(detector: UltralyticsDetector, loader: ImageLoader) -> None:
    (batch,) = loader.batches([[2]])
    images, targets = batch.images_nchw.float() / 255, batch.targets.of_class(0)
    estimator = art_estimator(detector, (3, SIZE, SIZE))
    labels = [{"boxes": targets.boxes_xyxy_px, "labels": targets.class_ids}]
    ours = detector.losses(images, targets)["total"]
    assert float(estimator.compute_loss(x=images, y=labels).detach()) == pytest.approx(float(ours), rel=1e-4)


def test_the_loss_that_art_minimises_is_the_detectors_negated(
    detector: UltralyticsDetector, loader: ImageLoader
) -> None:
    result = generate_with_art(detector, loader, [2], class_id=0, config=SMALL)
    assert [record.terms["total"] for record in result.history] == [-record.loss for record in result.history]
    assert all(record.terms["total"] > 0 for record in result.history)


def test_one_seed_gives_one_patch_and_leaves_global_chance_alone(
    detector: UltralyticsDetector, loader: ImageLoader
) -> None:
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    first, again, other = (
        generate_with_art(
            detector, loader, [1, 2], class_id=0, config=ArtConfig(iterations=1, patch_size=16, seed=seed)
        ).patch_chw
        for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.random.rand() == expected  # noqa: NPY002


@pytest.mark.parametrize(("shape", "trained"), [("square", True), ("circle", False)])
def test_a_circle_trains_no_corners(
    detector: UltralyticsDetector, loader: ImageLoader, shape: str, trained: bool
) -> None:
    config = ArtConfig(iterations=3, patch_size=16, shape=shape, scale_min=0.5)
    patch = generate_with_art(detector, loader, [1, 2], class_id=0, config=config).patch_chw
    assert (patch[:, 8, 8] != 0.5).any()
    assert (patch[:, 0, 0] != 0.5).any() == trained


def test_stops_at_the_time_limit(detector: UltralyticsDetector, loader: ImageLoader) -> None:
    config = ArtConfig(iterations=1000, patch_size=16)
    start = time.perf_counter()
    result = generate_with_art(detector, loader, [1, 2], class_id=0, config=config, time_limit_s=0.5)
    assert result.history[-1].elapsed_s > 0.5
    assert all(record.elapsed_s <= 0.5 for record in result.history[:-1])
    assert time.perf_counter() - start < 30


def test_a_loss_that_is_not_finite_stops_the_run(
    detector: UltralyticsDetector, loader: ImageLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        art.AdversarialPatchPyTorch,
        "_train_step",
        lambda *_, **__: torch.tensor(float("nan"), requires_grad=True),
    )
    with pytest.raises(NonFiniteLossError, match="expected a finite loss, got nan from ART"):
        generate_with_art(detector, loader, [1], class_id=0, config=SMALL)


def test_detectors_of_other_families_are_refused() -> None:
    with pytest.raises(
        DetectorError, match=r"an Ultralytics YOLO or a torchvision detector for ART, got fake"
    ):
        art_estimator(FakeDetector(), (3, 64, 64))


def test_no_images_are_told(detector: UltralyticsDetector, loader: ImageLoader) -> None:
    with pytest.raises(DatasetError, match="expected images for ART to train on, got none; choose others"):
        generate_with_art(detector, loader, [], class_id=0, config=SMALL)


def test_nothing_is_said_and_no_settings_are_left(
    detector: UltralyticsDetector, loader: ImageLoader, capfd: pytest.CaptureFixture[str]
) -> None:
    generate_with_art(detector, loader, [1], class_id=0, config=SMALL)
    assert capfd.readouterr().out == ""
    from art import config as art_config

    assert not Path(art_config.ART_DATA_PATH).exists()
    assert not art_config.ART_DATA_PATH.startswith(str(Path.home()))


@pytest.mark.real
def test_real_photographs(coco128_yaml: Path, yolov8n_weights: Path) -> None:
    photographs = [image for image in read_dataset(coco128_yaml).images if image.count(0)][:2]
    loader = ImageLoader(photographs, image_size=640, device=torch.device("cpu"))
    detector = load_detector(yolov8n_weights, device="cpu", fuse=False)
    config = ArtConfig(iterations=2, patch_size=64)
    result = generate_with_art(detector, loader, [0, 1], class_id=0, config=config)
    assert result.summary["image_iterations"] == 4
    assert result.patch_chw.std() > 0.005
