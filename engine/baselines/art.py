# SPDX-License-Identifier: AGPL-3.0-only
"""The Adversarial Robustness Toolbox (ART) attacking Ultralytics' and torchvision's detectors by its API."""

from __future__ import annotations

import copy
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.baselines.art_home import home_elsewhere
from engine.baselines.config import ArtConfig
from engine.boxes import FloatArray
from engine.datasets.loader import ImageLoader
from engine.defences.defended import Defended
from engine.detectors.base import Detector
from engine.detectors.torchvision_adapter import TorchvisionDetector
from engine.detectors.ultralytics_adapter import UltralyticsDetector
from engine.errors import DatasetError, DetectorError, NonFiniteLossError
from engine.records import StepRecord

with home_elsewhere():
    from art.attacks.evasion import AdversarialPatchPyTorch
    from art.estimators.object_detection import PyTorchFasterRCNN, PyTorchObjectDetector, PyTorchYolo

ArtTarget = dict[str, npt.NDArray[Any]]

# What torchvision's models call their losses; ART takes those that a model has.
_TORCHVISION_LOSSES = (
    "loss_classifier",
    "loss_box_reg",
    "loss_objectness",
    "loss_rpn_box_reg",
    "classification",
    "bbox_regression",
    "bbox_ctrness",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ArtResult:
    """The result of a run of ART.

    Attributes:
        patch_chw: float32 (3, h, w), 0 to 1.
        history: one record per step.
        summary: content of `run.json`, except peak memory.
    """

    patch_chw: npt.NDArray[np.float32]
    history: tuple[StepRecord, ...]
    summary: dict[str, Any]


def generate_with_art(
    detector: Detector,
    loader: ImageLoader,
    indices: Sequence[int],
    *,
    class_id: int,
    config: ArtConfig,
    time_limit_s: float | None = None,
    on_step: Callable[[StepRecord, Callable[[], FloatArray]], object] | None = None,
) -> ArtResult:
    """Train a patch with ART's `AdversarialPatchPyTorch` (Brown et al. 2017) against the detector's own loss.

    ART runs as for its users: with its data loader, placements, loss wrapper and step, and with gradients of
    the weights. Two repairs are necessary: see `_yolo`, and images are passed to `generate` in groups
    with equally many objects, because ART's loader cannot stack different numbers of boxes (for batch size 1
    all images are one group). ART needs all images in memory, as float32.

    Args:
        detector: one of Ultralytics or torchvision, loaded with `fuse=False` for a fair comparison, as by
            ART's users; not changed.
        loader: loads the images.
        indices: of the loader's images to train on.
        class_id: the class under attack.
        config: ART's settings.
        time_limit_s: stop after the first step that ends later than this; None for no limit.
        on_step: called with each step, whose `loss` is the value that ART minimises (the negated detector's),
            and a function that gives the patch after it.

    Returns:
        The patch, the steps, and the summary.

    Raises:
        DatasetError: there are no images.
        DetectorError: the detector is none that PatchBench can hand to ART.
        NonFiniteLossError: the loss is infinite or not a number.
    """
    label = class_id + isinstance(detector, TorchvisionDetector)  # whose label 0 is the background
    groups, image_shape = _load(loader, indices, class_id, label, grouped=config.batch_size > 1)
    attack = _Attack(
        art_estimator(detector, image_shape), config, learning_rate=config.learning_rate, limit_s=time_limit_s
    )
    attack.on_step = on_step
    with _seeded(config.seed):
        elapsed_s = attack.run(groups)
    return ArtResult(
        patch_chw=attack.patch(),
        history=tuple(attack.history),
        summary=_summary(detector, config, attack, elapsed_s),
    )


def art_estimator(detector: Detector, image_shape: tuple[int, ...]) -> PyTorchObjectDetector:
    """ART's estimator of a copy of the detector with trainable weights, for images (3, h, w) of 0 to 1.

    Raises:
        DetectorError: the detector is not a YOLO of Ultralytics or one of torchvision, or behind a defence.
    """
    if isinstance(detector, Defended):
        raise DetectorError(
            f"defences: expected none in front of {detector.name} with ART, "
            "whose attack cannot pass through defences; leave them out, or use --backend native"
        )
    if not isinstance(detector, UltralyticsDetector | TorchvisionDetector):
        raise DetectorError(
            "detector: expected an Ultralytics YOLO or a torchvision detector for ART, "
            f"got {detector.name} ({detector.family}); use --backend native"
        )
    device = detector.device if detector.device.type == "cuda" else torch.device("cpu")
    model = (
        copy.deepcopy(detector.model).to(device).to(memory_format=torch.contiguous_format).requires_grad_()
    )
    common: dict[str, Any] = {
        "model": model,
        "input_shape": image_shape,
        "clip_values": (0.0, 1.0),
        "device_type": "gpu" if device.type == "cuda" else "cpu",
    }
    if isinstance(detector, UltralyticsDetector):
        return _yolo(detector, **common)
    if "rpn" not in detector.loss_names:
        return PyTorchObjectDetector(attack_losses=_TORCHVISION_LOSSES, **common)
    model.roi_heads.mask_roi_pool = None  # a Mask R-CNN would ask for masks, which datasets of boxes lack
    return PyTorchFasterRCNN(attack_losses=_TORCHVISION_LOSSES, **common)


def _yolo(detector: UltralyticsDetector, model: Any, **common: Any) -> PyTorchYolo:
    """ART's estimator of Ultralytics' models.

    Repairs ART 1.20.1's loss wrapper, which reads the detector's loss items by position, while Ultralytics
    8.4 names them (`KeyError: 0`).
    """
    estimator = PyTorchYolo(
        model=model,
        attack_losses=("loss_total",),
        is_ultralytics=True,
        model_name=detector.family,
        **common,
    )
    # The model's own criterion, because ART does not know the current ones of YOLO26 and YOLO10.
    model.criterion = _PositionalItems(model.init_criterion())
    return estimator


class _PositionalItems:
    """An Ultralytics criterion whose detached loss items are read by position."""

    def __init__(self, criterion: Callable[..., tuple[Tensor, dict[str, Tensor]]]) -> None:
        self._criterion = criterion

    def __call__(self, predictions: Any, batch: dict[str, Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        loss, items = self._criterion(predictions, batch)
        return loss, tuple(items.values())


class _TimeIsUp(Exception):
    """Ends ART's loop, which has no time limit."""


class _Attack(AdversarialPatchPyTorch):
    """ART's attack, unchanged, reporting each of its steps."""

    on_step: Callable[[StepRecord, Callable[[], FloatArray]], object] | None = None

    def __init__(
        self,
        estimator: PyTorchObjectDetector,
        config: ArtConfig,
        *,
        learning_rate: float,
        limit_s: float | None,
    ) -> None:
        super().__init__(
            estimator=estimator,
            rotation_max=config.rotation_max_deg,
            scale_min=config.scale_min,
            scale_max=config.scale_max,
            learning_rate=learning_rate,
            max_iter=1,
            batch_size=config.batch_size,
            patch_shape=(3, config.patch_size, config.patch_size),
            patch_type=config.shape,
            optimizer="Adam",
            targeted=False,
            verbose=False,
        )
        self.history: list[StepRecord] = []
        self._iterations = config.iterations
        self._iteration = 0
        self._limit_s = math.inf if limit_s is None else limit_s
        self._start_s = 0.0

    def run(self, groups: list[tuple[npt.NDArray[np.float32], list[ArtTarget]]]) -> float:
        """Run ART over all groups in random order in each iteration, and return the elapsed seconds."""
        self._start_s = time.perf_counter()
        try:
            for iteration in range(self._iterations):
                self._iteration = iteration
                for group in np.random.permutation(len(groups)):  # noqa: NPY002 - ART draws from it too
                    images, targets = groups[group]
                    self.generate(x=images, y=targets)
        except _TimeIsUp:
            pass
        return time.perf_counter() - self._start_s

    def patch(self) -> npt.NDArray[np.float32]:
        """The current patch, float32 (3, p, p), 0 to 1."""
        return self._patch.detach().cpu().numpy().astype(np.float32)

    def _train_step(self, images: Tensor, target: Any, mask: Tensor | None = None) -> Tensor:
        """Take ART's own step and report it; this is the only hook into ART's loop."""
        loss = super()._train_step(images, target, mask)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise NonFiniteLossError(f"expected a finite loss, got {value} from ART; lower the learning rate")
        record = StepRecord(
            step=len(self.history) + 1,
            iteration=self._iteration + 1,
            loss=value,
            terms={"total": -value},
            learning_rate=self.learning_rate,
            images=len(images),
            elapsed_s=time.perf_counter() - self._start_s,
        )
        self.history.append(record)
        if self.on_step is not None:
            self.on_step(record, self.patch)
        if record.elapsed_s > self._limit_s:
            raise _TimeIsUp
        return loss


def _load(
    loader: ImageLoader, indices: Sequence[int], class_id: int, label: int, *, grouped: bool
) -> tuple[list[tuple[npt.NDArray[np.float32], list[ArtTarget]]], tuple[int, ...]]:
    """All images (n, 3, h, w) with ART's targets, possibly grouped by number of objects, and their shape.

    The objects of the class get the label that the model has for it.
    """
    images: dict[int, list[npt.NDArray[np.float32]]] = defaultdict(list)
    targets: dict[int, list[ArtTarget]] = defaultdict(list)
    for batch in loader.batches([index] for index in indices):
        objects = batch.targets.of_class(class_id)
        group = len(objects.class_ids) if grouped else 0
        image = (batch.images_nchw[0].float() / 255).cpu().numpy()
        images[group].append(image)
        targets[group].append(_art_target(objects.boxes_xyxy_px, torch.full_like(objects.class_ids, label)))
    if not images:
        raise DatasetError("expected images for ART to train on, got none; choose others")
    groups = [(np.stack(images[group]), targets[group]) for group in sorted(images)]
    return groups, groups[0][0].shape[1:]


def _art_target(boxes_xyxy_px: Tensor, labels: Tensor) -> ArtTarget:
    return {
        "boxes": boxes_xyxy_px.cpu().numpy(),
        "labels": labels.cpu().numpy(),
        "scores": np.ones(len(labels), dtype=np.float32),
    }


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the global random generators that ART uses, and restore their states afterwards."""
    numpy_state = np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng():
            np.random.seed(seed)  # noqa: NPY002
            torch.manual_seed(seed)
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002


def _summary(detector: Detector, config: ArtConfig, attack: _Attack, elapsed_s: float) -> dict[str, Any]:
    images = sum(record.images for record in attack.history)
    return {
        "backend": "art",
        "art_version": version("adversarial-robustness-toolbox"),
        "detector": detector.name,
        "config": asdict(config),
        "device": str(attack.estimator.device),
        "precision": "fp32",
        "batch_size": config.batch_size,
        "batching": "sequential" if config.batch_size == 1 else "grouped",
        "elapsed_s": elapsed_s,
        "steps": len(attack.history),
        "image_iterations": images,
        "image_iterations_per_s": images / elapsed_s,
    }
