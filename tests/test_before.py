# SPDX-License-Identifier: AGPL-3.0-only
"""A home from before 0.2 opens, and its unfinished jobs and runs go on.

The archive was made on the code of commit 3e4db1d by tests/fixtures/make_before.py, which stands in the
history with it (commit 5cd143e) and runs on no later code.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from engine import hardware
from engine.cli import main
from tests.dashboard.reading import opened, texts

ROOT = Path(__file__).resolve().parents[1]
ARCHIVE = Path(__file__).parent / "fixtures" / "before_0_2.tar.gz"
MADE_ON = ("AMD EPYC", "AVX2", "2.14.1")
PLACE = Path("/tmp/patchbench-before-0.2")  # absolute paths are stored and hashed: it is unpacked here again
HOME = PLACE / "home"
SUBJECT = (
    "--dataset",
    "blocks",
    "--weights",
    str(PLACE / "tiny.pt"),
    "--image-size",
    "64",
    "--device",
    "cpu",
)
Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home, unpacked where it was made, as checkpoints depend on absolute paths; one test at a time."""
    with open(f"{PLACE}.lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(PLACE, ignore_errors=True)
        shutil.unpack_archive(ARCHIVE, PLACE, filter="data")
        monkeypatch.setenv("PATCHBENCH_HOME", str(HOME))
        yield HOME
        shutil.rmtree(PLACE)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """What a command prints as JSON."""

    def call(*arguments: object) -> Any:
        capsys.readouterr()
        assert main([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return call


def assert_as_before(patch: Path, expected: str) -> None:
    """To the bit on the kind of machine that made them; on others sums are rounded differently (by 3e-7)."""
    capability, version = torch.backends.cpu.get_cpu_capability(), torch.__version__.split("+")[0]
    machine = (hardware.snapshot().cpu_model, capability, version)
    made, kept = np.load(patch), np.load(PLACE / "expected" / f"{expected}.npy")
    np.testing.assert_allclose(made, kept, rtol=0, atol=0 if machine == MADE_ON else 1e-6)


def test_what_is_stored_is_read(run: Run) -> None:
    jobs = run("jobs", "list", "--order", "oldest")
    assert [(job["id"], job["kind"], job["state"]) for job in jobs] == [
        (1, "import", "succeeded"),
        (2, "generate", "succeeded"),
        (3, "evaluate", "succeeded"),
        (4, "benchmark", "succeeded"),
        (5, "generate", "interrupted"),
        (6, "generate", "succeeded"),
        (7, "import", "queued"),
        (8, "generate", "queued"),
        (9, "evaluate", "queued"),
    ]
    shown = run("jobs", "show", 5)
    assert (shown["label"], shown["progress"]["total"]) == ("Interrupted", 48)
    assert [event["event"] for event in shown["events"]] == ["queued", "started", "interrupted"]
    assert [dataset["name"] for dataset in run("dataset", "list")] == ["blocks"]
    assert run("dataset", "show", "blocks")["images"] == 6
    benchmarks = run("benchmark", "history")
    assert [(each["suite"], each["state"]) for each in benchmarks] == [
        ("floor", "interrupted"),
        ("data-source", "finished"),
    ]


def test_a_benchmark_keeps_its_answer_and_figures_and_has_no_comparisons(run: Run, tmp_path: Path) -> None:
    run("benchmark", "report", "--out", tmp_path, "--latest")
    kept = json.loads((tmp_path / "data-source.json").read_text())
    assert kept["answer"].startswith("Reading all records once: files takes")
    assert kept["comparisons"] == []
    sides = ["files", "one query an image", "one query a run", "an iteration of a run"]
    assert [row["side"] for row in kept["measurements"] if row["metric"] == "s"] == [
        {"": name} for name in sides
    ]
    assert {row["metric"] for row in kept["measurements"]} == {"s", "of an iteration"}
    assert "Reading all records once" in (tmp_path / "report.md").read_text()


def test_a_run_folder_resumes_to_the_same_patch(run: Run) -> None:
    folder = HOME / "runs/broken-off"
    assert run("patch", "generate", "--resume", folder, "--no-evaluate")["steps"] == 72
    assert_as_before(folder / "patch.npy", "folder")


def test_a_patch_is_scored_as_before(run: Run) -> None:
    patch = HOME / "jobs/2/patch.npy"
    scores = run("patch", "evaluate", "--patch", patch, *SUBJECT, "--resamples", 50)
    before = json.loads((HOME / "jobs/3/evaluation.json").read_text())
    assert scores["settings"] == before["settings"]
    for added in (scores["patch"], scores["patch"]["ci95"]):
        del added["confidence_retained"]
    assert scores["patch"].pop("ci95").keys() == before["patch"].pop("ci95").keys()
    assert scores["patch"] == pytest.approx(before["patch"], rel=1e-3)
    assert scores["controls"].keys() == before["controls"].keys()


@pytest.mark.slow
def test_jobs_go_on_and_begin(run: Run) -> None:
    run("jobs", "resume", 5)
    worker = [sys.executable, "-m", "engine", "worker", "--device", "cpu", "--until-idle"]
    subprocess.run(worker, cwd=ROOT, check=True, capture_output=True)
    assert {job["id"]: job["error"] for job in run("jobs", "list") if job["state"] != "succeeded"} == {}
    for number in (5, 8):
        assert_as_before(HOME / f"jobs/{number}/patch.npy", f"job-{number}")


@pytest.mark.parametrize(
    ("page", "query", "shown"),
    [
        ("overview", {}, "ASR 50% · AP50"),
        ("jobs", {}, "9 jobs. Click one to open it."),
        ("jobs", {"job": 5}, "It continues from its last checkpoint when resumed."),
        ("patches", {}, "runs and patches"),
        ("patches", {"patch": 1}, "blocks, tiny, person"),
        ("benchmarks", {}, "Reading all records once: files takes"),
        ("compare", {"runs": "2,6"}, "Cost"),
    ],
)
def test_pages_open(page: str, query: dict[str, object], shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: True)
    st.cache_data.clear()
    app = AppTest.from_file(str(ROOT / "dashboard/app.py"), default_timeout=30)
    opened(page, app, failing="job" in query, **query)
    assert shown in texts(app)
