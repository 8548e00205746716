# SPDX-License-Identifier: AGPL-3.0-only
"""`python -m dashboard`."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from click.testing import CliRunner

from dashboard import __main__ as main_module
from engine.store.repository import Repository
from tests.dashboard.homes import fill


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    calls: list[tuple[int, str]] = []
    monkeypatch.setattr(main_module, "_serve", lambda port, address, hosts: calls.append((port, address)))
    monkeypatch.setattr(main_module, "require_free", lambda address, port: None)  # 8501 may be in use
    return calls


def test_it_starts_a_worker_and_serves_on_this_machine_alone(
    served: list[tuple[int, str]], no_worker_is_started: list[str], own_home: Path
) -> None:
    ran = CliRunner().invoke(main_module.main, [])
    assert ran.exit_code == 0, ran.output
    assert served == [(8501, "127.0.0.1")]
    assert no_worker_is_started == ["worker"]
    logging.getLogger("dashboard").error("noted")
    assert "noted" in (own_home / "dashboard.log").read_text(encoding="utf-8")


def test_without_a_worker_and_elsewhere_when_told(
    served: list[tuple[int, str]], no_worker_is_started: list[str]
) -> None:
    ran = CliRunner().invoke(main_module.main, ["--port", "9000", "--address", "::1", "--no-worker"])
    assert ran.exit_code == 0, ran.output
    assert served == [(9000, "::1")]
    assert no_worker_is_started == []


@pytest.mark.parametrize("worker", ["--worker", "--no-worker"])
def test_a_home_that_is_a_file_is_told_in_a_line(
    served: list[tuple[int, str]], own_home: Path, worker: str
) -> None:
    own_home.write_text("a file")
    ran = CliRunner().invoke(main_module.main, [worker])
    assert ran.exit_code == 1
    assert "expected a writable folder" in ran.output
    assert served == []


def test_a_report_is_written_without_serving(
    served: list[tuple[int, str]], no_worker_is_started: list[str], tmp_path: Path
) -> None:
    with Repository() as repository:
        fill(repository, runs=2)
    out = tmp_path / "report.html"
    ran = CliRunner().invoke(main_module.main, ["report", "--jobs", "1,2", "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    assert "Comparison of runs 1, 2" in out.read_text(encoding="utf-8")
    assert (served, no_worker_is_started) == ([], [])


@pytest.mark.parametrize(
    ("jobs", "out", "code", "told"),
    [
        ("1,x", "report.html", 2, "expected numbers such as 1,2, got '1,x'"),
        ("7", "report.html", 1, "job 7: expected an existing job"),
        ("1", "missing/report.html", 1, "cannot be written, No such file or directory"),
    ],
)
def test_a_report_that_cannot_be_written_is_told_in_a_line(
    tmp_path: Path, jobs: str, out: str, code: int, told: str
) -> None:
    with Repository() as repository:
        fill(repository, runs=1)
    ran = CliRunner().invoke(main_module.main, ["report", "--jobs", jobs, "--out", str(tmp_path / out)])
    assert (ran.exit_code, told in " ".join(ran.output.split())) == (code, True), ran.output
