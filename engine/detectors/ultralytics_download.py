# SPDX-License-Identifier: AGPL-3.0-only
"""The only downloads there are: weights and datasets that Ultralytics publishes and the user has named."""

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

DETECTION_DATASETS = (  # the others hold polygons, keypoints or rotated boxes, or are fetched by scripts
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
    """File names of the weights that Ultralytics publishes; those of detection models can be used."""
    return frozenset(name for name in GITHUB_ASSETS_NAMES if name.endswith(".pt"))


def published_datasets() -> dict[str, Path]:
    """Name → data file of the detection datasets that Ultralytics publishes as one archive."""
    files = {name: ROOT / "cfg" / "datasets" / f"{name}.yaml" for name in DETECTION_DATASETS}
    return {name: file for name, file in files.items() if file.is_file()}


def download_weights(name: str, target: Path) -> Path:
    """Fetch published weights to a file, saying so.

    Raises:
        DetectorError: no network, or no room.
    """
    return _fetch(name, target, target, lambda: attempt_download_asset(target), DetectorError)


def download_dataset(name: str) -> Path:
    """The data file of a dataset that Ultralytics publishes, its images in `PATCHBENCH_HOME/datasets`.

    Downloads only what is not there yet, saying so.

    Args:
        name: `coco128` or `coco128.yaml`; one of `published_datasets`.

    Returns:
        a YOLO data file (.yaml) whose `path` is the dataset's folder, absolute.

    Raises:
        DatasetError: no such name, no network, or no room.
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
    name: str, folder: Path, wanted: Path, download: Callable[[], Any], error_type: type[EngineError]
) -> Path:
    """Run a download, its bar on standard error because standard output is for results."""
    log.warning("Downloading %s to %s", name, folder)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            download()
    except Exception as error:  # whatever the network and the disk come up with
        reason = short_line(error) or "no reason given"
        raise error_type(
            f"expected to download {name} to {folder}, got {type(error).__name__}: {reason}; "
            "connect to the network or name a file that is there"
        ) from error
    if not wanted.exists():
        raise error_type(
            f"expected {wanted} after the download of {name}, got nothing there; fetch it by hand"
        )
    return wanted


def _unpack(url: str, folder: Path) -> None:
    """Fetch an archive and unpack it beside its place first, so that what is there is always whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as unpacked:
        safe_download(url, dir=unpacked, unzip=True, delete=True)
        (Path(unpacked) / folder.name).replace(folder)
