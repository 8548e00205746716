# SPDX-License-Identifier: AGPL-3.0-only
"""Detects the dataset in a folder or data file: YOLO labels or COCO JSON, splits, class names. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.datasets.annotations import RepairLog, distinct_names
from engine.datasets.class_files import find_class_names
from engine.datasets.coco_splits import coco_splits, count_images, is_coco, read_coco_files
from engine.datasets.datafile import DataFile, lone_data_file, read_data_file
from engine.datasets.files import walk_files
from engine.datasets.folders import collect_images, find_layout, label_folder
from engine.datasets.label_forms import KeypointShape
from engine.datasets.layouts import Layout
from engine.datasets.names import default_name
from engine.datasets.pairing import find_label, note_stray_labels
from engine.datasets.roots import require_files, require_tree
from engine.datasets.splits import describe_splits, entries_of
from engine.datasets.yolo import number_names, read_records
from engine.errors import DatasetError
from engine.records import Dataset

_LOOKED_AT = 20  # JSON files beside YOLO labels to check for COCO JSON, which is reported as left out

Report = Callable[[int, int], object]


@dataclass(frozen=True, kw_only=True)
class FoundDataset:
    """A dataset that was detected, but not read yet.

    Attributes:
        source: the given file or folder, or the dataset's own folder further down.
        splits: split → its folders and list files or, for COCO JSON, its annotation files.
        missing: named splits that do not exist, with the error.
        class_names: None if unknown.
        keypoints: `kpt_shape` of the data file, if any.
        coco: whether to read COCO JSON instead of YOLO labels.
        notes: for the user, on how the dataset was detected.
    """

    source: Path
    splits: dict[str, tuple[Path, ...]]
    missing: dict[str, DatasetError] = field(default_factory=dict)
    class_names: tuple[str, ...] | None = None
    keypoints: KeypointShape | None = None
    coco: bool = False
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, int | None]:
        """Split → number of images; None if its files do not exist."""
        count = _count_coco if self.coco else _count_yolo
        return {split: count(entries) for split, entries in self.splits.items()} | dict.fromkeys(self.missing)

    def read(self, split: str, *, images: Path | None, report: Report) -> Dataset:
        """Read and repair a split; see `engine.datasets.sources.read_dataset` for the arguments.

        Raises:
            DatasetError: there is no such split, or its files cannot be read.
        """
        counts = self.counts()
        entries, notes = self._entries(split, counts), self.notes
        name, source = default_name(self.source.resolve(), split), str(self.source.resolve())
        if len(counts) > 1:
            notes = (*notes, f"splits: {describe_splits(counts)}; read: {split}")
        if self.coco:
            dataset = read_coco_files(entries, name=name, images=images, report=report)
            return replace(dataset, source=source, notes=notes)
        dataset = _read_yolo(
            entries, self.class_names, self.keypoints, name=name, source=source, report=report
        )
        return replace(dataset, notes=(*notes, *dataset.notes))

    def _entries(self, split: str, counts: dict[str, int | None]) -> list[Path]:
        if split in self.missing:
            raise self.missing[split]
        if self.coco and split == "train" and len(self.splits) == 1:
            return [*next(iter(self.splits.values()))]  # a single file is read whatever its name
        return entries_of(self.splits, split, counts, self.source)


def find_in_data_file(path: Path) -> FoundDataset:
    """Detect the dataset of a data file.

    Raises:
        DatasetError: the file is not a data file.
    """
    data = read_data_file(path)
    return _of_data_file(data, source=path)


def find_in_folder(path: Path) -> FoundDataset:
    """Detect the dataset in a folder: YOLO labels or else COCO JSON.

    Raises:
        DatasetError: there is no dataset, there are several, or the format is unknown.
    """
    layout = find_layout(path)
    data = lone_data_file(path)
    if data and (layout is None or layout.root or layout.others or not layout.known):
        dataset = _of_data_file(data, source=path)
        if dataset.splits or layout is None:
            return dataset
    if layout and layout.others:
        several = ", ".join((layout.root, *layout.others)[:5])
        raise DatasetError(
            f"{path}: expected one dataset, got several ({several}); name one of these folders"
        )
    annotations, notes = _annotations(path, layout)
    if annotations:
        root = path / layout.root if layout else path
        return FoundDataset(source=root, splits=coco_splits(annotations), coco=True)
    if layout is None:
        raise DatasetError(
            f"{path}: expected a YOLO folder (images/ and labels/, or a data file) or COCO JSON "
            "with its images, found no images"
        )
    dataset = _of_layout(path, layout, data)
    return replace(dataset, notes=(*dataset.notes, *notes))


def _of_layout(path: Path, layout: Layout, data: DataFile | None) -> FoundDataset:
    root = path / layout.root
    splits = {split: tuple(path / each for each in folders) for split, folders in layout.splits.items()}
    data = data or (lone_data_file(root) if layout.root else None)
    names, notes = _class_names(root, splits, data)
    if layout.root:
        notes = (f"the dataset was found in {layout.root}", *notes)
    keypoints = data.keypoints if data else None
    return FoundDataset(source=root, splits=splits, class_names=names, keypoints=keypoints, notes=notes)


def _of_data_file(data: DataFile, *, source: Path) -> FoundDataset:
    splits: dict[str, tuple[Path, ...]] = {}
    missing: dict[str, DatasetError] = {}
    for split in data.splits:
        try:
            splits[split] = tuple(data.entries(split))
            for entry in splits[split]:
                require_tree(entry)
        except DatasetError as error:
            missing[split] = error
    names, notes = _class_names(data.source.parent, splits, data)
    if data.moved and splits:
        notes = (f"{data.source.name} lists paths that do not exist; the files next to it were read", *notes)
    return FoundDataset(
        source=source,
        splits=splits,
        missing=missing,
        class_names=names,
        keypoints=data.keypoints,
        notes=notes,
    )


def _annotations(path: Path, layout: Layout | None) -> tuple[list[Path], tuple[str, ...]]:
    """COCO JSON in a folder, ignored if its images have YOLO labels, and notes for the user.

    Raises:
        DatasetError: there is neither, but other JSON.
    """
    files = [Path(file) for file in sorted(walk_files(path, {".json"}))]
    labelled = bool(files) and layout is not None and _has_labels(path, layout)
    annotations = [file for file in (files[:_LOOKED_AT] if labelled else files) if is_coco(file)]
    if labelled:
        return [], tuple(f"YOLO labels were read; {file.name} was ignored" for file in annotations)
    if files and not annotations:
        raise DatasetError(
            f"{path}: expected YOLO labels or COCO JSON with the lists images, annotations and categories, "
            f"got JSON in a different format ({files[0].name}); export detection annotations as YOLO or COCO"
        )
    return annotations, ()


def _has_labels(path: Path, layout: Layout) -> bool:
    folders = [path / folder for folders in layout.splits.values() for folder in folders]
    return any(Path(find_label(image)).is_file() for image in collect_images(folders).paths)


def _class_names(
    root: Path, splits: dict[str, tuple[Path, ...]], data: DataFile | None
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Names from the data file or else from a text file of names, and notes for the user."""
    numbered = data.class_names if data else None
    if numbered and not all(name == f"class_{index}" for index, name in enumerate(numbered)):
        return numbered, ()
    folders = [each for entries in splits.values() for each in entries if each.is_dir()]
    near = [
        root,
        root / "labels",
        *folders,
        *(Path(each) for folder in folders for each in label_folder(folder)),
    ]
    named = find_class_names(near)
    if named is None:
        return numbered, ()
    names, file = named
    return names, (f"class names from {file.name}",)


def _count_yolo(entries: Sequence[Path]) -> int:
    try:
        return len({*collect_images(entries).paths})
    except DatasetError:
        return 0


def _count_coco(files: Sequence[Path]) -> int:
    return sum(map(count_images, files))


def _read_yolo(
    entries: Sequence[Path],
    names: tuple[str, ...] | None,
    keypoints: KeypointShape | None,
    *,
    name: str,
    source: str,
    report: Report,
) -> Dataset:
    files = collect_images(entries)
    for folder in files.label_folders:
        require_tree(folder)
    require_files(files.paths)
    require_files(map(find_label, files.paths))
    log = RepairLog()
    class_count = None if names is None else len(names)
    records = read_records(files.paths, class_count=class_count, log=log, keypoints=keypoints, report=report)
    note_stray_labels(files.paths, files.label_folders, log)
    return Dataset(
        name=name,
        source=source,
        class_names=number_names(records) if names is None else distinct_names(names, source, log),
        images=records,
        repairs=tuple(log.repairs),
        notes=files.notes,
    )
