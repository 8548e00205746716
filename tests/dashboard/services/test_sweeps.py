# SPDX-License-Identifier: AGPL-3.0-only
"""Sweeps as the page lists, starts, ends and continues them, without Optuna or torch in its process."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from dashboard.services import sweeps
from engine.errors import JobError, SettingsError
from engine.jobs.estimates import Estimate
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, SIDE, add_sweep, fill
from tests.test_architecture import ROOT

VALUES: dict[str, Any] = {"dataset": DATASET, "weights": "demo", "image_size": SIDE}


@pytest.fixture(autouse=True)
def forget() -> None:
    for each in (sweeps.find, sweeps.get, sweeps.jobs_at_work, sweeps.best_patches):
        each.clear()


def test_without_sweeps_there_is_none() -> None:
    assert sweeps.find() == []
    with pytest.raises(JobError, match="sweep 1: expected an existing one"):
        sweeps.get(1)


def test_the_best_patches_come_first() -> None:
    with Repository() as repository:
        fill(repository, runs=0)
        sweep = add_sweep(repository)
    assert sweeps.find() == [sweep] == [sweeps.get(sweep.id)]
    found = sweeps.best_patches(sweep.id, 3)
    values = [trial.value or 0 for trial, _job, _patch in found]
    assert values == sorted(values, reverse=True)
    assert found[0][0] == sweeps.best_trial(sweep)
    assert [patch.job_id for _trial, _job, patch in found] == [job for _trial, job, _patch in found]


def test_one_is_begun_and_cancelled(no_worker_is_started: list[str]) -> None:
    with Repository() as repository:
        fill(repository, runs=0)
    asked = sweeps.request(VALUES, ["top_k=1,5"], sampler="grid")
    sweep = sweeps.start(asked, name=" mine ", needs={"gpus": 0.5})
    assert (sweep.name, sweep.state, sweep.trials) == ("mine", "running", ())
    assert sweep.request["needs"] == {"gpus": 0.5}
    assert no_worker_is_started == ["worker"]
    assert sweeps.jobs_at_work(sweep.id) == []
    sweeps.go_on(sweep.id)
    sweeps.cancel(sweep.id)
    assert sweeps.get(sweep.id).state == "cancelled"


@pytest.mark.parametrize("name", ["dataset", "weights", "initial"])
def test_files_outside_the_folders_are_refused(name: str, outside: str) -> None:
    changed, vary = {name: outside}, ["top_k=1,5"]
    if name == "initial":
        changed, vary = {}, [f"initial=grey,{outside}"]
    with pytest.raises(SettingsError, match=r"allowed|folder|roots"):
        sweeps.request(VALUES | changed, vary)


def test_how_long_it_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    with Repository() as repository:
        fill(repository, runs=0)
    asked = sweeps.request(VALUES, ["top_k=1,5"], seeds=3)
    assert sweeps.estimate(asked) is None
    known = Estimate(
        elapsed_s=10.0, low_s=5.0, high_s=20.0, peak_memory_bytes=0, disk_bytes=0, measured_at=0.0, runs=0
    )
    monkeypatch.setattr(sweeps, "estimate_run", lambda repository, config: known)
    assert sweeps.estimate(asked) == 60.0


def test_the_usual_settings_come_first() -> None:
    names = list(sweeps.varied())
    assert names.index("learning_rate") < names.index("circular") < names.index("iterations")


def test_neither_optuna_nor_torch_is_loaded() -> None:
    program = "import sys, dashboard.services.sweeps; sys.exit(len({'optuna', 'torch'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={**os.environ})
    assert ran.returncode == 0
