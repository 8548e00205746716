# SPDX-License-Identifier: AGPL-3.0-only
"""What programs leave in PATCHBENCH_HOME only its owner may read; results elsewhere are as usual."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from dashboard import __main__ as dashboard_program
from engine.store.repository import Repository
from tests.engine.test_private import modes


@pytest.fixture(autouse=True)
def usual_mask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    assert os.umask(before) == 0o022


def test_all_that_programs_leave_in_the_home_is_private(
    run, small, blocks: Path, own_home: Path, tmp_path: Path
) -> None:
    """Runs, jobs with their logs, the database while it is open."""
    out = tmp_path / "out"
    for command in (
        ["patch", "generate", *small],
        ["patch", "generate", *small, "--out", out / "run", "--tensorboard"],
        ["patch", "generate", "--resume", out / "run", "--no-evaluate"],
        ["jobs", "submit", "import", blocks],
        ["worker", "--device", "cpu", "--until-idle"],
        ["storage", "backup", out / "copy.db"],
        ["benchmark", "report", "--out", out / "report"],
    ):
        assert run(*command).code == 0
    with Repository() as repository:
        jobs = repository.jobs.find(kinds=["generate"])
        assert {path.suffix for path in own_home.glob("patchbench.db*")} >= {".db", ".db-wal", ".db-shm"}
        assert list(own_home.glob("jobs/*.log"))
        assert modes(own_home) == ({0o700}, {0o600})
    arguments = ["report", "--jobs", str(jobs[0].id), "--out", str(out / "report.html")]
    written = CliRunner().invoke(dashboard_program.main, arguments)
    assert written.exit_code == 0, written.output
    assert modes(out) == ({0o755}, {0o644})
