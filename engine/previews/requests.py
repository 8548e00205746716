# SPDX-License-Identifier: AGPL-3.0-only
"""Requests for previews, and the process that answers them, started where none is alive. No torch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.config import AugmentationConfig, PlacementConfig, RunConfig, home_folder
from engine.disk import why_unwritable
from engine.errors import StorageError
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
    """Ask how a patch lies on images.

    Args:
        repository: where the dataset is.
        dataset: an imported dataset's name.
        class_name: the class whose objects carry the patch, or several.
        indices: of the dataset's images, in its order.
        patch: its file; None draws a grey one of `patch_hw` texels, `circular` or not.
        patch_hw, circular: of the grey one.
        place: where and how large.
        augmentation: chance as in a step of a run; None as at evaluation.
        image_size: long side of the pictures in pixels.
        seed: of all chance.

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
    min_score: float = 0.25,
    image_size: int = 640,
    trust: bool = False,
) -> dict[str, Any]:
    """Ask what a detector finds on images as they are.

    Args:
        repository, dataset, indices, image_size: as in `placement`.
        weights: a weight file or a name.
        class_name: of this class of the dataset alone, or of several; empty for all.
        detector_class: what the detector knows them as; empty: by the same name.
        min_score: from which a detection counts.
        trust: open the weights whatever their pickle names.

    Returns:
        A request whose answer is as that of `placement` with `"found"`: a list of
        `{"box", "score", "class_name"}` for each picture.
    """
    return {
        "kind": "detections",
        "dataset": _dataset(repository, dataset),
        "weights": _file(weights),
        "class_name": _names(class_name),
        "detector_class": detector_class,
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
    patch: str | Path,
    indices: Sequence[int],
    place: PlacementConfig | None = None,
    min_score: float = 0.25,
    iou: float = 0.5,
    image_size: int = 640,
    seed: int = 0,
    trust: bool = False,
) -> dict[str, Any]:
    """Ask what a patch changes: the same images clean and patched, with what is found on either.

    Args:
        repository, dataset, class_name, indices, place, image_size, seed: as in `placement`.
        weights, detector_class, min_score, trust: as in `detections`.
        patch: its file.
        iou: the overlap from which a detection and an object agree.

    Returns:
        A request whose answer is `{"images": [{"index", "width", "height", "objects", "before", "after"}]}`.
        Objects: `{"box", "before", "after", "vanished"}` (found on the clean image, on the patched one; ASR
        counts those found before and not after). Before, after: `{"path", "found"}`; found:
        `{"box", "score", "class_name", "hallucination", "appeared"}` (overlaps no object; and, after, nothing
        that was found before either). Boxes are corners in pixels of the pictures.
    """
    return {
        "kind": "before_after",
        "dataset": _dataset(repository, dataset),
        "weights": _file(weights),
        "class_name": _names(class_name),
        "detector_class": detector_class,
        "patch": _file(patch),
        "indices": list(indices),
        "placement": asdict(place or PlacementConfig()),
        "min_score": min_score,
        "iou": iou,
        "image_size": image_size,
        "seed": seed,
        "trust": trust,
    }


def costs(config: RunConfig, *, trust: bool = False) -> dict[str, Any]:
    """Ask what steps of a run cost: a few are taken, in a process of their own, and kept for estimates.

    Args:
        config: the run's settings; its dataset is imported.
        trust: open the weights whatever their pickle names.

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
    """Ask for an answer and see to it that somebody answers; call it again to see whether it is there.

    Args:
        repository: where.
        request: of one of the functions here.
        again: try a failed one again.

    Raises:
        StorageError: the database or PATCHBENCH_HOME cannot be used.
    """
    preview = repository.previews.ask(request, again=again)
    if preview.state in ("queued", "running"):
        ensure_previewer(repository)
    return preview


def ensure_previewer(repository: Repository) -> bool:
    """Start the process that answers, unless one is alive; True if one was started.

    It outlives this process and ends by itself once nobody has asked for a while.

    Raises:
        StorageError: PATCHBENCH_HOME cannot be written.
    """
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
                pass_fds=[lock],  # it has the lock from its first moment on: nobody starts a second one
            )
    return True


@contextmanager
def only_previewer() -> Iterator[int | None]:
    """Hold the lock of the one process that answers: its file's descriptor, or None if another holds it.

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
        raise StorageError(f"{path}: expected a file that can be written, got {why}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file.fileno()


def _dataset(repository: Repository, name: str) -> list[str]:
    """A dataset's name with the time of its import: an import anew makes new previews."""
    return [name, repository.datasets.imported_at(name)]


def _names(class_name: Classes) -> str | list[str]:
    """Classes as JSON has them; one alone as it is."""
    return class_name if isinstance(class_name, str) else list(class_name)


def _file(path: str | Path) -> list[Any]:
    """A file's path with the time of its change; a name that is no file as it is."""
    file = Path(path).expanduser()
    return [str(file.absolute()), file.stat().st_mtime_ns] if file.is_file() else [str(path), 0]
