# SPDX-License-Identifier: AGPL-3.0-only
"""Options become settings; each setting has one."""

from __future__ import annotations

from typing import Any

import click
import pytest

from engine.cli.run_options import config_from_options, run_options, subject_options
from engine.config import PRESETS, AugmentationConfig, PlacementConfig, RunConfig, ScheduleConfig
from engine.settings import declared

NEEDED = ["--dataset", "photos", "--weights", "mine.pt"]


def settings_of(*arguments: str, evaluating: bool = False) -> RunConfig:
    """The settings that these options make."""
    found: list[RunConfig] = []

    def note(**options: Any) -> None:
        options.pop("trust_weights")
        found.append(config_from_options(options, several=not evaluating))

    decorated = subject_options(note if evaluating else run_options(note))
    click.command()(decorated).main(list(arguments), standalone_mode=False)
    return found[0]


@pytest.mark.parametrize("evaluating", [False, True])
def test_dataset_and_weights_suffice(evaluating: bool) -> None:
    assert settings_of(*NEEDED, evaluating=evaluating) == RunConfig(dataset="photos", weights="mine.pt")


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        (
            ["--class", "car", "--device", "cpu", "--seed", "7"],
            {"class_name": "car", "device": "cpu", "seed": 7},
        ),
        (["--class", "car", "--class", "car"], {"class_name": "car"}),
        (
            ["--weights", "b.pt", "--weights", "c.pt", "--ensemble", "max"],
            {"further_weights": ("b.pt", "c.pt"), "ensemble": "max"},
        ),
        (
            ["--class", "man", "--class", "woman", "--detector-class", "0"],
            {"class_name": ("man", "woman"), "detector_class": "0"},
        ),
        (
            ["--weights", "a/b.pt", "--detector-class", "man@b", "--detector-class", "person"],
            {
                "further_weights": ("a/b.pt",),
                "detector_class": "person",
                "own_detector_classes": ("man@a/b.pt",),
            },
        ),
        (["--detector-class", "0@mine.pt"], {"own_detector_classes": ("0@mine.pt",)}),
        (["--detector-class", "me@home"], {"detector_class": "me@home"}),
        (["--preset", "quick"], {"iterations": PRESETS["quick"]}),
        (["--preset", "thorough", "--iterations", "3"], {"iterations": 3}),
        (["--batch-size", "auto"], {"batch_size": 0}),
        (["--batch-size", "3", "--batch-start", "2"], {"batch_size": 3, "batch_start": 2}),
        (["--patch-size", "32"], {"patch_width": 32, "patch_height": 32}),
        (["--patch-size", "64x128"], {"patch_width": 64, "patch_height": 128}),
        (["--loss", "cls=2", "--loss", "tv"], {"losses": {"cls": 2.0, "tv": 1.0}}),
        (["--no-flip", "--circular", "--compile"], {"flip": False, "circular": True, "compile": "on"}),
        (["--compile", "auto", "--no-flip"], {"flip": False, "compile": "auto"}),
        (["--time-limit", "9.5"], {"time_limit_s": 9.5}),
        (["--view-size", "0", "--view-zoom", "1", "2"], {"view_size": 0, "view_zoom": (1.0, 2.0)}),
        (
            ["--placement", "fixed", "--placement-position", "0", "1", "--placement-scale", "0.5"],
            {"placement": PlacementConfig(kind="fixed", position=(0.0, 1.0), scale=0.5)},
        ),
        (
            ["--rotation", "9", "--shift", "0", "--brightness", "0.1", "--contrast", "0.2", "--resize", "0"],
            {
                "augmentation": AugmentationConfig(
                    rotation_deg=9, shift=0, brightness=0.1, contrast=0.2, resize=0
                )
            },
        ),
        (
            [
                "--schedule",
                "multi-step",
                "--schedule-milestone",
                "0.3",
                "--warmup",
                "2",
                "--schedule-gamma",
                "1",
            ],
            {"schedule": ScheduleConfig(kind="multi-step", milestones=(0.3,), warmup=2, gamma=1)},
        ),
        (
            ["--schedule-cycles", "3", "--schedule-floor", "0.1", "--schedule-patience", "4"],
            {"schedule": ScheduleConfig(cycles=3, floor=0.1, patience=4)},
        ),
    ],
)
def test_options_become_settings(arguments: list[str], changes: dict[str, Any]) -> None:
    assert settings_of(*NEEDED, *arguments) == RunConfig(dataset="photos", weights="mine.pt").changed(
        **changes
    )


def test_every_setting_has_an_option() -> None:
    def take(**options: Any) -> None:
        """Nothing."""

    command = click.command()(subject_options(run_options(take)))
    names = {option.name for option in command.params}
    assert {key.replace(".", "__") for key in declared(RunConfig)} - names == {
        "patch_height",  # with the width
        "further_weights",  # with the weights
        "own_detector_classes",  # with the detector's class
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected --dataset, got none; try --dataset demo"),
        (["--dataset", "demo"], "expected --weights, got none; try --weights demo"),
        ([*NEEDED, "--batch-size", "0"], "expected auto, or a number of 1 or more, got '0'"),
        (
            [*NEEDED, "--class", "man", "--class", "woman"],
            "expected the one that corresponds to man, woman, got none; give it with --detector-class",
        ),
        (
            [*NEEDED, "--detector-class", "man", "--detector-class", "0"],
            "expected one --detector-class for all detectors, and NAME@DETECTOR for one of mine.pt, "
            "got man, 0",
        ),
        (
            [*NEEDED, "--weights", "b.pt", "--detector-class", "man@c"],
            "and NAME@DETECTOR for one of mine.pt, b.pt, got man@c",
        ),
        ([*NEEDED, "--weights", "mine.pt"], "weights: expected each detector once, got mine.pt, mine.pt"),
        ([*NEEDED, "--loss", "tv=much"], "expected tv=NUMBER, got 'tv=much'"),
        ([*NEEDED, "--iterations", "0"], "iterations: expected 1 to 1000000, got 0"),
        ([*NEEDED, "--schedule-milestone", "2"], "schedule milestone: expected 0 to 1, got 2"),
    ],
)
def test_what_cannot_be_is_told(arguments: list[str], message: str) -> None:
    with pytest.raises((click.UsageError, ValueError)) as caught:
        settings_of(*arguments)
    error = caught.value
    assert message in (error.format_message() if isinstance(error, click.UsageError) else str(error))


def test_commands_of_one_detector_refuse_several() -> None:
    with pytest.raises(
        click.UsageError, match="expected --weights once, got 2; run the command once for each"
    ):
        settings_of(*NEEDED, "--weights", "other.pt", evaluating=True)
