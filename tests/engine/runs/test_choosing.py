# SPDX-License-Identifier: AGPL-3.0-only
"""What is left to the machine is measured once, kept, and stays with its run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.choices import Candidate, Choice
from engine.config import RunConfig
from engine.errors import RunInterruptedError, StorageError
from engine.patch import fastest
from engine.patch.state import load_checkpoint, save_checkpoint
from engine.runs import choosing
from engine.runs.choosing import choice_key, choose, resumed_choice
from engine.runs.commands import generate, resume
from engine.runs.generation import Observer
from engine.runs.materials import gather
from engine.store.repository import Repository

Settings = Callable[..., RunConfig]
CPU = torch.device("cpu")
PLAIN = Candidate(precision="fp32", batch_size=2, compiled=False, images_per_s=25.0)
FAST = Candidate(precision="bf16", batch_size=2, compiled=False, images_per_s=44.0)
FOUND = Choice(chosen=FAST, candidates=(PLAIN, FAST), measured_at=1.0, elapsed_s=3.0)


class Measuring:
    """Counts measurements, in which bf16 wins, on a machine that has it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times, self.found = 0, FOUND
        monkeypatch.setattr(choosing, "find_fastest", self)
        for module in (choosing, fastest):
            monkeypatch.setattr(module, "native_precisions", lambda device: ("fp32", "bf16"))

    def __call__(self, *arguments: object, **options: object) -> Choice:
        self.times += 1
        return self.found


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Measuring:
    return Measuring(monkeypatch)


def chosen(config: RunConfig, **how: bool) -> Choice:
    materials = gather(config)
    return choose(config, materials, materials.records, torch.zeros(3, 16, 16), **how)


def test_nothing_is_measured_or_kept_where_nothing_is_open(settings: Settings, monkeypatch) -> None:
    monkeypatch.setattr(choosing, "find_fastest", None)
    monkeypatch.setattr(fastest, "native_precisions", lambda device: ("fp32",))
    assert chosen(settings()) == Choice(chosen=replace(PLAIN, images_per_s=0.0))
    with Repository() as repository:
        assert repository.choices.latest(1) == []


def test_it_is_measured_once_for_each_machine_detector_and_size(settings: Settings, measuring) -> None:
    assert chosen(settings()) == FOUND
    assert chosen(settings(learning_rate=0.5, iterations=7)) == replace(FOUND, elapsed_s=0.0, known=True)
    assert measuring.times == 1
    chosen(settings(view_size=32))
    chosen(settings(losses={"object": 1.0, "tv": 1.0}))
    chosen(settings(compile="auto"))
    chosen(settings(compile="auto", iterations=7))
    assert measuring.times == 5
    assert chosen(settings(), again=True) == FOUND
    assert measuring.times == 6


def test_the_key_names_all_that_decides(settings: Settings) -> None:
    config = settings()
    key = choice_key(config, gather(config), images=5)
    assert {"machine", "threads", "device", "weights_sha256", "torch", "patchbench"} < set(key)
    assert {"image_size", "view_size", "patch_height", "precision", "compile", "losses"} < set(key)
    assert "images" not in key
    assert "defences" not in key
    behind = choice_key(config.changed(defences=("jpeg",)), gather(config), images=5)
    assert behind == key | {"defences": ("jpeg",)}


def test_without_a_database_it_is_measured_each_time(settings: Settings, measuring, monkeypatch) -> None:
    config = settings()
    materials = gather(config)

    def locked() -> Repository:
        raise StorageError("the database is locked")

    monkeypatch.setattr(choosing, "Repository", locked)
    for _ in range(2):
        assert choose(config, materials, materials.records, torch.zeros(3, 16, 16)) == FOUND
    assert measuring.times == 2


def test_a_run_tells_what_was_chosen_and_counts_its_time(
    settings: Settings, measuring, tmp_path: Path
) -> None:
    first, second = (generate(settings(), tmp_path / name, evaluate_after=False) for name in "ab")
    assert (first["precision"], first["batch_size"], first["compiled"]) == ("bf16", 2, False)
    assert first["config"]["precision"] == "auto"
    assert [each["images_per_s"] for each in first["choice"]["candidates"]] == [25.0, 44.0]
    assert [each["choice"]["known"] for each in (first, second)] == [False, True]
    assert first["elapsed_s"] > 3.0 > second["elapsed_s"]
    rate = first["image_iterations"] / (first["elapsed_s"] - 3.0)
    assert first["image_iterations_per_s"] == pytest.approx(rate)


@pytest.mark.parametrize("merge", ["shared", "mean"])
def test_a_resumed_run_keeps_its_own(settings: Settings, measuring, tmp_path: Path, merge: str) -> None:
    config = settings(merge=merge, iterations=3)
    generate(config, tmp_path / "unbroken", evaluate_after=False)
    stops = iter([False, False])
    observer = Observer(stop_requested=lambda: next(stops, True))
    with pytest.raises(RunInterruptedError):
        generate(config, tmp_path / "stopped", observer=observer, evaluate_after=False)
    measuring.found = replace(FOUND, chosen=PLAIN)
    with Repository() as repository:
        ((key, _),) = repository.choices.latest(2)
        repository.choices.put(key, measuring.found)
    assert resume(tmp_path / "stopped", evaluate_after=False)["precision"] == "bf16"
    patches = [np.load(tmp_path / name / "patch.npy") for name in ("unbroken", "stopped")]
    assert np.array_equal(*patches)
    assert measuring.times == 1


def test_a_checkpoint_of_before_goes_on(settings: Settings, tmp_path: Path) -> None:
    folder, stops = tmp_path / "run", iter([False, False])
    with pytest.raises(RunInterruptedError):
        generate(settings(), folder, observer=Observer(stop_requested=lambda: next(stops, True)))
    state, identity = load_checkpoint(folder)
    del identity["choice"]
    identity["config"]["compile"] = False
    save_checkpoint(folder, state, identity)
    summary = resume(folder, evaluate_after=False)
    assert (summary["precision"], summary["batch_size"], summary["compiled"]) == ("fp32", 2, False)


@pytest.mark.parametrize(
    ("precision", "native", "resumed"),
    [
        ("auto", ("fp32",), "fp32"),  # moved to a machine without bf16
        ("auto", ("fp32", "bf16"), "bf16"),
        ("bf16", ("fp32",), "bf16"),  # as it was given
    ],
)
def test_on_another_device_a_precision_left_open_may_change(
    settings: Settings, monkeypatch, precision: str, native: tuple, resumed: str
) -> None:
    monkeypatch.setattr(choosing, "native_precisions", lambda device: native)
    identity = {"choice": FOUND.to_json(), "batch_size": 2}
    choice = resumed_choice(settings(precision=precision), identity, CPU)
    assert (choice.chosen.precision, choice.chosen.batch_size) == (resumed, 2)
