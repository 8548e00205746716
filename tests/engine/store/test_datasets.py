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
        table: repository.connection.sqlite.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("datasets", "images", "boxes", "repairs")
    }


def test_an_empty_database_lists_nothing(repository):
    assert repository.datasets.all() == []
    assert not repository.datasets.has("streets")


@pytest.mark.parametrize("images", [0, 1, 5])
def test_a_dataset_comes_back_as_it_was(repository, images):
    dataset = make_dataset(images=images)
    repository.datasets.save(dataset)
    assert same(repository.datasets.load("streets"), dataset)


def test_the_file_keeps_it(tmp_path):
    with Repository(tmp_path / "a.db") as repository:
        repository.datasets.save(make_dataset())
    with Repository(tmp_path / "a.db") as repository:
        assert same(repository.datasets.load("streets"), make_dataset())


def test_users_database_is_the_default(own_home):
    with Repository() as repository:
        repository.datasets.save(make_dataset())
    assert (own_home / "patchbench.db").is_file()


@pytest.mark.parametrize("images", [2, 40])
def test_all_records_come_by_one_query(repository, images):
    repository.datasets.save(make_dataset(images=images))
    statements = []
    repository.connection.sqlite.set_trace_callback(statements.append)
    repository.datasets.load("streets")
    assert sum("FROM images" in statement for statement in statements) == 1
    assert sum("boxes" in statement for statement in statements) == 1
    assert len(statements) == 4  # the name, the header, the records, the repairs: whatever the images


def test_importing_again_replaces_and_keeps_the_id(repository):
    repository.datasets.save(make_dataset("other", images=4))
    repository.datasets.save(make_dataset(images=5))
    before = repository.connection.sqlite.execute("SELECT id FROM datasets WHERE name = 'streets'").fetchone()
    again = replace(make_dataset(images=3, seed=1), source="/moved", repairs=())
    repository.datasets.save(again)
    assert same(repository.datasets.load("streets"), again)
    assert same(repository.datasets.load("other"), make_dataset("other", images=4))
    assert row_counts(repository) == {"datasets": 2, "images": 7, "boxes": 9, "repairs": 2}
    after = repository.connection.sqlite.execute("SELECT id FROM datasets WHERE name = 'streets'").fetchone()
    assert before == after


def test_a_name_can_be_chosen_by_those_there_are(repository):
    seen = []
    for _ in range(2):
        dataset = make_dataset(images=1)
        assert repository.datasets.save(dataset) == "streets"
        name = repository.datasets.save(dataset, rename=lambda taken: seen.append(dict(taken)) or "other")
        assert name == "other"
    assert seen == [{"streets": dataset.source}, {"streets": dataset.source, "other": dataset.source}]
    assert [each.name for each in repository.datasets.all()] == ["other", "streets"]


def test_a_failed_import_leaves_the_earlier_one(repository):
    repository.datasets.save(make_dataset())
    broken = replace(make_dataset(images=5), repairs=(Repair(kind=None, file="a", line=1, action="x"),))
    with pytest.raises(StorageError, match="NOT NULL constraint failed"):
        repository.datasets.save(broken)
    assert same(repository.datasets.load("streets"), make_dataset())


def test_deleting_removes_every_row_and_only_that_dataset(repository):
    repository.datasets.save(make_dataset("other"))
    counts = row_counts(repository)
    repository.datasets.save(make_dataset())
    repository.datasets.delete("streets")
    assert row_counts(repository) == counts
    assert not repository.datasets.has("streets")


@pytest.mark.parametrize("action", ["load", "delete", "object_counts", "class_counts"])
def test_an_unknown_name_is_told_what_is_there(repository, action):
    with pytest.raises(DatasetError, match=r"'gone': expected an imported dataset \(none\); import it first"):
        getattr(repository.datasets, action)("gone")
    repository.datasets.save(make_dataset("b"))
    repository.datasets.save(make_dataset("a"))
    with pytest.raises(DatasetError, match=r"expected an imported dataset \(a, b\)"):
        getattr(repository.datasets, action)("gone")


def test_the_list_summarises(repository):
    repository.datasets.save(make_dataset("b", images=4))
    repository.datasets.save(make_dataset("a", images=0))
    first, second = repository.datasets.all()
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
    repository.datasets.save(make_dataset("other", images=9))
    repository.datasets.save(dataset)
    for class_id in (None, 0, 1, 2):
        assert repository.datasets.object_counts("streets", class_id) == dataset.object_counts(class_id)
    for several in ((), (0,), (0, 1)):
        assert repository.datasets.object_counts("streets", several) == dataset.object_counts(several)
    expected = Counter(int(each) for image in dataset.images for each in image.class_ids)
    assert repository.datasets.class_counts("streets") == dict(expected)


