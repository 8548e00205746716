# SPDX-License-Identifier: AGPL-3.0-only
"""The import of a dataset."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from engine.datasets.splits import SPLIT_CHOICES
from engine.datasets.uploads import unpacked_folder, uploads_folder
from engine.jobs.kinds.base import Kind
from engine.jobs.kinds.request import Request
from engine.settings import setting

if TYPE_CHECKING:
    from engine.jobs.ledger import Ledger

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ImportRequest(Request):
    """A dataset to be imported; source, name, split, images and roots as of `read_dataset`."""

    source: str = setting(..., "Source", "Source of the dataset.")
    name: str | None = setting(None, "Name", "Name of the dataset.", kinds=(str, NoneType))
    split: str = setting("train", "Split", "The split to import.", choices=SPLIT_CHOICES)
    images: str | None = setting(
        None, "Image folder", "The folder with the images of a COCO JSON.", kinds=(str, NoneType)
    )
    roots: tuple[str, ...] | None = setting(
        None, "Allowed folders", "Folders that the source's files must be in.", kinds=(tuple, NoneType)
    )

    def to_json(self) -> dict[str, Any]:
        """Without roots where there are none."""
        values = super().to_json()
        return values if self.roots is not None else {key: values[key] for key in values if key != "roots"}

    def absolute(self) -> Self:
        """With absolute paths; a source that is no path stays a name."""
        path = Path(self.source).expanduser()
        here = self.source != "demo" and path.exists()
        images = None if self.images is None else str(Path(self.images).expanduser().absolute())
        return replace(self, source=str(path.absolute()) if here else self.source, images=images)


class DatasetImport(Kind[ImportRequest]):
    """Reads, repairs and stores a dataset."""

    name = "import"
    help = "Read, repair and store a dataset."
    title = "Dataset import"
    request = ImportRequest
    makes = "dataset"
    on_head = True
    name_form = "Import {dataset}"
    words: ClassVar = {"reading": "Reading", "storing": "Storing", "stored": "Stored", "images": "images"}

    def label(self, request: ImportRequest, facts: Mapping[str, Any]) -> str:
        """After the dataset."""
        return self.name_form.format(dataset=request.name or Path(request.source).name)

    def work(self, request: ImportRequest, folder: Path, ledger: Ledger) -> dict[str, Any]:
        """Read the dataset and store it."""
        from engine.jobs.reporting import Reporter
        from engine.runs.imports import import_dataset
        from engine.store.repository import Repository

        reporter = Reporter(ledger)
        with Repository() as repository:
            dataset = import_dataset(
                repository.datasets.save,
                request.source,
                name=request.name,
                split=request.split,
                images=None if request.images is None else Path(request.images),
                roots=None if request.roots is None else [Path(root) for root in request.roots],
                report=lambda done, total: reporter.phase("reading", done, total, "images"),
                storing=lambda read: reporter.phase("storing", 0, len(read.images), "images"),
            )
        reporter.phase("stored", len(dataset.images), len(dataset.images), "images")
        for note in dataset.notes:
            log.info("%s", note)
        return {
            "dataset": dataset.name,
            "images": len(dataset.images),
            "objects": sum(dataset.object_counts()),
            "repairs": dataset.repair_counts(),
            "notes": list(dataset.notes),
        }

    def uploads(self, request: Mapping[str, Any]) -> list[str]:
        """The upload that its source is or was unpacked from, if it is one."""
        path = Path(request["source"])
        if path.parent == uploads_folder():
            return [path.name]
        return [unpacked_folder(path).name] if path.suffix.lower() == ".zip" and path.is_file() else []
