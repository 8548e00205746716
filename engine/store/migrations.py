# SPDX-License-Identifier: AGPL-3.0-only
"""The schema, as migrations that are only ever appended to."""

from __future__ import annotations

import sqlite3
import sys

from engine.store.sql import JOBS, LOADS, MATRICES, SWEEPS

# sqlite-utils imports pandas if installed, which takes half a second and is not needed here.
sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
try:
    from sqlite_utils import Database, Migrations
finally:
    if sys.modules["pandas"] is None:
        del sys.modules["pandas"]

MIGRATIONS = Migrations("patchbench")


def migrate(connection: sqlite3.Connection) -> None:
    """Apply all missing migrations in one transaction, for which other processes wait."""
    db = Database(connection)
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        MIGRATIONS.apply(db)


@MIGRATIONS()
def m001_datasets(db: Database) -> None:
    """Datasets, their images, boxes and repairs."""
    _create(
        db,
        """
        CREATE TABLE datasets (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            source TEXT NOT NULL,
            class_names TEXT NOT NULL,  -- JSON list
            synthetic INTEGER NOT NULL,
            imported_at TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE images (
            id INTEGER PRIMARY KEY,
            dataset_id INTEGER NOT NULL REFERENCES datasets(id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            path TEXT NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            UNIQUE (dataset_id, position)
        )
        """,
        """
        CREATE TABLE boxes (
            image_id INTEGER NOT NULL REFERENCES images(id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            class_id INTEGER NOT NULL,
            x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL,  -- pixels
            PRIMARY KEY (image_id, position)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE repairs (
            id INTEGER PRIMARY KEY,
            dataset_id INTEGER NOT NULL REFERENCES datasets(id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            file TEXT NOT NULL,
            line INTEGER,
            action TEXT NOT NULL
        )
        """,
        "CREATE INDEX repairs_of_dataset ON repairs (dataset_id)",
    )


@MIGRATIONS()
def m002_jobs(db: Database) -> None:
    """Jobs with their events and steps, and the workers that carry them out. Times are Unix seconds, UTC."""
    _create(db, *JOBS)


@MIGRATIONS()
def m003_patches(db: Database) -> None:
    """Patches, made here or imported, and their scores on datasets and detectors."""
    _create(
        db,
        """
        CREATE TABLE patches (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            job_id INTEGER UNIQUE REFERENCES jobs(id) ON DELETE SET NULL,  -- the run that made it
            name TEXT NOT NULL,
            path TEXT NOT NULL,  -- the .npy or the image that is scored
            image TEXT NOT NULL,  -- the PNG that is shown
            height INTEGER NOT NULL,
            width INTEGER NOT NULL,
            circular INTEGER NOT NULL,
            sha256 TEXT NOT NULL,  -- of its texels
            created_at REAL NOT NULL,
            dataset TEXT NOT NULL,  -- what it was made on; empty if imported
            detector TEXT NOT NULL,
            class_name TEXT NOT NULL,
            notes TEXT NOT NULL DEFAULT '',
            summary TEXT NOT NULL  -- JSON: run.json without its evaluation; {} if imported
        )
        """,
        """
        CREATE TABLE scores (
            id INTEGER PRIMARY KEY,
            patch_id INTEGER NOT NULL REFERENCES patches(id) ON DELETE CASCADE,
            job_id INTEGER REFERENCES jobs(id) ON DELETE SET NULL,
            created_at REAL NOT NULL,
            dataset TEXT NOT NULL,
            detector TEXT NOT NULL,
            class_name TEXT NOT NULL,
            held_out INTEGER,  -- whether the patch was made without the images scored on; NULL: not known
            asr REAL,
            ap50 REAL,
            evaluation TEXT NOT NULL,  -- JSON: Evaluation.to_json
            UNIQUE (patch_id, job_id)
        )
        """,
        "CREATE INDEX scores_of_patch ON scores (patch_id, id)",
        "CREATE INDEX scores_of_job ON scores (job_id)",
        "CREATE INDEX patches_by_texels ON patches (sha256)",
    )


