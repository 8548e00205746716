# SPDX-License-Identifier: AGPL-3.0-only
"""Imports: under which name a dataset is stored, and which it replaces."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from engine.errors import DatasetError
from engine.runs.imports import import_dataset
from engine.store.repository import Repository


@pytest.fixture
def repository() -> Repository:
    with Repository() as opened:
        yield opened


@pytest.fixture
def sources(blocks: Path, tmp_path: Path) -> list[Path]:
    """Two data files of one name in folders of one name, in different places."""
    for place in ("one", "two"):
        folder = shutil.copytree(blocks, tmp_path / place / "photos")
        (folder / "data.yaml").write_text("train: images\nval: images\nnames: [person, car]\n")
    return [tmp_path / place / "photos/data.yaml" for place in ("one", "two")]


def names(repository: Repository) -> list[str]:
    return [each.name for each in repository.datasets.all()]


def test_a_name_that_another_source_has_gets_a_number(repository: Repository, sources: list[Path]) -> None:
    first, second = (import_dataset(repository.datasets.save, source) for source in sources)
    assert (first.name, second.name) == ("photos", "photos-2")
    assert second.notes[-1] == "named photos-2, as the name photos is taken; choose another with --name"
    assert not any("is taken" in note for note in first.notes)
    assert names(repository) == ["photos", "photos-2"]


def test_the_same_source_updates_its_own_dataset(repository: Repository, sources: list[Path]) -> None:
    for source in [*sources, *sources, sources[1].parent]:
        import_dataset(repository.datasets.save, source)
    assert names(repository) == ["photos", "photos-2"]
    repository.datasets.delete("photos")
    assert import_dataset(repository.datasets.save, sources[1]).name == "photos-2"
    assert import_dataset(repository.datasets.save, sources[1], split="val").name == "photos-val"


def test_a_name_that_is_given_replaces(repository: Repository, sources: list[Path]) -> None:
    for source in sources:
        dataset = import_dataset(repository.datasets.save, source, name="mine")
    assert names(repository) == ["mine"]
    assert repository.datasets.load("mine").source == dataset.source == str(sources[1])


def test_an_archive_that_has_changed_is_the_same_source(
    repository: Repository, blocks: Path, tmp_path: Path
) -> None:
    for number in range(2):
        with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
            for file in sorted(blocks.rglob("*.*")):
                archive.write(file, file.relative_to(blocks))
            archive.writestr("notes.txt", "x" * number)
        assert import_dataset(repository.datasets.save, tmp_path / "photos.zip").name == "photos"


def test_what_cannot_be_read_leaves_what_was_there(repository: Repository, sources: list[Path]) -> None:
    import_dataset(repository.datasets.save, sources[0])
    with pytest.raises(DatasetError, match="got the splits train"):
        import_dataset(repository.datasets.save, sources[0], split="test")
    assert names(repository) == ["photos"]
