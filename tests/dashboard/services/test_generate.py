# SPDX-License-Identifier: AGPL-3.0-only
"""Flat settings: there and back, what is wrong with them, and the launch."""

import pytest

from dashboard.parts.generate.fields import GROUPS, fields_of
from dashboard.services import generate
from dashboard.services.generate import built, faults, flat
from engine.config import AugmentationConfig, PlacementConfig, RunConfig, ScheduleConfig
from engine.errors import SettingsError
from engine.jobs import queue
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.store.repository import Repository
from tests.dashboard.homes import fill

KEYS = {name: [field.key for field in fields_of(name)] for name in GROUPS}


@pytest.mark.parametrize(
    "config",
    [
        RunConfig(dataset="-", weights="-"),
        RunConfig(
            dataset="d",
            weights="w",
            view_zoom=(0.5, 2.0),
            placement=PlacementConfig(kind="fixed", position=(0.1, 0.9)),
            augmentation=AugmentationConfig.none(),
            schedule=ScheduleConfig(kind="multi-step", milestones=(0.2, 0.4, 0.9)),
            losses={"max_confidence": 2.0, "tv": 0.1},
        ),
    ],
)
def test_settings_survive_being_flat(config):
    assert built(flat(config)) == config


def test_what_is_not_given_is_as_by_default():
    assert built({"dataset": "-", "weights": "-"}) == RunConfig(dataset="-", weights="-")


@pytest.mark.parametrize(
    ("values", "groups", "message"),
    [
        ({}, set(), ""),
        ({"image_size": 100}, {"batches"}, "use 96"),
        ({"early_stop": 3, "validation_share": 0.0}, {"budget"}, "early stop"),
        ({"losses.object": 0.0}, {"losses"}, "a nonzero weight"),
        ({"merge": "mean", "early_stop": 2}, {"patch", "budget"}, "no early stopping"),
        ({"backend": "art", "circular": True}, {"patch", "technique"}, "circular: expected False with ART"),
        ({"batch_start": 4}, {"batches"}, "initial batch size"),
        ({"iterations": 0}, {""}, "iterations: expected 1"),
    ],
)
def test_faults_stand_where_they_can_be_put_right(values, groups, message):
    found = faults(values, KEYS)
    assert set(found) == groups
    assert all(message in text for text in found.values())


def test_a_launch_queues_the_run_and_asks_for_a_worker(no_worker_is_started):
    config = RunConfig(dataset="demo", weights="demo", iterations=3)
    job = generate.submit(config, label=" mine ", evaluate_after=False)
    assert (job.kind, job.state, job.label, job.auto_resume) == ("generate", "queued", "mine", True)
    assert job.request["evaluate_after"] is False
    assert RunConfig.from_json(job.request["config"]) == config
    assert no_worker_is_started == ["worker"]


def test_weights_outside_the_allowed_folders_are_refused(outside, no_worker_is_started):
    config = RunConfig(dataset="demo", weights=outside)
    for ask in (
        lambda: generate.submit(config),
        lambda: generate.measure(config, trust=False),
        lambda: generate.detection_preview(config, 0, trust=False),
    ):
        with pytest.raises(SettingsError, match="expected a path below"):
            ask()
    with Repository() as repository:
        assert repository.jobs.find() == []
    assert no_worker_is_started == []


@pytest.mark.parametrize("key", ["initial", "weights", "dataset"])
@pytest.mark.parametrize("ask", ["submit", "measure", "placement_preview", "held"])
def test_no_setting_of_a_link_reads_a_file_elsewhere(key, ask, outside, no_worker_is_started):
    config = RunConfig(**{"dataset": "d", "weights": "demo", key: outside})
    calls = {
        "submit": lambda: generate.submit(config),
        "measure": lambda: generate.measure(config, trust=False),
        "placement_preview": lambda: generate.placement_preview(config, [0]),
        "held": lambda: generate.held(config),
    }
    with pytest.raises(SettingsError, match="path: expected a path below"):
        calls[ask]()
    assert no_worker_is_started == []


@pytest.mark.parametrize("initial", ["grey", "noise", "a patch", "a file inside"])
def test_a_start_that_may_be_used(initial, outside, own_home):
    with Repository() as repository:
        fill(repository, runs=1)
        with repository.connection.transaction():
            repository.connection.rows("UPDATE patches SET path = ?", [outside])
    (own_home / "inside.npy").touch()
    path = {"a patch": outside, "a file inside": str(own_home / "inside.npy")}.get(initial, initial)
    config = RunConfig(dataset="d", weights="demo", initial=path)
    assert generate.held(config) is config


def test_settings_of_an_earlier_job_come_back():
    with Repository() as repository:
        patch = fill(repository, runs=1)[0]
        imported = queue.submit(repository, "import", ImportRequest(source="demo"))
    assert generate.settings_of_job(patch.job_id)["image_size"] == 320
    assert generate.patches() == [patch]
    with pytest.raises(SettingsError, match="expected a job with the settings of a run"):
        generate.settings_of_job(imported.id)


def test_previews_are_asked_for_with_the_run_s_settings(monkeypatch):
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: True)
    with Repository() as repository:
        patch = fill(repository, runs=1)[0]
    config = RunConfig(dataset="streets", weights="demo", image_size=320, patch_width=32)
    placed = generate.placement_preview(config, [1, 2])
    assert (placed.state, placed.request["indices"], placed.request["patch"]) == ("queued", [1, 2], None)
    assert placed.request["patch_hw"] == [96, 32]
    warm = generate.placement_preview(config.changed(initial=patch.path), [1])
    assert warm.request["patch"][0] == patch.path
    check = generate.detection_preview(config, 1, trust=True)
    assert (check.request["kind"], check.request["trust"]) == ("detections", True)