@MIGRATIONS()
def m004_benchmarks(db: Database) -> None:
    """Runs of benchmark suites and what they measured."""
    _create(
        db,
        """
        CREATE TABLE benchmarks (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            job_id INTEGER REFERENCES jobs(id) ON DELETE SET NULL,
            suite TEXT NOT NULL,
            scale TEXT NOT NULL,
            state TEXT NOT NULL,  -- running, finished or interrupted
            attempt INTEGER NOT NULL DEFAULT 1,  -- grows each time that it goes on; an older one adds nothing
            device TEXT NOT NULL,
            machine TEXT NOT NULL,  -- the device's model, to tell one cpu from another
            detector TEXT NOT NULL,
            dataset TEXT NOT NULL,
            code_version TEXT NOT NULL,
            started_at REAL NOT NULL,
            finished_at REAL,
            answer TEXT,
            settings TEXT NOT NULL,  -- JSON with sorted keys: this text tells runs apart
            facts TEXT NOT NULL,  -- JSON: dataset's size, machine, package versions
            left_out TEXT NOT NULL DEFAULT '[]'  -- JSON list: parts that this device cannot do
        )
        """,
        "CREATE INDEX benchmarks_by_suite ON benchmarks (suite, started_at DESC)",
        """
        CREATE TABLE measurements (
            benchmark_id INTEGER NOT NULL REFERENCES benchmarks(id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            part TEXT NOT NULL,  -- of the suite; a resumed run skips the parts that have measurements
            side TEXT NOT NULL,
            value REAL,
            low REAL,
            high REAL,
            unit TEXT NOT NULL,
            claimed REAL,  -- what the field says, where it names a number
            settings TEXT NOT NULL,  -- JSON: what tells this measurement from others of its side
            samples TEXT NOT NULL,  -- JSON list: the figures of the single rounds
            PRIMARY KEY (benchmark_id, position)
        ) WITHOUT ROWID
        """,
    )


@MIGRATIONS()
def m005_previews(db: Database) -> None:
    """Pictures that pages asked for, and measured costs that estimates are made from."""
    _create(
        db,
        """
        CREATE TABLE previews (
            key TEXT PRIMARY KEY,  -- SHA-256 of the request
            state TEXT NOT NULL,  -- queued, running, done or failed
            asked_at REAL NOT NULL,
            answered_at REAL,
            request TEXT NOT NULL,  -- JSON
            answer TEXT,  -- JSON
            error TEXT
        )
        """,
        "CREATE INDEX previews_in_order ON previews (state, asked_at)",
        """
        CREATE TABLE step_costs (
            key TEXT PRIMARY KEY,  -- JSON: detector, sizes, batch, precision, device
            measured_at REAL NOT NULL,
            runs INTEGER NOT NULL,  -- finished runs that refined what was measured
            spread REAL NOT NULL,  -- how far runs lay from the foretold: larger time over smaller, less 1
            images_per_s REAL NOT NULL,  -- image-iterations of the loop
            evaluated_per_s REAL NOT NULL,  -- images that the judge looks at, once for each condition
            overhead_s REAL NOT NULL,  -- loading the detector and the images
            peak_memory_bytes INTEGER NOT NULL
        )
        """,
    )


@MIGRATIONS()
def m006_repair_times(db: Database) -> None:
    """How often a repair was made: what is the same all over a dataset is one row."""
    _create(db, "ALTER TABLE repairs ADD COLUMN times INTEGER NOT NULL DEFAULT 1")


@MIGRATIONS()
def m007_job_groups(db: Database) -> None:
    """Jobs that belong together, such as the runs of a sweep."""
    _create(
        db,
        """
        CREATE TABLE job_groups (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            request TEXT NOT NULL,  -- JSON
            created_at REAL NOT NULL
        )
        """,
        "ALTER TABLE jobs ADD COLUMN group_id INTEGER REFERENCES job_groups(id) ON DELETE SET NULL",
        "CREATE INDEX jobs_of_group ON jobs (group_id) WHERE group_id IS NOT NULL",
    )


@MIGRATIONS()
def m008_weights(db: Database) -> None:
    """Detectors' weights: those that runs met, and where weights made here come from."""
    _create(
        db,
        """
        CREATE TABLE weights (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            path TEXT NOT NULL,  -- as settings name them
            checksum TEXT NOT NULL UNIQUE,  -- Detector.checksum
            family TEXT NOT NULL,
            classes TEXT NOT NULL,  -- JSON list of names by index; empty if not known
            origin TEXT NOT NULL,  -- JSON: job_id and parent (a checksum); {} if not made here
            created_at REAL NOT NULL
        )
        """,
    )


@MIGRATIONS()
def m009_score_subjects(db: Database) -> None:
    """What a patch was scored on, in one column that has room for more."""
    _create(
        db,
        "ALTER TABLE scores ADD COLUMN subject TEXT NOT NULL DEFAULT '{}'",  # JSON
        """
        UPDATE scores SET subject =
            json_object('dataset', dataset, 'detector', detector, 'class_name', class_name)
        """,
        *(f"ALTER TABLE scores DROP COLUMN {name}" for name in ("dataset", "detector", "class_name")),
    )


