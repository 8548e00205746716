# SPDX-License-Identifier: AGPL-3.0-only
"""The database file: migrations, and errors in one line for files and folders that cannot be used."""

import json
import sqlite3
import subprocess
import sys
import threading

import pytest
from sqlite_utils import Database

from engine.errors import StorageError
from engine.store import migrations
from engine.store.migrations import MIGRATIONS
from engine.store.repository import Repository
from engine.store.schema import SCHEMA, database_path, open_database, storage_errors


@pytest.fixture(autouse=True)
def new_databases_are_no_copies(migrate, monkeypatch):
    monkeypatch.setattr(migrations, "migrate", migrate)


def tables(connection):
    return {name for name in Database(connection).table_names() if not name.startswith("_")}


def test_the_schema_names_all_migrations_in_order():
    assert [each.name for each in MIGRATIONS.pending(Database(memory=True))] == list(SCHEMA)


def test_a_new_database_gets_its_folder_and_schema(tmp_path):
    path = tmp_path / "new" / "folder" / "a.db"
    db = open_database(path)
    assert {"datasets", "images", "boxes", "repairs"} <= tables(db)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert not MIGRATIONS.pending(Database(db))
    db.close()


def test_opening_again_changes_nothing(tmp_path):
    path = tmp_path / "a.db"
    applied = []
    for _ in range(2):
        db = open_database(path)
        applied.append([(each.name, each.applied_at) for each in MIGRATIONS.applied(Database(db))])
        db.close()
    assert applied[0] == applied[1] != []


@pytest.mark.parametrize("had", [*SCHEMA])
def test_an_older_file_gets_what_it_lacks_and_keeps_what_it_has(tmp_path, had):
    path = tmp_path / "a.db"
    older = sqlite3.connect(path)
    MIGRATIONS.apply(Database(older), stop_before=had)
    before = tables(older)
    if "datasets" in before:
        with older:
            older.execute("INSERT INTO datasets VALUES (7, 'kept', '', '[]', 0, '')")
            older.execute(
                "INSERT INTO repairs (id, dataset_id, kind, file, line, action) "
                "VALUES (3, 7, 'clipped_box', 'a.txt', 1, 'cut')"
            )
    older.close()
    db = open_database(path)
    assert tables(db) >= before
    assert not MIGRATIONS.pending(Database(db))
    kept = db.execute("SELECT id, name FROM datasets").fetchall()
    assert kept == ([(7, "kept")] if "datasets" in before else [])
    times = db.execute("SELECT dataset_id, times FROM repairs").fetchall()
    assert times == ([(7, 1)] if "datasets" in before else [])
    db.close()


def test_scores_of_an_older_file_keep_their_subject_and_its_jobs_have_no_group(tmp_path):
    path = tmp_path / "a.db"
    older = sqlite3.connect(path)
    MIGRATIONS.apply(Database(older), stop_before="m007_job_groups")
    with older:
        older.execute(
            "INSERT INTO jobs (kind, state, label, device, place, created_at, seed, code_version, request) "
            "VALUES ('generate', 'succeeded', 'old', 'cpu', 1, 0, 0, '', '{}')"
        )
        older.execute(
            "INSERT INTO patches (name, path, image, height, width, circular, sha256, created_at, dataset, "
            "detector, class_name, summary) VALUES ('a', '', '', 16, 16, 0, '', 0, '', '', '', '{}')"
        )
        older.executemany(
            "INSERT INTO scores (patch_id, job_id, created_at, dataset, detector, class_name, held_out, asr, "
            "ap50, evaluation) VALUES (1, ?, 0, ?, 'yolo', 'man → person', NULL, 0.5, NULL, '{}')",
            [(1, 'a "street"'), (None, "")],
        )
    older.close()
    with Repository(path) as repository:
        found = repository.patches.scores(1)
        assert [(score.dataset, score.detector, score.class_name) for score in found] == [
            ('a "street"', "yolo", "man → person"),
            ("", "yolo", "man → person"),
        ]
        assert [(score.job_id, score.asr) for score in found] == [(1, 0.5), (None, 0.5)]
        assert repository.patches.get(1).score == found[0]
        assert repository.jobs.get(1).group_id is None
        assert repository.weights.all() == []


SIDES = [
    # side, settings, claimed → side, facts
    (("step", "{}", None), ({"": "step"}, {})),
    (
        ("step", '{"view": "whole", "canvas_px": 64}', None),
        ({"": "step", "view": "whole"}, {"view": "whole", "canvas_px": 64}),
    ),
    (("views, batch 1", '{"view": "views"}', None), ({"": "views, batch 1"}, {"view": "views"})),
    (
        ("grouped, batch 8", '{"batch_size": 8}', 1.8),
        ({"": "grouped, batch 8"}, {"batch_size": 8, "claimed": 1.8}),
    ),
]


