# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.config import RunConfig, ScheduleConfig
from engine.jobs.estimates import (
    cost_key,
    estimate,
    estimate_errors,
    learn,
    matrix_s,
)
from engine.jobs.kinds.matrix import MatrixRequest
from engine.runs.imports import open_dataset
from engine.store.repository import Repository

Settings = Callable[..., RunConfig]
COST = {"images_per_s": 10.0, "evaluated_per_s": 20.0, "overhead_s": 3.0, "peak_memory_bytes": 1000}
SPAN = {"started_at": 100.0, "ended_at": 115.0}


@pytest.fixture
def repository(settings: Settings) -> Iterator[Repository]:
    open_dataset(settings().dataset)
    with Repository() as opened:
        yield opened


def summary(config: RunConfig, **changes: object) -> dict:
    """Five images, four iterations in 4 s and a score in 2 s, of a job of 15 s."""
    return {
        "config": config.to_json(),
        "device": "cpu",
        "dataset": {"images": 5},
        "iterations": 4,
        "image_iterations": 20,
        "elapsed_s": 4.0,
        "peak_memory_bytes": 3000,
        "evaluation": {"settings": {"images": 5}, "elapsed_s": 2.0},
        **changes,
    }


def test_without_a_measurement_there_is_no_estimate(repository: Repository, settings: Settings) -> None:
    assert estimate(repository, settings()) is None
    assert estimate_errors(repository) == []


def test_other_settings_of_the_detector_give_a_wide_estimate(
    repository: Repository, settings: Settings
) -> None:
    known = settings(view_size=0)
    repository.costs.put(cost_key(known), **COST)
    large = known.changed(image_size=2 * known.image_size, losses={"overlap": 1.0})
    exact, scaled = (estimate(repository, each, evaluate_after=False) for each in (known, large))
    assert exact.exact
    assert not scaled.exact
    assert scaled.elapsed_s - COST["overhead_s"] == pytest.approx(4 * (exact.elapsed_s - COST["overhead_s"]))
    assert (scaled.low_s, scaled.high_s) == (scaled.elapsed_s / 2, scaled.elapsed_s * 2)
    assert estimate(repository, known.changed(weights="other")) is None


def test_without_the_dataset_there_is_no_estimate(repository: Repository, settings: Settings) -> None:
    for config in (settings(dataset="none"), settings(class_name="cat")):
        repository.costs.put(cost_key(config), **COST)
        assert estimate(repository, config) is None


def test_several_classes_take_the_images_of_all(repository: Repository, settings: Settings) -> None:
    config = settings(class_name=("Person", "car"), detector_class="person", include_empty=False)
    repository.costs.put(cost_key(config), **COST)
    assert cost_key(config) == cost_key(settings())
    both, one, cars = (
        estimate(repository, each).elapsed_s for each in (config, settings(), settings(class_name="car"))
    )
    assert both == one > cars  # the only car stands beside a person


def test_a_measurement_serves_all_settings_that_do_not_change_it(
    repository: Repository, settings: Settings
) -> None:
    repository.costs.put(cost_key(settings()), **COST)
    other = settings(
        iterations=40, max_images=2, seed=3, learning_rate=0.5, losses={"object": 3.0}, initial="noise"
    )
    estimated = estimate(repository, other, evaluate_after=False)
    assert estimated is not None
    assert estimated.elapsed_s == pytest.approx(3 + 2 * 40 / 10)


