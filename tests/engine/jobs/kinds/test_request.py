# SPDX-License-Identifier: AGPL-3.0-only
"""Requests come back from JSON as they were, hold from any folder, and are checked where they are changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.config import PlacementConfig, RunConfig
from engine.errors import SettingsError
from engine.evaluation.config import EvaluationConfig
from engine.jobs.kinds.benchmark import BenchmarkRequest
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.kinds.evaluate import EvaluateRequest
from engine.jobs.kinds.generate import GenerateRequest
from engine.jobs.kinds.matrix import MatrixRequest
from engine.jobs.kinds.request import Request, subject

DEMO = RunConfig(dataset="demo", weights="demo", seed=3)
GENERATE, IMPORT = GenerateRequest(config=DEMO), ImportRequest(source="demo")


@pytest.mark.parametrize(
    "request_",
    [
        Request(),
        IMPORT,
        ImportRequest(source="a", name="b", split="val", images="c", roots=("d", "e")),
        GenerateRequest(config=DEMO.changed(class_name=("a", "b"), detector_class="c"), trust=True),
        EvaluateRequest(config=DEMO, patch="p.npy", settings=EvaluationConfig(iou=0.7)),
        BenchmarkRequest(suite="floor", config=DEMO, seconds=2.5),
        MatrixRequest(patches=("1",), detectors=("demo",), datasets=("demo", "a"), max_images=2),
    ],
)
def test_requests_come_back_from_json(request_: Request) -> None:
    assert type(request_).from_json(json.loads(json.dumps(request_.to_json()))) == request_


@pytest.mark.parametrize("values", [{}, {"config": DEMO.to_json(), "colour": 1}])
def test_a_request_of_another_version_is_refused(values: dict) -> None:
    with pytest.raises(SettingsError, match=r"settings: expected those of this version, .*submit the job"):
        GenerateRequest.from_json(values)


def test_a_request_holds_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.pt").write_bytes(b"")
    made = GenerateRequest(config=DEMO.changed(weights="net.pt"), trust=True, evaluate_after=False).absolute()
    assert made.config == DEMO.changed(weights=str(tmp_path / "net.pt"))
    assert (made.trust, made.evaluate_after) == (True, False)


@pytest.mark.parametrize(("worker", "device"), [("cpu:2", "cpu"), ("cpu", "cpu"), ("cuda:1", "cuda:1")])
def test_settings_get_the_workers_device(worker: str, device: str) -> None:
    assert GenerateRequest(config=DEMO.changed(device="mps")).on(worker).config.device == device
    assert IMPORT.on(worker) == IMPORT


def test_the_subject_is_told_in_a_few_words() -> None:
    config = RunConfig(dataset="/data/streets.yaml", weights="/nets/yolo11n.pt", class_name="car")
    assert subject(config, {}) == "car · yolo11n · streets"
    behind = config.changed(defences=("lgs", "jpeg:quality=60"))
    assert subject(behind, {}) == "car · yolo11n (lgs + jpeg:quality=60) · streets"


@pytest.mark.parametrize(
    ("changes", "settings"),
    [
        ({}, {}),
        ({"seed": 8, "losses": {"object": 2.0}}, {"seed": 8, "losses": {"object": 2.0}}),
        ({"placement": {"scale": 0.5}}, {"placement": PlacementConfig(scale=0.5)}),
        ({"placement": {"position": [0, 1]}}, {"placement": PlacementConfig(position=(0, 1))}),
        ({"class_name": ["a"], "time_limit_s": 5}, {"class_name": "a", "time_limit_s": 5}),
    ],
)
def test_some_settings_are_changed(changes: dict, settings: dict) -> None:
    assert GENERATE.merged(changes, whose="job 1").config == DEMO.changed(**settings)


@pytest.mark.parametrize(
    ("request_", "changes", "message"),
    [
        (GENERATE, {"colour": 1}, "settings: expected those of job 1, got colour"),
        (GENERATE, {"trust": True}, "settings: expected those of job 1, got trust"),
        (GENERATE, {"seed": "3"}, "seed: expected a whole number, got '3'"),
        (GENERATE, {"compile": 1}, "compile: expected a text, got 1"),
        (GENERATE, {"learning_rate": True}, "learning rate: expected a number, got True"),
        (GENERATE, {"device": 3}, "device: expected a text, got 3"),
        (GENERATE, {"view_zoom": ["a", "b"]}, "view zoom: expected a number, got 'a'"),
        (GENERATE, {"losses": {"object": "x"}}, "weight of the loss object: expected a number, got 'x'"),
        (
            GENERATE,
            {"placement": 3},
            "placement: expected some of kind, position, .*, scale by name, got 3",
        ),
        (GENERATE, {"placement": {"size": 1}}, "placement: expected some of kind, .* got {'size': 1}"),
        (GENERATE, {"placement": {"scale": "x"}}, "placement scale: expected a number, got 'x'"),
        (GENERATE, {"placement": {"scale": 5}}, "placement scale: expected 0.01 to 1, got 5"),
        (GENERATE, {"iterations": 0}, "iterations: expected 1 to 1000000, got 0"),
        (IMPORT, {"split": "half"}, "split: expected one of .*, got 'half'"),
        (IMPORT, {"name": 3}, "name: expected a text or null, got 3"),
        (IMPORT, {"roots": [3]}, "roots: expected a text, got 3"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(request_: Request, changes: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=f"^{message}$") as raised:
        request_.merged(changes, whose="job 1")
    assert "\n" not in str(raised.value)
