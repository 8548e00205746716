# SPDX-License-Identifier: AGPL-3.0-only
"""Figures of datasets, and imports as jobs."""

import io
import zipfile
from contextlib import nullcontext

import pytest

from dashboard.services import datasets
from engine.errors import DatasetError, SettingsError
from engine.jobs import queue
from engine.jobs.kinds import KINDS
from engine.jobs.ledger import StoredLedger
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, PEOPLE, make_dataset
from tests.engine.datasets.pictures import write_picture


@pytest.fixture
def streets(own_home):
    with Repository() as repository:
        repository.datasets.save(make_dataset(own_home / "pictures"))
    datasets.summaries.clear()
    (summary,) = datasets.summaries()
    return summary


def archive(names=("images/a.jpg",)):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return buffer


@pytest.mark.parametrize(
    ("counts", "limit", "images"),
    [([], 2, [0, 0, 0]), ([0, 1, 1, 2, 9], 2, [1, 2, 2]), ([3], 4, [0, 0, 0, 1, 0])],
)
def test_histogram_and_positions_agree(counts, limit, images):
    assert datasets.histogram(counts, limit) == images
    assert [len(datasets.positions(counts, bucket, limit)) for bucket in range(limit + 1)] == images


def test_figures_of_a_dataset(streets):
    counts = datasets.object_counts(DATASET, streets.imported_at, None)
    assert counts == list(PEOPLE)
    assert sum(datasets.class_counts(DATASET, streets.imported_at).values()) == sum(PEOPLE)
    figures = datasets.box_figures(DATASET, streets.imported_at, None)
    assert sum(map(sum, figures.centres)) == sum(figures.sizes) == sum(PEOPLE)
    assert datasets.repair_counts(DATASET, streets.imported_at) == {}
    assert datasets.image(DATASET, streets.imported_at, 7).count() == PEOPLE[7]


def test_a_path_outside_is_never_queued(streets, no_worker_is_started, monkeypatch, own_home):
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(own_home))
    for how in ({"written": "/etc"}, {"written": str(own_home), "images": "/etc"}):
        with pytest.raises(SettingsError):
            datasets.import_path(**how, name="", split="train")
    assert datasets.imports() == []
    assert no_worker_is_started == []


def test_an_import_carries_the_folders_that_it_is_held_to(
    no_worker_is_started, monkeypatch, own_home, tmp_path
):
    allowed, own = tmp_path / "allowed", own_home / "uploads" / "mine-0123456789ab"
    for folder in (allowed / "images", own):
        folder.mkdir(parents=True)
    (own / "a.json").write_text("{}")
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(allowed))
    how = {"name": "", "split": "train"}
    within = [str(allowed), str(own_home)]
    assert datasets.import_path(str(allowed), **how).request["roots"] == within
    assert datasets.import_path(str(own), **how).request["roots"] == [str(own)]
    job = datasets.import_path(f"{own}/a.json", images=f"{allowed}/images", **how)
    assert job.request["roots"] == [str(own), f"{allowed}/images"]
    assert datasets.import_upload(archive(), "a.zip", **how).request["roots"] == within
    assert datasets.import_name("coco128", **how).request["roots"] == within
    assert "roots" not in datasets.import_demo().request
    with Repository() as repository:
        assert queue.retry(repository, ended(repository, job)).request == job.request


def ended(repository, job):
    queue.cancel(repository, job.id)
    return job.id


def test_an_import_by_path_reads_nothing_elsewhere(no_worker_is_started, own_home, tmp_path, monkeypatch):
    """From the page to the end of the work: an upload's data file names a folder that is not its own."""
    own, private = own_home / "uploads" / "mine-0123456789ab", tmp_path / "private"
    write_picture(private / "a.jpg")
    write_picture(own / "images" / "b.jpg")
    (own / "data.yaml").write_text(f"path: {private}\ntrain: .\nnames: [person]\n")
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(tmp_path))
    job = datasets.import_path(f"{own}/data.yaml", name="", split="train")
    kind = KINDS[job.kind]
    with Repository() as repository:
        ledger = StoredLedger(repository, job, stop_requested=lambda: False, lost=lambda: None)
        with pytest.raises(DatasetError, match="expected only paths inside"):
            kind.work(kind.request.from_json(job.request), own_home, ledger)
    assert datasets.summaries() == []