@pytest.mark.parametrize(
    ("changes", "evaluate_after", "elapsed_s"),
    [
        ({}, False, 3 + 5 * 4 / 10),
        ({}, True, 3 + 5 * 4 / 10 + 4 * 5 / 20),
        ({"include_empty": True}, False, 3 + 6 * 4 / 10),
        ({"max_images": 2}, False, 3 + 2 * 4 / 10),
        ({"iterations": 40}, False, 3 + 5 * 40 / 10),
        ({"iterations": 4000, "time_limit_s": 60.0}, False, 3 + 60),
        ({"validation_share": 0.4, "validate_every": 2}, False, 3 + 3 * 4 / 10 + 3 * 2 / 20),
        ({"validation_share": 0.4, "validate_every": 9}, True, 3 + 3 * 4 / 10 + 4 * 2 / 20),
        ({"validation_share": 0.4, "validate_every": 2, "merge": "mean"}, False, 3 + 3 * 4 / 10),
    ],
)
def test_what_a_run_does_is_counted(
    repository: Repository, settings: Settings, changes: dict, evaluate_after: bool, elapsed_s: float
) -> None:
    config = settings(**changes)
    repository.costs.put(cost_key(config), **COST)
    estimated = estimate(repository, config, evaluate_after=evaluate_after)
    assert estimated is not None
    assert estimated.elapsed_s == pytest.approx(elapsed_s)
    assert estimated.low_s < estimated.elapsed_s < estimated.high_s
    assert (estimated.peak_memory_bytes, estimated.runs) == (1000, 0)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"iterations": 9, "seed": 3, "learning_rate": 0.5, "max_images": 2}, True),
        ({"schedule": ScheduleConfig(kind="constant"), "initial": "noise", "time_limit_s": 9.0}, True),
        ({"losses": {"object": 3.0}}, True),
        ({"dataset": "another"}, True),
        ({"device": "auto"}, True),
        ({"batching": "grouped"}, False),
        ({"batching": "sequential", "batch_size": 1}, False),
        ({"patch_height": 32}, False),
        ({"deterministic": True}, False),
        ({"image_size": 96}, False),
        ({"view_size": 64}, False),
        ({"batch_size": 4}, False),
        ({"precision": "bf16"}, False),
        ({"compile": "on"}, False),
        ({"compile": "auto"}, False),
        ({"defences": ("jpeg",)}, False),
        ({"defences": ("none",)}, True),
        ({"weights": "demo"}, False),
        ({"losses": {"object": 1.0, "tv": 1.0}}, False),
    ],
)
def test_what_a_step_costs_depends_on(
    settings: Settings, changes: dict, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.jobs.estimates.default_device", lambda: "cpu")
    assert (cost_key(settings(**changes)) == cost_key(settings())) is same


def test_costs_measured_before_there_were_defences_are_found(settings: Settings) -> None:
    assert "defences" not in cost_key(settings())
    assert cost_key(settings(defences=("jpeg:75",)))["defences"] == ("jpeg",)


def test_costs_measured_when_compile_was_true_or_false_are_found(settings: Settings) -> None:
    assert [cost_key(settings(compile=each))["compile"] for each in ("off", "on")] == [False, True]


def test_what_choosing_took_is_no_cost_of_a_step(repository: Repository, settings: Settings) -> None:
    chosen = {"elapsed_s": 14.0, "choice": {"elapsed_s": 10.0}}
    cost = learn(repository, summary(settings(), **chosen), started_at=None)
    assert cost is not None
    assert cost.images_per_s == 5.0


def test_longer_runs_leave_more(repository: Repository, settings: Settings) -> None:
    found = []
    for iterations in (4, 400):
        config = settings(iterations=iterations)
        repository.costs.put(cost_key(config), **COST)
        estimated = estimate(repository, config)
        assert estimated is not None
        found.append(estimated.disk_bytes)
    assert found[1] - found[0] > 396 * 3 * 100


def test_a_first_run_is_a_measurement(repository: Repository, settings: Settings) -> None:
    cost = learn(repository, summary(settings()), **SPAN)
    assert cost == repository.costs.get(cost_key(settings()))
    assert cost is not None
    assert (cost.images_per_s, cost.evaluated_per_s, cost.runs) == (5.0, 10.0, 1)
    assert cost.overhead_s == pytest.approx(15 - 4 - 2)
    estimated = estimate(repository, settings())
    assert estimated is not None
    assert estimated.elapsed_s == pytest.approx(15)


def test_runs_draw_what_is_known_towards_the_truth(repository: Repository, settings: Settings) -> None:
    repository.costs.put(cost_key(settings()), **COST)
    for _ in range(12):
        cost = learn(repository, summary(settings()), **SPAN)
    assert cost is not None
    assert cost.images_per_s == pytest.approx(5, rel=0.01)
    assert (cost.runs, cost.peak_memory_bytes) == (12, 3000)
    assert cost.spread < 0.01
    estimated = estimate(repository, settings())
    assert estimated is not None
    assert estimated.elapsed_s == pytest.approx(15, rel=0.01)


@pytest.mark.parametrize(
    ("known", "spread"),
    [
        ({"images_per_s": 5.0, "evaluated_per_s": 10.0, "overhead_s": 9.0}, 0.0),
        ({"images_per_s": 20.0, "evaluated_per_s": 10.0, "overhead_s": 3.5}, 15 / 6.5 - 1),
        ({"images_per_s": 1.0, "evaluated_per_s": 5.0, "overhead_s": 6.0}, 30 / 15 - 1),
    ],
)
def test_the_range_reaches_from_the_estimate_to_the_true_time(
    repository: Repository, settings: Settings, known: dict[str, float], spread: float
) -> None:
    repository.costs.put(cost_key(settings()), **COST | known)
    cost = learn(repository, summary(settings()), **SPAN)
    assert cost is not None
    assert cost.spread == pytest.approx(spread)


def test_a_run_that_was_resumed_tells_nothing_of_loading(repository: Repository, settings: Settings) -> None:
    repository.costs.put(cost_key(settings()), **COST)
    cost = learn(repository, summary(settings()), started_at=None)
    assert cost is not None
    assert cost.overhead_s == 3.0


def test_a_run_without_a_score_says_too_little(repository: Repository, settings: Settings) -> None:
    assert learn(repository, summary(settings(), evaluation=None), **SPAN) is None
    assert repository.costs.get(cost_key(settings())) is None


def test_estimate_and_truth_stand_side_by_side(repository: Repository) -> None:
    estimated = {"elapsed_s": 60.0}
    for each in (estimated, {}, estimated):
        repository.jobs.add(kind="generate", label="run", request={}, estimate=each)
    for _ in range(2):
        claimed = repository.queue.claim("worker", "cpu")
        assert claimed is not None
        repository.queue.finish(claimed, "succeeded")
    ((number, estimated_s, true_s),) = estimate_errors(repository)
    assert (number, estimated_s) == (1, 60.0)
    assert 0 <= true_s < 10


def test_a_matrix_takes_its_passes_on_each_detector(
    repository: Repository, settings: Settings, tmp_path: Path
) -> None:
    known = [
        repository.patches.add(
            name="p", path="", image="", height=side, width=16, circular=False, sha256=str(side)
        ).id
        for side in (16, 16, 32)
    ]
    name = repository.datasets.all()[0].name
    asked = MatrixRequest(
        patches=(*map(str, known), "file.npy"),
        detectors=("demo", "other"),
        datasets=(name, settings().dataset),
        image_size=64,
        device="cpu",
    )
    assert matrix_s(repository, asked) is None
    for weights in asked.detectors:
        repository.costs.put(cost_key(asked.cell_config(name, weights)), **COST)
    passes = 1 + 2 * 3 + 4  # two shapes on record, and perhaps another of the file
    assert matrix_s(repository, asked) == pytest.approx(2 * (3.0 + passes * (5 + 5) / 20.0))
    behind = asked.changed(defences=("none", "bit-depth"))
    assert matrix_s(repository, behind) == pytest.approx(2 * (3.0 + 2 * passes * (5 + 5) / 20.0))
    assert matrix_s(repository, asked.changed(datasets=("none",))) is None