@MIGRATIONS()
def m010_comparisons(db: Database) -> None:
    """What benchmarks conclude; their sides as values of settings instead of English."""
    view = "json_extract(settings, '$.view')"
    _create(
        db,
        """
        CREATE TABLE comparisons (
            benchmark_id INTEGER NOT NULL REFERENCES benchmarks(id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            part TEXT NOT NULL,
            comparison TEXT NOT NULL,  -- JSON
            PRIMARY KEY (benchmark_id, position)
        ) WITHOUT ROWID
        """,
        f"""
        UPDATE measurements SET side = CASE
            WHEN {view} IS NULL OR instr(side, {view}) THEN json_object('', side)
            ELSE json_object('', side, 'view', {view})
        END
        """,
        """
        UPDATE measurements SET settings = json_set(settings, '$.claimed', claimed)
        WHERE claimed IS NOT NULL
        """,
        "ALTER TABLE measurements DROP COLUMN claimed",
        "ALTER TABLE measurements RENAME COLUMN unit TO metric",
        "ALTER TABLE measurements RENAME COLUMN settings TO facts",
    )


@MIGRATIONS()
def m011_choices(db: Database) -> None:
    """How runs compute their steps where that was left to a measurement."""
    _create(
        db,
        """
        CREATE TABLE choices (
            key TEXT PRIMARY KEY,  -- JSON: machine, detector, sizes, batches, versions
            measured_at REAL NOT NULL,
            choice TEXT NOT NULL  -- JSON of engine.choices.Choice
        )
        """,
    )


@MIGRATIONS()
def m012_scores_by_subject(db: Database) -> None:
    """Several scores of one job: those of a patch on each of the detectors that it was made against."""
    columns = "id, patch_id, job_id, created_at, held_out, asr, ap50, evaluation, subject"
    _create(
        db,
        """
        CREATE TABLE new_scores (
            id INTEGER PRIMARY KEY,
            patch_id INTEGER NOT NULL REFERENCES patches(id) ON DELETE CASCADE,
            job_id INTEGER REFERENCES jobs(id) ON DELETE SET NULL,
            created_at REAL NOT NULL,
            held_out INTEGER,  -- whether the patch was made without the images scored on; NULL: not known
            asr REAL,
            ap50 REAL,
            evaluation TEXT NOT NULL,  -- JSON: Evaluation.to_json
            subject TEXT NOT NULL,  -- JSON: dataset, detector, class_name
            UNIQUE (patch_id, job_id, subject)
        )
        """,
        f"INSERT INTO new_scores ({columns}) SELECT {columns} FROM scores",
        "DROP TABLE scores",
        "ALTER TABLE new_scores RENAME TO scores",
        "CREATE INDEX scores_of_patch ON scores (patch_id, id)",
        "CREATE INDEX scores_of_job ON scores (job_id)",
    )


@MIGRATIONS()
def m013_matrices(db: Database) -> None:
    """Patches scored on several detectors and datasets, cell by cell."""
    _create(db, *MATRICES)


@MIGRATIONS()
def m015_sweeps(db: Database) -> None:
    """Sweeps, their trials, and the validations of runs, by which trials are pruned."""
    _create(db, *SWEEPS)


@MIGRATIONS()
def m016_cluster(db: Database) -> None:
    """What jobs ask of a cluster's nodes, where they run there, and the nodes."""
    _create(
        db,
        "ALTER TABLE jobs ADD COLUMN needs TEXT NOT NULL DEFAULT '{}'",  # JSON
        "ALTER TABLE jobs ADD COLUMN node TEXT",
        "ALTER TABLE jobs ADD COLUMN node_device TEXT",
        """
        CREATE TABLE cluster_nodes (
            worker TEXT NOT NULL REFERENCES workers(id) ON DELETE CASCADE,
            node TEXT NOT NULL,  -- JSON of engine.store.nodes.ClusterNode
            position INTEGER NOT NULL,
            PRIMARY KEY (worker, position)
        ) WITHOUT ROWID
        """,
    )


@MIGRATIONS()
def m017_loads(db: Database) -> None:
    """Samples of machines' load, which workers take."""
    _create(db, *LOADS)


def _create(db: Database, *statements: str) -> None:
    for statement in statements:
        db.execute(statement)