def test_a_locked_file_is_named_after_the_wait(tmp_path):
    path = tmp_path / "a.db"
    with Repository(path, timeout_s=0.05) as repository:
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match=f"{path}: .*database is locked; another process is writing"):
            repository.datasets.save(make_dataset())
        assert repository.datasets.all() == []  # readers go on
        other.close()
        repository.datasets.save(make_dataset())


def test_a_full_disk_is_named_and_nothing_half_written(repository):
    repository.datasets.save(make_dataset())
    pages = repository.connection.sqlite.execute("PRAGMA page_count").fetchone()[0]
    repository.connection.sqlite.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StorageError, match="got the disk is full"):
        repository.datasets.save(make_dataset(images=200))
    assert same(repository.datasets.load("streets"), make_dataset())


def test_a_read_only_file_is_named(repository):
    repository.connection.sqlite.execute("PRAGMA query_only = ON")
    with pytest.raises(StorageError, match="attempt to write a readonly database; make the folder writable"):
        repository.datasets.save(make_dataset())


def test_box_shares_of_no_boxes(repository):
    repository.datasets.save(make_dataset(images=1))
    assert repository.datasets.box_shares("streets").shape == (0, 4)


def test_box_shares_are_centres_and_sizes_over_the_images(repository):
    image = ImageRecord(
        path="/a.jpg",
        width=200,
        height=100,
        boxes_xyxy_px=np.array([[0, 0, 100, 50], [150, 50, 200, 100]], dtype=np.float32),
        class_ids=np.array([0, 2]),
    )
    repository.datasets.save(replace(make_dataset(), images=(image,)))
    assert repository.datasets.box_shares("streets").tolist() == [
        [0.25, 0.25, 0.5, 0.5],
        [0.875, 0.75, 0.25, 0.5],
    ]
    assert repository.datasets.box_shares("streets", 2).tolist() == [[0.875, 0.75, 0.25, 0.5]]


def test_repairs_are_counted_and_listed_by_kind(repository):
    dataset = make_dataset()
    repository.datasets.save(replace(dataset, repairs=()))
    assert repository.datasets.repair_counts("streets") == {}
    assert repository.datasets.repairs("streets") == []
    repository.datasets.save(replace(dataset, repairs=(*dataset.repairs, dataset.repairs[1])))
    assert list(repository.datasets.repair_counts("streets").items()) == [
        ("missing_image", 2),
        ("clipped_box", 1),
    ]
    assert repository.datasets.repairs("streets", kind="clipped_box") == [dataset.repairs[0]]
    assert repository.datasets.repairs("streets", limit=1) == [dataset.repairs[0]]


def test_a_repair_made_many_times_is_counted_so(repository):
    often = Repair(kind="ignored_keypoints", file="a.txt", line=None, action="ignored", times=40)
    dataset = make_dataset()
    repository.datasets.save(replace(dataset, repairs=(*dataset.repairs, often)))
    assert repository.datasets.load("streets").repairs[-1] == often
    assert repository.datasets.repair_counts("streets")["ignored_keypoints"] == 40
    assert repository.datasets.all()[0].repairs == 42


@pytest.mark.parametrize("ask", ["box_shares", "repair_counts", "repairs"])
def test_figures_of_an_unknown_dataset_say_what_is_there(repository, ask):
    with pytest.raises(DatasetError, match="expected an imported dataset"):
        getattr(repository.datasets, ask)("streets")


def test_one_image_is_found_by_its_place(repository):
    dataset = make_dataset()
    repository.datasets.save(dataset)
    for place, expected in enumerate(dataset.images):
        found = repository.datasets.load_image("streets", place)
        assert (found.path, found.width, found.height) == (expected.path, expected.width, expected.height)
        assert found.boxes_xyxy_px.tolist() == expected.boxes_xyxy_px.tolist()
        assert found.class_ids.tolist() == expected.class_ids.tolist()


@pytest.mark.parametrize(
    ("name", "place", "message"),
    [
        ("none", 0, r"dataset 'none': expected an imported dataset \(streets\)"),
        ("streets", 3, "dataset 'streets': expected an image at 3, got none"),
        ("streets", -1, "expected an image at -1, got none"),
    ],
)
def test_an_image_that_is_not_there_is_told(repository, name, place, message):
    repository.datasets.save(make_dataset())
    with pytest.raises(DatasetError, match=message):
        repository.datasets.load_image(name, place)
