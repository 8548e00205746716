# SPDX-License-Identifier: AGPL-3.0-only
"""`worker` works off the queue, and tells a database that it cannot use in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.cli.conftest import Run


@pytest.fixture(autouse=True)
def signals_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda number, handler: None)


def test_an_idle_worker_ends_when_told_so(run: Run) -> None:
    done = run("worker", "--until-idle", "--device", "cpu")
    assert (done.code, done.out) == (0, "")
    assert "started on cpu" in done.err


def test_a_worker_does_one_job_or_all(run: Run, blocks: Path) -> None:
    for name in "abc":
        run("jobs", "submit", "import", blocks, "--name", name)
    run("worker", "--once", "--device", "cpu")
    assert [each["state"] for each in run("jobs", "list", "--json", "--order", "oldest").json] == [
        *("succeeded", "queued", "queued")
    ]
    run("worker", "--until-idle", "--device", "cpu")
    assert {each["state"] for each in run("jobs", "list", "--json").json} == {"succeeded"}


@pytest.mark.parametrize("more", [["--device", "cpu"], ["--once"]])
def test_a_cluster_is_asked_for_alone(run: Run, more: list[str]) -> None:
    error = run("worker", "--ray", "local", *more).error
    assert "expected --ray without --device and --once, got both; leave one out" in error


def test_a_cluster_that_is_not_there_is_told(run: Run) -> None:
    error = run("worker", "--ray", "127.0.0.1:1").error
    assert "worker: expected a Ray cluster at 127.0.0.1:1, got none (Connection refused)" in error


def test_a_database_that_cannot_be_used_is_told(run: Run, own_home: Path) -> None:
    own_home.mkdir()
    (own_home / "patchbench.db").write_bytes(b"no database" * 500)
    before = (own_home / "patchbench.db").read_bytes()
    assert "expected a usable database, got file is not a database" in run("worker").error
    assert (own_home / "patchbench.db").read_bytes() == before
