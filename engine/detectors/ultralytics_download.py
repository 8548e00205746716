# SPDX-License-Identifier: AGPL-3.0-only
"""Downloads weights and datasets published by Ultralytics, if the user names them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import yaml

from engine.config import home_folder
from engine.detectors.downloads import fetch
from engine.detectors.ultralytics_quiet import (
    GITHUB_ASSETS_NAMES,
    ROOT,
    attempt_download_asset,
    safe_download,
)
from engine.errors import DatasetError, DetectorError

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
    return fetch(name, target, target, lambda: attempt_download_asset(target), DetectorError)


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
            "download other datasets yourself and name their data file"
        )
    data = yaml.safe_load(known[stem].read_text("utf-8"))
    datasets = home_folder() / "datasets"
    images = datasets / str(data["path"])
    if not images.is_dir():
        fetch(stem, datasets, images, lambda: _unpack(str(data["download"]), images), DatasetError)
    target = datasets / f"{stem}.yaml"
    part = target.with_suffix(f".{os.getpid()}.part")
    part.write_text(
        yaml.safe_dump({**data, "path": str(images)}, sort_keys=False, allow_unicode=True), "utf-8"
    )
    part.replace(target)
    return target


def _unpack(url: str, folder: Path) -> None:
    """Download and unpack an archive into a temporary folder, and rename it to `folder`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as unpacked:
        safe_download(url, dir=unpacked, unzip=True, delete=True)
        (Path(unpacked) / folder.name).replace(folder)
