# SPDX-License-Identifier: AGPL-3.0-only
"""Settings of a run: what is refused, in which words, and that they survive JSON."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from engine.config import AugmentationConfig, PlacementConfig, RunConfig, ScheduleConfig
from engine.errors import EngineError, SettingsError

NEEDED = {"dataset": "photos", "weights": "mine.pt"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"iterations": 0}, "iterations: expected 1 to 1000000, got 0"),
        ({"learning_rate": float("nan")}, "learning rate: expected 1e-06 to 1, got nan"),
        ({"seed": 2**32}, "seed: expected 0 to 4294967295, got 4294967296"),
        ({"class_name": ""}, "class: expected the name of a class, got none; name one with --class"),
        ({"class_name": ()}, "class: expected the name of a class, got none; name one with --class"),
        ({"class_name": ("man", " ")}, "class: expected the name of a class, got none"),
        (
            {"class_name": ("man", "woman")},
            "detector's class: expected the one that corresponds to man, woman",
        ),
        ({"backend": "other"}, "backend: expected one of art, native, got 'other'"),
        ({"precision": "int8"}, "precision: expected one of auto, bf16, fp16, fp32, got 'int8'"),
        ({"compile": "maybe"}, "compile: expected one of auto, off, on, got 'maybe'"),
        ({"losses": {"object": 1.0, "colour": 1.0}}, "loss: expected one of bbox, box, "),
        ({"losses": {"object": 1e9}}, "weight of the loss object: expected -10000 to 10000, got 1e+09"),
        ({"losses": {}}, "losses: expected a nonzero weight for a term other than tv, got none"),
        (
            {"losses": {"tv": 1.0, "object": 0.0}},
            "losses: expected a nonzero weight for a term other than tv",
        ),
        ({"image_size": 100}, "image size: expected a multiple of 32, got 100; use 96"),
        ({"view_size": 100}, "view size: expected 0 or a multiple of 32, got 100; use 96"),
        (
            {"view_zoom": (0.0, 1.0)},
            "view zoom: expected a minimum and a maximum from 0.1 to 10, got 0 and 1",
        ),
        (
            {"view_zoom": (2.0, 1.0)},
            "view zoom: expected a minimum and a maximum from 0.1 to 10, got 2 and 1",
        ),
        ({"batch_start": 9}, "initial batch size: expected at most the batch size"),
        ({"batch_start": 1, "batching": "sequential"}, "initial batch size: expected at most"),
        (
            {"merge": "mean", "early_stop": 2},
            "merge mean: expected no early stopping, as the merged patch has no steps of its own, got 2",
        ),
        (
            {"early_stop": 1, "validation_share": 0.0},
            "early stop: expected a validation share above 0, got none; set both",
        ),
        ({"backend": "art", "patch_width": 32}, "ART's patch: expected a square, got 32x96 texels; give one"),
        ({"backend": "art", "merge": "mean"}, "merge: expected shared with ART, got mean; leave it out, or"),
        ({"backend": "art", "losses": {"cls": 1.0}}, "losses: expected {'object': 1.0} with ART, got"),
        (
            {"backend": "art", "defences": ("jpeg",)},
            "defences: expected none with ART, got jpeg; leave it out, or use the native backend",
        ),
        ({"defences": ("jpg",)}, "defence: expected one of "),
        ({"defences": ("jpeg:quality=0",)}, "defence jpeg: quality: expected 1 to 100, got 0"),
        ({"backend": "art", "compile": "auto"}, "compile: expected off with ART, got auto; leave it out"),
        (
            {"backend": "art", "precision": "bf16"},
            "precision: expected auto with ART, got bf16; leave it out",
        ),
    ],
)
def test_a_run_refuses_what_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        RunConfig(**NEEDED, **settings)
    assert str(caught.value).startswith(message)
    assert isinstance(caught.value, (EngineError, ValueError))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"losses": {"total": 1.0, "tv": 0.5}, "seed": 2**32 - 1, "batch_size": 0, "batch_start": 4},
        {"placement": PlacementConfig(kind="fixed", position=(0.0, 1.0)), "view_zoom": (0.5, 0.75)},
        {"schedule": ScheduleConfig(kind="multi-step", milestones=(0.1, 0.2, 0.9))},
        {"augmentation": AugmentationConfig.none()},
        {"backend": "art", "precision": "fp32"},
        {"class_name": "car", "detector_class": "2"},
        {"class_name": ("man", "woman"), "detector_class": "person"},
    ],
)
def test_settings_survive_json(changes: dict[str, Any]) -> None:
    config = RunConfig(**NEEDED, **changes)
    assert RunConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_settings_from_before_the_detectors_class_are_read() -> None:
    config = RunConfig(**NEEDED, class_name="car")
    older = config.to_json()
    assert older.pop("detector_class") == ""
    assert RunConfig.from_json(older) == config


@pytest.mark.parametrize(("stored", "read"), [(False, "off"), (True, "on"), ("auto", "auto")])
def test_whether_to_compile_was_once_true_or_false(stored: Any, read: str) -> None:
    older = RunConfig(**NEEDED).to_json() | {"compile": stored}
    assert RunConfig.from_json(older) == RunConfig(**NEEDED, compile=read)
    assert RunConfig(**NEEDED).merged({"compile": stored}, whose="a run").compile == read


@pytest.mark.parametrize(
    "spoil",
    [
        lambda settings: settings.clear(),
        lambda settings: settings.pop("placement"),
        lambda settings: settings.update(unknown=1),
        lambda settings: settings["schedule"].update(unknown=1),
        lambda settings: settings.update(augmentation=None),
    ],
)
def test_another_versions_settings_are_refused(spoil) -> None:
    settings = RunConfig(**NEEDED).to_json()
    spoil(settings)
    with pytest.raises(SettingsError, match=r"settings: expected those of this version, got .*; start a new"):
        RunConfig.from_json(settings)


def test_a_changed_copy_is_checked_and_the_original_stays() -> None:
    config = RunConfig(**NEEDED)
    assert config.changed(seed=3).seed == 3
    with pytest.raises(SettingsError):
        config.changed(seed=-1)
    with pytest.raises(FrozenInstanceError):
        config.seed = 1
    assert config.seed == 0