def test_measurements_of_an_older_file_keep_their_side_view_and_claim(tmp_path):
    path = tmp_path / "a.db"
    older = sqlite3.connect(path)
    MIGRATIONS.apply(Database(older), stop_before="m010_comparisons")
    with older:
        older.execute(
            "INSERT INTO benchmarks (suite, scale, state, attempt, device, machine, detector, dataset, "
            "code_version, started_at, answer, settings, facts, left_out) "
            "VALUES ('floor', 'small', 'finished', 1, 'cpu', '', '', '', '', 0, 'Far.', '{}', '{}', '[]')"
        )
        older.executemany(
            "INSERT INTO measurements (benchmark_id, position, part, side, value, low, high, unit, settings, "
            "claimed, samples) VALUES (1, ?, 'all', ?, 2, 1.5, NULL, 's/image', ?, ?, '[2.0]')",
            [(number, *before) for number, (before, _) in enumerate(SIDES)],
        )
    older.close()
    with Repository(path) as repository:
        run = repository.benchmarks.get(1)
        assert (run.answer, run.comparisons) == ("Far.", ())
        assert [(row.side, row.facts) for row in run.measurements] == [after for _, after in SIDES]
        assert {(row.metric, row.figure.value, row.samples) for row in run.measurements} == {
            ("s/image", 2.0, (2.0,))
        }
        assert repository.benchmarks.done_parts(1) == ["all"]


def test_scores_of_an_older_file_stay_and_a_job_may_have_several(tmp_path):
    path = tmp_path / "a.db"
    older = sqlite3.connect(path)
    MIGRATIONS.apply(Database(older), stop_before="m012_scores_by_subject")
    subject = {"dataset": "blocks", "detector": "tiny", "class_name": "person"}
    with older:
        older.execute(
            "INSERT INTO patches (name, path, image, height, width, circular, sha256, created_at, dataset, "
            "detector, class_name, summary) VALUES ('p', '', '', 8, 8, 0, '', 0, '', '', '', '{}')"
        )
        older.execute(
            "INSERT INTO scores (patch_id, job_id, created_at, held_out, asr, ap50, evaluation, subject) "
            "VALUES (1, NULL, 5, 1, 0.5, 0.25, '{}', ?)",
            [json.dumps(subject)],
        )
    older.close()
    with Repository(path) as repository:
        (score,) = repository.patches.scores(1)
        assert (score.detector, score.asr, score.held_out, score.created_at) == ("tiny", 0.5, True, 5)
        job = repository.jobs.add(kind="evaluate", label="", request={})
        evaluation = {"patch": {"asr": 0.1, "ap50": 0.2}}
        for detector in ("tiny", "other", "other"):
            repository.patches.add_score(
                1, job_id=job.id, held_out=None, evaluation=evaluation, **subject | {"detector": detector}
            )
        assert [each.detector for each in repository.patches.scores(1)] == ["tiny", "tiny", "other"]


def test_a_file_that_is_up_to_date_is_opened_without_sqlite_utils(own_home):
    program = (
        "import sys; from engine.store.repository import Repository; Repository().close(); "
        "print('sqlite_utils' in sys.modules, 'pandas' in sys.modules)"
    )
    said = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert said == ["True False\n", "False False\n"]


def test_users_database_lies_in_the_home_folder(own_home):
    assert database_path() == own_home / "patchbench.db"


def test_many_that_open_a_new_database_at_once_all_succeed(tmp_path):
    failures = []

    def open_and_close():
        try:
            open_database(tmp_path / "a.db").close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=open_and_close) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_new_file_that_another_process_is_writing_is_waited_for(tmp_path):
    path = tmp_path / "a.db"
    other = sqlite3.connect(path, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="another process is writing: try again"):
        open_database(path, timeout_s=0.1)
    end = threading.Timer(0.3, other.rollback)
    end.start()
    db = open_database(path)
    end.join()
    other.close()
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def damaged(path):
    path.write_bytes(b"no database, but long enough to look at" * 50)


def newer(path):
    db = open_database(path)
    Database(db)["_sqlite_migrations"].insert(
        {"migration_set": "patchbench", "name": "m999_later", "applied_at": "2099-01-01"}
    )
    db.close()


def folder(path):
    path.mkdir()


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (damaged, "expected a usable database, got file is not a database; move the file away"),
        (newer, "got m999_later of a newer PatchBench; update PatchBench or choose another PATCHBENCH_HOME"),
        (folder, "got unable to open database file; make the folder writable"),
    ],
)
def test_unusable_files_are_named_in_one_line(tmp_path, prepare, message):
    path = tmp_path / "a.db"
    prepare(path)
    with pytest.raises(StorageError, match=message) as raised:
        open_database(path)
    assert str(raised.value).startswith(f"{path}: expected")
    assert "\n" not in str(raised.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="expected a writable folder, got Not a directory; choose another"):
        open_database(tmp_path / "file" / "home" / "a.db")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("database is locked", "try again"),
        ("attempt to write a readonly database", "make the folder writable"),
        ("database or disk is full", "free some space"),
        ("disk I/O error", "free some space or check the disk"),
        ("database disk image is malformed", "restore a copy"),
    ],
)
def test_each_kind_of_failure_has_its_advice(text, advice):
    with pytest.raises(StorageError, match=f"a.db: expected a usable database, got {text}; .*{advice}"):  # noqa: SIM117
        with storage_errors("a.db"):
            raise sqlite3.OperationalError(text)
