# SPDX-License-Identifier: AGPL-3.0-only
"""A command that is shown makes a run of the same settings."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from engine.cli import patches
from engine.cli.command_text import generate_command
from engine.cli.run_options import config_from_options
from engine.config import RunConfig


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"learning_rate": 0.0123, "batch_size": 0, "losses": {"object": 1.0, "tv": 0.1}, "seed": 3},
        {"patch_height": 32, "patch_width": 64, "flip": False, "circular": True, "view_zoom": (0.5, 2.0)},
        {
            "dataset": "my streets",
            "further_weights": ("b.pt",),
            "class_name": ("car", "bus"),
            "detector_class": "car",
        },
        {"further_weights": ("b.pt",), "detector_class": "car", "own_detector_classes": ("0@demo", "a@b.pt")},
        {"compile": "on", "time_limit_s": 5.0, "validation_share": 0.3, "detector_class": "7"},
    ],
)
def test_it_makes_the_same_settings(changes: dict[str, Any]) -> None:
    config = RunConfig(**{"dataset": "demo", "weights": "demo"} | changes)
    words = shlex.split(generate_command(config, trust=True))
    assert words[:5] == ["python", "-m", "engine", "patch", "generate"]
    context = patches.generate_command.make_context("generate", words[5:])
    assert context.params["trust_weights"]
    assert config_from_options(dict(context.params), several=True) == config


def test_what_is_usual_is_left_out() -> None:
    command = generate_command(RunConfig(dataset="demo", weights="demo"))
    assert command == "python -m engine patch generate --dataset demo --weights demo"
