# SPDX-License-Identifier: AGPL-3.0-only
"""The one entry to datasets: tells what a source is and reads it. No torch unless a download is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from engine.config import require_choice
from engine.datasets.annotations import RepairLog
from engine.datasets.coco import read_coco
from engine.datasets.datafile import DataFile, read_data_file
from engine.datasets.folders import SPLITS, collect_images, find_split
from engine.datasets.uploads import require_inside, unpack_zip, unpacked_folder, uploads_folder
from engine.datasets.yolo import note_stray_labels, number_names, read_records
from engine.errors import DatasetError
from engine.excerpts import read_bounded
from engine.records import Dataset

__all__ = ["downloadable_names", "read_dataset"]

Report = Callable[[int, int], object]

MAX_NAMES_BYTES = 2**20
_YAML = (".yaml", ".yml")
_POSSIBLE = "a data file (.yaml), a YOLO folder, COCO JSON (.json), an archive (.zip)"


def read_dataset(
    source: str | Path,
    *,
    name: str | None = None,
    split: str = "train",
    images: Path | None = None,
    report: Report = lambda done, total: None,
) -> Dataset:
    """Read and repair a dataset.

    Args:
        source: an Ultralytics data file (`.yaml`), a YOLO folder, COCO JSON, a `.zip` of one of these,
            `demo`, or the name of a dataset that Ultralytics can download, as `coco128`. A local path wins
            over such a name; `demo` always means the embedded demo (`./demo` is a folder of that name).
        name: what to call it; by default after the source, with the split unless it is `train`.
        split: `train`, `val` or `test`; COCO JSON holds one split and ignores it.
        images: COCO JSON only: the folder of the images.
        report: told again and again how many images of how many are read.

    Returns:
        The images that can be used, with boxes inside them, and the report of all repairs.

    Raises:
        DatasetError: the source is not there, has another form, or holds no usable image.
        SettingsError: no such split.
    """
    require_choice("split", split, SPLITS)
    dataset = _read(str(source), split, images, report)
    if not dataset.images:
        kinds = ", ".join(f"{kind} {count}" for kind, count in dataset.repair_counts().items())
        raise DatasetError(f"{source}: expected usable images, got none ({kinds or 'it lists none'})")
    return replace(dataset, name=name) if name else dataset


def downloadable_names() -> list[str]:
    """The datasets that Ultralytics can download by name, told from its files without importing it."""
    package = find_spec("ultralytics")
    if package is None or package.origin is None:
        return []
    return sorted(path.stem for path in Path(package.origin).parent.glob("cfg/datasets/*.yaml"))


def _read(source: str, split: str, images: Path | None, report: Report) -> Dataset:
    if source == "demo":
        from engine.datasets.demo import demo_dataset  # drawing the scenes is only needed here

        # What the demo is run on is its split `demo`; `train` is what its detector has learnt from.
        return demo_dataset("demo" if split == "train" else split, report=report)
    path = Path(source).expanduser()
    if source and path.is_dir():
        return _read_folder(path.resolve(), split, report)
    if path.suffix.lower() == ".zip" and (path.is_file() or _was_unpacked(path)):
        return _read_zip(path.resolve(), split, report)
    if path.is_file():
        return _read_file(path.resolve(), split, images, report)
    if source.removesuffix(".yaml") in downloadable_names():
        from engine.detectors.ultralytics_download import download_dataset  # loads torch

        return _read_data_file(download_dataset(source.removesuffix(".yaml")), split, report)
    raise DatasetError(
        f"dataset {source!r}: expected {_POSSIBLE}, 'demo' or the name of a dataset "
        f"that Ultralytics downloads (as coco128), got nothing at {path.absolute()}"
    )


def _read_file(path: Path, split: str, images: Path | None, report: Report) -> Dataset:
    if path.suffix.lower() in _YAML:
        return _read_data_file(path, split, report)
    if path.suffix.lower() == ".json":
        return read_coco(path, name=path.stem, images=images, report=report)
    raise DatasetError(f"{path}: expected {_POSSIBLE}, got another file")


def _was_unpacked(path: Path) -> bool:
    """An upload is removed once it is unpacked; reading it again then means what was unpacked."""
    return path.resolve().parent == uploads_folder() and unpacked_folder(path.resolve()).is_dir()


def _read_zip(path: Path, split: str, report: Report) -> Dataset:
    """What an archive holds, none of it from elsewhere: COCO JSON if it has one, else a YOLO folder."""
    root = unpack_zip(path, report)
    annotations = [file for file in root.rglob("*.json") if file.is_file()]
    if len(annotations) == 1:
        found = read_coco(annotations[0], name=root.name, report=report)
    else:
        found = _read_folder(root, split, report)
    require_inside(found, root)
    return replace(found, name=_split_name(path.stem, split))


def _read_data_file(path: Path, split: str, report: Report) -> Dataset:
    data = read_data_file(path)
    # Many files are called data.yaml; their folder's name says more.
    stem = path.parent.name if path.stem in ("data", "dataset") else path.stem
    name = _split_name(stem, split)
    return _read_yolo(data.entries(split), data.class_names, name=name, source=path, report=report)


def _read_folder(path: Path, split: str, report: Report) -> Dataset:
    folders = find_split(path, split)
    data = _lone_data_file(path)
    name = _split_name(path.parent.name if path.name == "images" else path.name, split)
    if folders is not None:
        names = _listed_names(path) or (data.class_names if data else None)
        return _read_yolo(folders, names, name=name, source=path, report=report)
    if data is not None:
        return _read_yolo(data.entries(split), data.class_names, name=name, source=path, report=report)
    raise DatasetError(
        f"{path}: expected a YOLO folder (images/ and labels/, or a data file), got no images there; "
        "give COCO JSON by the .json file"
    )


def _read_yolo(
    entries: list[Path], names: tuple[str, ...] | None, *, name: str, source: Path, report: Report
) -> Dataset:
    files = collect_images(entries)
    log = RepairLog()
    class_count = None if names is None else len(names)
    records = read_records(files.paths, class_count=class_count, log=log, report=report)
    note_stray_labels(files.paths, files.label_folders, log)
    return Dataset(
        name=name,
        source=str(source),
        class_names=number_names(records) if names is None else names,
        images=records,
        repairs=tuple(log.repairs),
    )


def _split_name(stem: str, split: str) -> str:
    return stem if split == "train" else f"{stem}-{split}"


def _lone_data_file(folder: Path) -> DataFile | None:
    """The folder's one YAML file that names classes."""
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in _YAML]
    named = [data for data in map(read_data_file, files) if data.class_names is not None]
    return named[0] if len(named) == 1 else None


def _listed_names(folder: Path) -> tuple[str, ...] | None:
    """Names from `classes.txt`, one a line, in the folder or beside the labels."""
    for file in (folder / "classes.txt", folder / "labels" / "classes.txt"):
        if file.is_file():
            try:
                lines = read_bounded(file, MAX_NAMES_BYTES).decode("utf-8-sig", "replace").splitlines()
            except OSError as error:
                raise DatasetError(
                    f"{file}: expected class names, one a line, got a file that cannot be used: "
                    f"{error.strerror}; correct or remove it"
                ) from error
            return tuple(line.strip() for line in lines if line.strip())
    return None
