# SPDX-License-Identifier: AGPL-3.0-only
"""Requests for previews; starts the previewer process if none is running. No torch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.config import AugmentationConfig, PlacementConfig, RunConfig, autostart, home_folder
from engine.defences.kinds import normal_form
from engine.detectors.families import family_of
from engine.disk import why_unwritable
from engine.errors import StorageError
from engine.registries import AUTO
from engine.runs.paths import absolute_config
from engine.runs.version import ROOT
from engine.store.previews import Preview
from engine.store.repository import Repository

Classes = str | Sequence[str]


def placement(
    repository: Repository,
    *,
    dataset: str,
    class_name: Classes,
    indices: Sequence[int],
    patch: str | Path | None = None,
    patch_hw: tuple[int, int] = (96, 96),
    circular: bool = False,
    place: PlacementConfig | None = None,
    augmentation: AugmentationConfig | None = None,
    image_size: int = 640,
    seed: int = 0,
) -> dict[str, Any]:
    """Request pictures of a patch placed on images.

    Args:
        repository: holds the dataset.
        dataset: an imported dataset's name.
        class_name: one or several classes whose objects carry the patch.
        indices: of the dataset's images.
        patch: the patch's file; None for a grey patch.
        patch_hw, circular: size in texels and shape of the grey patch.
        place: position and size of the patch.
        augmentation: as in training steps; None for none, as in evaluation.
        image_size: long side of the pictures in pixels.
        seed: of all random numbers.

    Returns:
        A request whose answer is `{"images": [{"index", "path", "width", "height", "objects"}]}`: a picture's
        path, its size in pixels, and the boxes of the class in it.
    """
    return {
        "kind": "placement",
        "dataset": _dataset(repository, dataset),
        "class_name": _names(class_name),
        "indices": list(indices),
        "patch": None if patch is None else _file(patch),
        "patch_hw": list(patch_hw),
        "circular": circular,
        "placement": asdict(place or PlacementConfig()),
        "augmentation": asdict(augmentation or AugmentationConfig.none()),
        "image_size": image_size,
        "seed": seed,
    }


def detections(
    repository: Repository,
    *,
    dataset: str,
    weights: str,
    indices: Sequence[int],
    class_name: Classes = "",
    detector_class: str = "",
    architecture: str = AUTO,
    detector_classes: str = "",
    defences: Sequence[str] = (),
    min_score: float = 0.25,
    image_size: int = 640,
    trust: bool = False,
) -> dict[str, Any]:
    """Request a detector's detections on clean images.

    Args:
        repository, dataset, indices, image_size: see `placement`.
        weights: a weight file or a name.
        class_name: one or several classes of the dataset; empty for all.
        detector_class: the detector's class that they match; empty for the same name.
        architecture, detector_classes: see `engine.detectors.loading.load_detector`.
        defences: in front of the detector, the first one first.
        min_score: minimum score of a detection.
        trust: open the weights even if their pickle could run code.

    Returns:
        A request whose answer is that of `placement` with an additional `"found"` for each picture: a list
        of `{"box", "score", "class_name"}`.
    """
    return {
        "kind": "detections",
        "dataset": _dataset(repository, dataset),
        "weights": _file(weights),
        "class_name": _names(class_name),
        "detector_class": detector_class,
        "architecture": architecture,
        "detector_classes": _file(detector_classes),
        "defences": list(normal_form(defences)),
        "indices": list(indices),
        "min_score": min_score,
        "image_size": image_size,
        "trust": trust,
    }


def before_after(
    repository: Repository,
    *,
    dataset: str,
    weights: str,
    class_name: Classes,
    detector_class: str = "",
    architecture: str = AUTO,
    detector_classes: str = "",
    defences: Sequence[str] = (),
    patch: str | Path,
    indices: Sequence[int],
    place: PlacementConfig | None = None,
    min_score: float = 0.25,
    iou: float = 0.5,
    image_size: int = 640,
    seed: int = 0,
    trust: bool = False,
) -> dict[str, Any]:
    """Request a patch's effect: the same images clean and patched, with the detections on both.

    Args:
        repository, dataset, class_name, indices, place, image_size, seed: see `placement`.
        weights, detector_class, architecture, detector_classes, defences, min_score, trust: see `detections`.
        patch: the patch's file.
        iou: minimum overlap for a detection to match an object.

    Returns:
        A request whose answer is `{"images": [{"index", "width", "height", "objects", "before", "after"}]}`.
        Objects: `{"box", "before", "after", "vanished"}` (detected on the clean image; on the patched image;
        before but not after, as ASR counts). Before, after: `{"path", "found"}`; found:
        `{"box", "score", "class_name", "matched", "hallucination", "appeared"}` (the one that counts for an
        object; overlaps no object; overlaps no object and no detection on the clean image). Boxes are corners
        in pixels of the pictures, which show what the detector sees behind the defences.
    """
    return {
        "kind": "before_after",
        "dataset": _dataset(repository, dataset),
        "weights": _file(weights),
        "class_name": _names(class_name),
        "detector_class": detector_class,
        "architecture": architecture,
        "detector_classes": _file(detector_classes),
        "defences": list(normal_form(defences)),
        "patch": _file(patch),
        "indices": list(indices),
        "placement": asdict(place or PlacementConfig()),
        "min_score": min_score,
        "iou": iou,
        "image_size": image_size,
        "seed": seed,
        "trust": trust,
    }


def confidence(repository: Repository, **asked: Any) -> dict[str, Any]:
    """Request the class's score over images, clean and patched.

    Args:
        repository: holds the dataset.
        asked: see `before_after`.

    Returns:
        A request whose answer is `{"images": [{"index", "before", "after"}]}`; before, after: a picture's
        `{"path", "width", "height"}` and the highest score in it, `"highest"`.
    """
    return before_after(repository, **asked) | {"kind": "confidence"}


def costs(config: RunConfig, *, trust: bool = False) -> dict[str, Any]:
    """Request the costs of a run's steps, which are measured in a separate process and stored for estimates.

    Args:
        config: the run's settings, with an imported dataset.
        trust: open the weights even if their pickle could run code.

    Returns:
        A request whose answer is `{"images_per_s", "peak_memory_bytes"}`.
    """
    return {
        "kind": "costs",
        "config": absolute_config(config).to_json(),
        "weights": _file(config.weights),
        "trust": trust,
    }


def request_preview(repository: Repository, request: dict[str, Any], *, again: bool = False) -> Preview:
    """Queue a request, start the previewer if necessary, and return the preview; call it again to poll.

    Args:
        repository: the database.
        request: returned by one of the functions above.
        again: retry a failed request.

    Raises:
        StorageError: the database or PATCHBENCH_HOME cannot be used.
    """
    preview = repository.previews.ask(request, again=again)
    if preview.state in ("queued", "running"):
        ensure_previewer(repository)
    return preview


def ensure_previewer(repository: Repository) -> bool:
    """Start a previewer, which outlives this process; True if one was started.

    None is started where one is running, or where `PATCHBENCH_AUTOSTART` is `no`.

    Raises:
        SettingsError: see `autostart`.
        StorageError: PATCHBENCH_HOME cannot be written.
    """
    if not autostart():
        return False
    with only_previewer() as lock:
        if lock is None:
            return False
        arguments = ["--database", str(repository.connection.path), "--lock", str(lock)]
        with open(home_folder() / "previewer.log", "ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", "engine", "previewer", *arguments],
                cwd=ROOT,
                env={**os.environ, "PATCHBENCH_HOME": str(home_folder())},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[lock],  # it inherits the lock, so no second one can start meanwhile
            )
    return True


@contextmanager
def only_previewer() -> Iterator[int | None]:
    """Hold the previewer's lock and yield its file descriptor, or None if another process holds it.

    Raises:
        StorageError: PATCHBENCH_HOME cannot be written.
    """
    import fcntl  # not on Windows

    path = home_folder() / "previewer.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "ab")  # noqa: SIM115 (closed below; the lock goes with it)
    except OSError as error:
        why = why_unwritable(path, error, "choose another PATCHBENCH_HOME")
        raise StorageError(f"{path}: expected a writable file, got {why}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file.fileno()


def _dataset(repository: Repository, name: str) -> list[str]:
    """A dataset's name and time of import; importing it again invalidates its previews."""
    return [name, repository.datasets.imported_at(name)]


def _names(class_name: Classes) -> str | list[str]:
    """Classes in JSON's types, a single one as a string."""
    return class_name if isinstance(class_name, str) else list(class_name)


def _file(path: str | Path) -> list[Any]:
    """A path and modification time of a file or a detector's folder; for anything else its name and 0."""
    file = Path(path).expanduser()
    there = family_of(file) is not None
    return [str(file.absolute()), file.stat().st_mtime_ns] if there else [str(path), 0]