@pytest.mark.parametrize("name", ["/etc", "a/b", "../a", "~", "~/a"])
def test_a_dataset_is_not_called_like_a_path(name, no_worker_is_started):
    with pytest.raises(SettingsError, match="name: expected a name that is not a path"):
        datasets.import_name("coco128", name=name, split="train")
    assert no_worker_is_started == []


@pytest.mark.parametrize(
    ("name", "allowed"), [("none of the kind", True), ("demo", True), ("inside", True), ("{outside}", False)]
)
def test_a_name_that_is_a_path_outside_is_refused(name, allowed, own_home, tmp_path, monkeypatch):
    (own_home / "inside").mkdir(parents=True)
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(own_home))
    monkeypatch.chdir(own_home)
    name = name.format(outside=tmp_path)
    with nullcontext() if allowed else pytest.raises(SettingsError, match="path: expected a path below"):
        assert datasets.usable(name) == name


def test_an_upload_is_kept_and_queued_under_its_own_name(no_worker_is_started, own_home):
    job = datasets.import_upload(archive(), "my streets.zip", name="", split="all")
    assert (job.request["name"], job.label) == (None, "Import my-streets")
    assert job.request["split"] == "all"
    assert job.request["source"].startswith(str(own_home / "uploads"))
    assert [each.id for each in datasets.imports()] == [job.id]
    assert no_worker_is_started == ["worker"]


def test_a_name_that_is_given_to_an_upload_is_kept(no_worker_is_started):
    job = datasets.import_upload(archive(), "my streets.zip", name=" mine ", split="train")
    assert (job.request["name"], job.label) == ("mine", "Import mine")


@pytest.mark.parametrize(
    ("files", "written", "splits"),
    [
        ([], "nowhere", {}),
        ([], ".", {}),
        (["a.jpg"], "a.jpg", {}),
        (["images/train/a.jpg", "images/val/b.jpg"], ".", {"train": 1, "val": 1}),
        (["images/train/a.jpg", "data.yaml"], "data.yaml", {"train": 1, "val": None}),
    ],
)
def test_splits_are_told_before_an_import(own_home, files, written, splits):
    for name in files:
        (own_home / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (own_home / "set" / name).write_text("train: images/train\nval: gone\n")
    datasets.splits_at.clear()
    assert datasets.splits_at(str(own_home / "set" / written)) == splits


def test_splits_outside_the_allowed_folders_are_not_told(own_home, tmp_path, monkeypatch):
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(own_home))
    (tmp_path / "private").mkdir()
    (tmp_path / "private/a.jpg").touch()
    own_home.mkdir()
    (own_home / "data.yaml").write_text(f"train: {tmp_path}/private\n")
    datasets.splits_at.clear()
    assert datasets.splits_at(str(tmp_path / "private")) == {}
    assert datasets.splits_at(str(own_home / "data.yaml")) == {"train": None}


def test_splits_of_an_upload():
    assert datasets.splits_in(archive(("train/images/a.jpg", "val/images/b.jpg"))) == {"train": 1, "val": 1}
    assert datasets.splits_in(io.BytesIO(b"no zip")) == {}


def test_a_harmful_upload_leaves_nothing(own_home):
    with pytest.raises(DatasetError, match="a path that leads outside"):
        datasets.import_upload(archive(("../a.jpg",)), "a.zip", name="", split="train")
    assert not (own_home / "uploads").exists()


def test_only_known_names_are_downloaded():
    assert "coco128" in datasets.known_names()
    with pytest.raises(SettingsError, match="a dataset that Ultralytics can download"):
        datasets.import_name("../x", name="", split="train")
    assert datasets.import_name("coco128", name=" mine ", split="train").request["name"] == "mine"


def test_a_dataset_is_forgotten(streets):
    datasets.delete(DATASET)
    assert datasets.summaries() == []
    with pytest.raises(DatasetError):
        datasets.delete(DATASET)


@pytest.mark.parametrize(
    ("counts", "limit"),
    [
        ([], 2),
        ([0, 1, 1], 2),
        ([1, 2, 8], 8),
        ([1] * 95 + [9] * 5, 2),
        ([1] * 94 + [9] * 6, 9),
        ([70] * 9, 30),
    ],
)
def test_few_images_lie_beyond_the_last_bar(counts: list[int], limit: int) -> None:
    assert datasets.last_bucket(counts) == limit
