# SPDX-License-Identifier: AGPL-3.0-only
"""The statements of migrations that create many tables."""

JOBS = (
    """
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again, not even after a deletion
        kind TEXT NOT NULL,
        state TEXT NOT NULL,
        label TEXT NOT NULL,
        device TEXT NOT NULL,  -- asked for: auto, cpu, cuda:0 ...
        priority INTEGER NOT NULL DEFAULT 0,  -- higher first
        place REAL NOT NULL,  -- within a priority, lower first
        waits_for INTEGER REFERENCES jobs(id) ON DELETE SET NULL,
        origin INTEGER REFERENCES jobs(id) ON DELETE SET NULL,  -- retried or duplicated from
        wanted TEXT,  -- cancel or pause, asked of a running job
        auto_resume INTEGER NOT NULL DEFAULT 0,
        attempt INTEGER NOT NULL DEFAULT 0,  -- grows with each claim
        fruitless INTEGER NOT NULL DEFAULT 0,  -- attempts since the last new checkpoint
        worker TEXT,
        running_on TEXT,  -- the worker's device while running
        created_at REAL NOT NULL,
        started_at REAL,
        finished_at REAL,
        seed INTEGER NOT NULL,
        code_version TEXT NOT NULL,
        folder TEXT,
        notes TEXT NOT NULL DEFAULT '',
        tags TEXT NOT NULL DEFAULT '[]',  -- JSON list
        error TEXT,
        progress TEXT NOT NULL DEFAULT '{}',  -- JSON objects from here on, the long ones last
        estimate TEXT NOT NULL DEFAULT '{}',
        request TEXT NOT NULL,
        result TEXT
    )
    """,
    "CREATE INDEX jobs_in_order ON jobs (state, priority DESC, place)",
    "CREATE INDEX jobs_by_kind ON jobs (kind, state)",
    # All that a search or an order looks at: a list reads no row but those that it shows.
    "CREATE INDEX jobs_searched ON jobs (label COLLATE NOCASE, notes, tags, error, state, kind)",
    "CREATE INDEX jobs_by_time ON jobs (started_at, finished_at, state, kind)",
    "CREATE INDEX jobs_waiting ON jobs (waits_for) WHERE waits_for IS NOT NULL",
    # However many workers there are and however they race: one running job a device.
    "CREATE UNIQUE INDEX one_running_job_a_device ON jobs (running_on) WHERE running_on IS NOT NULL",
    """
    CREATE TABLE job_events (
        id INTEGER PRIMARY KEY,
        job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
        at REAL NOT NULL,
        event TEXT NOT NULL,
        detail TEXT NOT NULL
    )
    """,
    "CREATE INDEX events_of_job ON job_events (job_id)",
    """
    CREATE TABLE steps (
        job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        iteration INTEGER NOT NULL,
        loss REAL NOT NULL,
        learning_rate REAL NOT NULL,
        images INTEGER NOT NULL,
        elapsed_s REAL NOT NULL,
        terms TEXT NOT NULL,  -- JSON object
        PRIMARY KEY (job_id, step)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE workers (
        id TEXT PRIMARY KEY,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        process_started_at REAL NOT NULL,  -- with the pid it tells a process from a later one
        device TEXT NOT NULL,
        started_at REAL NOT NULL,
        heartbeat_at REAL NOT NULL
    )
    """,
)
MATRICES = (
    """
    CREATE TABLE matrices (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id INTEGER REFERENCES jobs(id) ON DELETE SET NULL,
        label TEXT NOT NULL,
        state TEXT NOT NULL,  -- running, finished or interrupted
        attempt INTEGER NOT NULL DEFAULT 1,  -- grows each time that it goes on; an older one adds nothing
        started_at REAL NOT NULL,
        finished_at REAL,
        request TEXT NOT NULL,  -- JSON
        key TEXT NOT NULL,  -- JSON with sorted keys: what tells matrices apart
        facts TEXT NOT NULL  -- JSON: the patches as they were
    )
    """,
    "CREATE INDEX matrices_by_key ON matrices (key)",
    """
    CREATE TABLE matrix_cells (
        matrix_id INTEGER NOT NULL REFERENCES matrices(id) ON DELETE CASCADE,
        subject TEXT NOT NULL,  -- JSON with sorted keys: patch, detector, dataset; it has room for more
        scored_at REAL NOT NULL,
        facts TEXT NOT NULL,  -- JSON
        evaluation TEXT,  -- JSON: Evaluation.to_json; NULL if it failed
        error TEXT,  -- why, in one line
        PRIMARY KEY (matrix_id, subject)
    ) WITHOUT ROWID
    """,
)
SWEEPS = (
    """
    CREATE TABLE sweeps (
        id INTEGER PRIMARY KEY REFERENCES job_groups(id) ON DELETE CASCADE,  -- the group of its jobs
        state TEXT NOT NULL,  -- running, finished, failed or cancelled
        key TEXT NOT NULL,  -- JSON with sorted keys: what tells sweeps apart
        finished_at REAL,
        error TEXT,  -- why it failed, in one line
        importance TEXT NOT NULL DEFAULT '{}'  -- JSON: name of a setting → 0 to 1
    )
    """,
    "CREATE INDEX sweeps_by_key ON sweeps (key)",
    "CREATE INDEX sweeps_running ON sweeps (id) WHERE state = 'running'",
    """
    CREATE TABLE sweep_trials (
        sweep_id INTEGER NOT NULL REFERENCES sweeps(id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        state TEXT NOT NULL,  -- running, succeeded, pruned, failed or cancelled
        settings TEXT NOT NULL,  -- JSON: name → value
        jobs TEXT NOT NULL,  -- JSON list of ids, one a seed; some may be deleted since
        value REAL,  -- of the objective, the mean over seeds
        per_seed TEXT NOT NULL DEFAULT '[]',  -- JSON list, in the order of the jobs
        began_at REAL NOT NULL,
        ended_at REAL,
        error TEXT,
        PRIMARY KEY (sweep_id, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE validations (
        job_id INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
        iteration INTEGER NOT NULL,
        at REAL NOT NULL,
        scores TEXT NOT NULL,  -- JSON: asr, confidence_retained, ap50
        PRIMARY KEY (job_id, iteration)
    ) WITHOUT ROWID
    """,
)
LOADS = (
    """
    CREATE TABLE loads (
        host TEXT NOT NULL,
        slot INTEGER NOT NULL,  -- Unix seconds over ten
        load TEXT NOT NULL,  -- JSON of engine.hardware.Load
        PRIMARY KEY (host, slot)
    ) WITHOUT ROWID
    """,
)
