# SPDX-License-Identifier: AGPL-3.0-only
"""What a job is asked for holds from any folder, and is named after what it attacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.evaluation.config import EvaluationConfig
from engine.jobs.requests import (
    evaluation_label,
    evaluation_request,
    generation_label,
    generation_request,
    subject_of,
)

DEMO = RunConfig(dataset="demo", weights="demo", seed=3)


def test_a_request_holds_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.pt").write_bytes(b"")
    config = DEMO.changed(weights="net.pt")
    made = generation_request(config, trust=True, evaluate_after=False)
    scored = evaluation_request(config, Path("p.npy"))
    for request in (made, scored):
        assert RunConfig.from_json(request["config"]) == config.changed(weights=str(tmp_path / "net.pt"))
    assert (made["trust"], made["evaluate_after"]) == (True, False)
    assert (scored["trust"], scored["patch"]) == (False, str(tmp_path / "p.npy"))


def test_a_scoring_without_settings_takes_the_seed_alone() -> None:
    scored = evaluation_request(DEMO, Path("p.npy"))
    assert EvaluationConfig.from_json(scored["settings"]) == EvaluationConfig(seed=3)
    wanted = EvaluationConfig(iou=0.7)
    scored = evaluation_request(DEMO, Path("p.npy"), settings=wanted)
    assert EvaluationConfig.from_json(scored["settings"]) == wanted


def test_jobs_are_called_after_what_they_attack() -> None:
    config = RunConfig(dataset="/data/streets.yaml", weights="/nets/yolo11n.pt", class_name="car")
    made = generation_request(config, trust=False, evaluate_after=True)
    assert subject_of(made) == "car, yolo11n on streets"
    assert generation_label(made) == "Patch: car, yolo11n on streets"
    assert evaluation_label(evaluation_request(config, Path("p.npy"))) == "Score p: car, yolo11n on streets"
    mapped = config.changed(class_name=("man", "woman"), detector_class="person")
    made = generation_request(mapped, trust=False, evaluate_after=True)
    assert generation_label(made) == "Patch: man, woman → person, yolo11n on streets"
