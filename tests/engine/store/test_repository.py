# SPDX-License-Identifier: AGPL-3.0-only
"""Datasets in SQLite: a round trip, one query for all records, replacement in one transaction, errors."""

import sqlite3
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from engine.errors import DatasetError, StorageError
from engine.records import Dataset, ImageRecord, Repair
from engine.store.repository import Repository


def make_dataset(name="streets", images=3, seed=0):
    """Image i holds i boxes of changing classes."""
    rng = np.random.default_rng(seed)
    return Dataset(
        name=name,
        source=f"/data/{name}",
        class_names=("person", "", "Bär"),
        images=tuple(
            ImageRecord(
                path=f"/data/{name}/{i:02d}.jpg",
                width=640 + i,
                height=480,
                boxes_xyxy_px=rng.uniform(0, 480, (i, 4)).astype(np.float32),
                class_ids=np.arange(i, dtype=np.int64) % 2 * 2,
            )
            for i in range(images)
        ),
        repairs=(
            Repair(kind="clipped_box", file="a.txt", line=3, action="cut"),
            Repair(kind="missing_image", file="b.jpg", line=None, action="left out"),
        ),
        synthetic=True,
    )


@pytest.fixture
def repository():
    with Repository(":memory:") as opened:
        yield opened


def same(first, second):
    header = ("name", "source", "class_names", "repairs", "synthetic")
    if any(getattr(first, each) != getattr(second, each) for each in header):
        return False
    return len(first.images) == len(second.images) and all(
        (a.path, a.width, a.height) == (b.path, b.width, b.height)
        and a.boxes_xyxy_px.dtype == b.boxes_xyxy_px.dtype == np.float32
        and a.class_ids.dtype == b.class_ids.dtype == np.int64
        and np.array_equal(a.boxes_xyxy_px, b.boxes_xyxy_px)
        and np.array_equal(a.class_ids, b.class_ids)
        for a, b in zip(first.images, second.images, strict=True)
    )


def row_counts(repository):
    return {
        table: repository.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("datasets", "images", "boxes", "repairs")
    }


def test_an_empty_database_lists_nothing(repository):
    assert repository.list_datasets() == []
    assert not repository.has_dataset("streets")


@pytest.mark.parametrize("images", [0, 1, 5])
def test_a_dataset_comes_back_as_it_was(repository, images):
    dataset = make_dataset(images=images)
    repository.save_dataset(dataset)
    assert same(repository.load_dataset("streets"), dataset)


def test_the_file_keeps_it(tmp_path):
    with Repository(tmp_path / "a.db") as repository:
        repository.save_dataset(make_dataset())
    with Repository(tmp_path / "a.db") as repository:
        assert same(repository.load_dataset("streets"), make_dataset())


def test_users_database_is_the_default(own_home):
    with Repository() as repository:
        repository.save_dataset(make_dataset())
    assert (own_home / "patchbench.db").is_file()


@pytest.mark.parametrize("images", [2, 40])
def test_all_records_come_by_one_query(repository, images):
    repository.save_dataset(make_dataset(images=images))
    statements = []
    repository.connection.set_trace_callback(statements.append)
    repository.load_dataset("streets")
    assert sum("FROM images" in statement for statement in statements) == 1
    assert sum("boxes" in statement for statement in statements) == 1
    assert len(statements) == 4  # the name, the header, the records, the repairs: whatever the images


def test_importing_again_replaces_and_keeps_the_id(repository):
    repository.save_dataset(make_dataset("other", images=4))
    repository.save_dataset(make_dataset(images=5))
    before = repository.connection.execute("SELECT id FROM datasets WHERE name = 'streets'").fetchone()
    again = replace(make_dataset(images=3, seed=1), source="/moved", repairs=())
    repository.save_dataset(again)
    assert same(repository.load_dataset("streets"), again)
    assert same(repository.load_dataset("other"), make_dataset("other", images=4))
    assert row_counts(repository) == {"datasets": 2, "images": 7, "boxes": 9, "repairs": 2}
    after = repository.connection.execute("SELECT id FROM datasets WHERE name = 'streets'").fetchone()
    assert before == after


def test_a_failed_import_leaves_the_earlier_one(repository):
    repository.save_dataset(make_dataset())
    broken = replace(make_dataset(images=5), repairs=(Repair(kind=None, file="a", line=1, action="x"),))
    with pytest.raises(StorageError, match="NOT NULL constraint failed"):
        repository.save_dataset(broken)
    assert same(repository.load_dataset("streets"), make_dataset())


def test_deleting_removes_every_row_and_only_that_dataset(repository):
    repository.save_dataset(make_dataset("other"))
    counts = row_counts(repository)
    repository.save_dataset(make_dataset())
    repository.delete_dataset("streets")
    assert row_counts(repository) == counts
    assert not repository.has_dataset("streets")


@pytest.mark.parametrize("action", ["load_dataset", "delete_dataset", "object_counts", "class_counts"])
def test_an_unknown_name_is_told_what_is_there(repository, action):
    with pytest.raises(DatasetError, match=r"'gone': expected one of the imported \(none\); import it first"):
        getattr(repository, action)("gone")
    repository.save_dataset(make_dataset("b"))
    repository.save_dataset(make_dataset("a"))
    with pytest.raises(DatasetError, match=r"expected one of the imported \(a, b\)"):
        getattr(repository, action)("gone")


def test_the_list_summarises(repository):
    repository.save_dataset(make_dataset("b", images=4))
    repository.save_dataset(make_dataset("a", images=0))
    first, second = repository.list_datasets()
    assert (first.name, first.images, first.objects) == ("a", 0, 0)
    assert (second.name, second.source, second.images, second.objects, second.repairs) == (
        "b",
        "/data/b",
        4,
        6,
        2,
    )
    assert second.class_names == ("person", "", "Bär")
    assert second.synthetic
    assert second.imported_at.endswith("+00:00")


def test_objects_are_counted_in_sql_as_in_memory(repository):
    dataset = make_dataset(images=6)
    repository.save_dataset(make_dataset("other", images=9))
    repository.save_dataset(dataset)
    for class_id in (None, 0, 1, 2):
        assert repository.object_counts("streets", class_id) == dataset.object_counts(class_id)
    expected = Counter(int(each) for image in dataset.images for each in image.class_ids)
    assert repository.class_counts("streets") == dict(expected)


def test_a_locked_file_is_named_after_the_wait(tmp_path):
    path = tmp_path / "a.db"
    with Repository(path, timeout_s=0.05) as repository:
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match=f"{path}: .*database is locked; another process is writing"):
            repository.save_dataset(make_dataset())
        assert repository.list_datasets() == []  # readers go on
        other.close()
        repository.save_dataset(make_dataset())


def test_a_full_disk_is_named_and_nothing_half_written(repository):
    repository.save_dataset(make_dataset())
    pages = repository.connection.execute("PRAGMA page_count").fetchone()[0]
    repository.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StorageError, match="database or disk is full; free some space"):
        repository.save_dataset(make_dataset(images=200))
    assert same(repository.load_dataset("streets"), make_dataset())


def test_a_read_only_file_is_named(repository):
    repository.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StorageError, match="attempt to write a readonly database; make the folder writable"):
        repository.save_dataset(make_dataset())
