# SPDX-License-Identifier: AGPL-3.0-only
"""The only downloads: weights and datasets published by Ultralytics, if the user names them."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from engine.config import home_folder
from engine.detectors.ultralytics_quiet import (
    GITHUB_ASSETS_NAMES,
    ROOT,
    attempt_download_asset,
    safe_download,
)
from engine.errors import DatasetError, DetectorError, EngineError
from engine.excerpts import short_line

DETECTION_DATASETS = (  # others have polygons, keypoints or rotated boxes, or are downloaded by scripts
    "HomeObjects-3K",
    "african-wildlife",
    "brain-tumor",
    "coco128",
    "coco12-formats",
    "coco8",
    "coco8-grayscale",
    "construction-ppe",
    "kitti",
    "medical-pills",
    "signature",
)

log = logging.getLogger(__name__)


def published_weights() -> frozenset[str]:
    """File names of the weights published by Ultralytics; those of detection models can be used."""
    return frozenset(name for name in GITHUB_ASSETS_NAMES if name.endswith(".pt"))


def published_datasets() -> dict[str, Path]:
    """Name → data file of the detection datasets published by Ultralytics as one archive."""
    files = {name: ROOT / "cfg" / "datasets" / f"{name}.yaml" for name in DETECTION_DATASETS}
    return {name: file for name, file in files.items() if file.is_file()}


def download_weights(name: str, target: Path) -> Path:
    """Download published weights to a file, with a message.

    Raises:
        DetectorError: there is no network, or no space.
    """
    return _fetch(name, target, target, lambda: attempt_download_asset(target), DetectorError)


def download_dataset(name: str) -> Path:
    """Download a dataset published by Ultralytics into `PATCHBENCH_HOME/datasets` unless it exists there.

    Args:
        name: `coco128` or `coco128.yaml`; one of `published_datasets`.

    Returns:
        A YOLO data file (.yaml) whose `path` is the dataset's folder, absolute.

    Raises:
        DatasetError: there is no such name, no network, or no space.
    """
    known = published_datasets()
    stem = name.removesuffix(".yaml")
    if stem not in known:
        raise DatasetError(
            f"dataset: expected a data file, a folder, or one of {', '.join(known)}, got {name!r}; "
            "fetch other datasets yourself and name their data file"
        )
    data = yaml.safe_load(known[stem].read_text("utf-8"))
    datasets = home_folder() / "datasets"
    images = datasets / str(data["path"])
    if not images.is_dir():
        _fetch(stem, datasets, images, lambda: _unpack(str(data["download"]), images), DatasetError)
    target = datasets / f"{stem}.yaml"
    part = target.with_suffix(f".{os.getpid()}.part")
    part.write_text(
        yaml.safe_dump({**data, "path": str(images)}, sort_keys=False, allow_unicode=True), "utf-8"
    )
    part.replace(target)
    return target


def _fetch(
    name: str, folder: Path, result: Path, download: Callable[[], Any], error_type: type[EngineError]
) -> Path:
    """Run a download, with its bar on standard error because standard output is for results."""
    log.warning("Downloading %s to %s", name, folder)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            download()
    except Exception as error:  # network and disk can fail in many ways
        reason = short_line(error) or "no reason given"
        raise error_type(
            f"expected to download {name} to {folder}, got {type(error).__name__}: {reason}; "
            "connect to the network or name a file that is there"
        ) from error
    if not result.exists():
        raise error_type(
            f"expected {result} after the download of {name}, got nothing there; fetch it by hand"
        )
    return result


def _unpack(url: str, folder: Path) -> None:
    """Download and unpack an archive into a temporary folder, and rename it to `folder`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as unpacked:
        safe_download(url, dir=unpacked, unzip=True, delete=True)
        (Path(unpacked) / folder.name).replace(folder)
