# SPDX-License-Identifier: AGPL-3.0-only
"""An import stores a dataset, and stops where it is told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.datasets.uploads import uploads_folder
from engine.errors import SettingsError
from engine.jobs import queue
from engine.jobs.child import INTERRUPTED
from engine.jobs.kinds.dataset_import import DatasetImport, ImportRequest
from engine.store.repository import Repository
from tests.engine.jobs.kinds.conftest import CarryOut


@pytest.fixture
def request_of(blocks: Path) -> ImportRequest:
    return ImportRequest(source=str(blocks), name="mine")


def test_an_import_stores_the_dataset(
    repository: Repository, request_of: ImportRequest, carry_out: CarryOut
) -> None:
    queue.submit(repository, "import", request_of)
    _, result, _ = carry_out()
    assert (result["dataset"], result["images"], result["objects"]) == ("mine", 6, 8)
    assert len(repository.datasets.load("mine").images) == 6


def test_an_import_stops_where_it_is_told_to(
    repository: Repository, request_of: ImportRequest, carry_out: CarryOut, caplog: pytest.LogCaptureFixture
) -> None:
    queue.submit(repository, "import", request_of)
    with caplog.at_level("INFO"):
        carry_out(stop=lambda: True, code=INTERRUPTED)
    assert "stopped while reading" in caplog.text
    assert not repository.datasets.has("mine")


def test_a_split_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="split: expected one of"):
        ImportRequest(source="demo", split="half")


@pytest.mark.parametrize("roots", [None, ("/a", "/b")])
def test_roots_are_kept_where_there_are_any(roots: tuple[str, ...] | None) -> None:
    request = ImportRequest(source="demo", roots=roots)
    assert ("roots" in request.to_json()) is (roots is not None)
    assert ImportRequest.from_json(request.to_json()) == request


@pytest.mark.parametrize(
    ("source", "label"), [("demo", "Import demo"), ("/data/streets.yaml", "Import streets.yaml")]
)
def test_it_is_called_after_the_dataset(source: str, label: str) -> None:
    assert DatasetImport().label(ImportRequest(source=source), {}) == label
    assert DatasetImport().label(ImportRequest(source=source, name="mine"), {}) == "Import mine"


def test_its_upload_is_what_its_source_is_or_was_unpacked_to() -> None:
    kind, unpacked = DatasetImport(), uploads_folder() / "mine-0123456789ab"
    assert kind.uploads({"source": "demo"}) == []
    assert kind.uploads({"source": str(unpacked)}) == [unpacked.name]
