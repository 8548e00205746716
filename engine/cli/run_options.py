# SPDX-License-Identifier: AGPL-3.0-only
"""The options of `patch generate`, and the settings that they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from engine.cli.option_types import BatchSize, LossTerm, PatchSize
from engine.config import (
    BATCHINGS,
    PRECISIONS,
    PRESETS,
    SAMPLINGS,
    AugmentationConfig,
    PlacementConfig,
    RunConfig,
    ScheduleConfig,
)
from engine.evaluation.config import EvaluationConfig
from engine.registries import LOSSES, OPTIMIZERS, SCHEDULES

__all__ = [
    "config_from_options",
    "evaluation_from_options",
    "recipe_options",
    "run_options",
    "scoring_options",
    "subject_options",
    "suite_options",
]

_DEFAULTS = RunConfig(dataset="-", weights="-")
_PLACEMENT, _CHANCE, _SCHEDULE = _DEFAULTS.placement, _DEFAULTS.augmentation, _DEFAULTS.schedule

Command = Callable[..., Any]


def scoring_options(command: Command) -> Command:
    """How a patch is scored: shared by `patch evaluate` and `jobs submit evaluate`."""
    return _all(
        command,
        click.option("--min-score", default=0.25, help="Lowest score at which a detection counts."),
        click.option(
            "--iou", default=0.5, help="Lowest overlap (IoU) at which a detection matches an object."
        ),
        click.option("--batch-size", default=8, help="Images per forward pass."),
        click.option("--resamples", default=1000, help="Bootstrap resamples for the intervals; 0 for none."),
    )


def evaluation_from_options(options: dict[str, Any]) -> tuple[RunConfig, EvaluationConfig]:
    """What is scored on what, and how; takes the scoring's options out of `options`.

    Raises:
        SettingsError: a setting is out of its range.
    """
    scoring = {name: options.pop(name) for name in ("min_score", "iou", "batch_size", "resamples")}
    config = config_from_options(options)
    return config, EvaluationConfig(placement=config.placement, seed=config.seed, **scoring)


def subject_options(command: Command) -> Command:
    """What is attacked, and on what: shared by `generate` and `evaluate`."""
    return _all(
        command,
        click.option("--dataset", help="An imported dataset's name, or a source to import."),
        click.option("--weights", help="A weight file, `demo`, or a name that Ultralytics knows (yolo11n)."),
        click.option(
            "--class",
            "class_name",
            default=_DEFAULTS.class_names,
            multiple=True,
            help="The dataset's class to attack; repeat it to attack several together.",
        ),
        click.option(
            "--detector-class",
            default=_DEFAULTS.detector_class,
            metavar="NAME|NUMBER",
            show_default=False,
            help="The detector's class for those objects. [default: the one of the same name]",
        ),
        click.option("--device", default=_DEFAULTS.device, help="auto, cpu, cuda, cuda:1 or mps."),
        click.option(
            "--image-size",
            default=_DEFAULTS.image_size,
            help="The images' long side in pixels, a multiple of 32.",
        ),
        click.option(
            "--max-images", default=_DEFAULTS.max_images, help="Use at most this many images; 0 for all."
        ),
        click.option("--include-empty", is_flag=True, help="Use images without objects too."),
        click.option(
            "--trust-weights", is_flag=True, help="Open the weight file whatever code its pickle names."
        ),
        _choice(
            "placement",
            ("object", "random", "fixed"),
            _PLACEMENT.kind,
            "On each object, or one on each image: anywhere, or at a fixed position.",
        ),
        click.option(
            "--placement-scale",
            default=_PLACEMENT.scale,
            help="Patch's side over the box's diagonal, or over the image's shorter side.",
        ),
        click.option(
            "--placement-rise", default=_PLACEMENT.rise, help="Raise the patch by this share of the box."
        ),
        click.option(
            "--placement-position",
            default=_PLACEMENT.position,
            nargs=2,
            type=float,
            help="fixed: x and y, 0 to 1.",
        ),
        click.option("--seed", default=_DEFAULTS.seed, help="Seed of all random choices."),
    )


def recipe_options(command: Command) -> Command:
    """What decides how strong a patch becomes: shared by `generate` and benchmarks."""
    return _all(
        command,
        _choice("sampling", SAMPLINGS, _DEFAULTS.sampling, "Draw images evenly, or object counts evenly."),
        click.option(
            "--view-size",
            default=_DEFAULTS.view_size,
            help="Side of the window of each image that a step looks at; 0 for whole images.",
        ),
        click.option(
            "--view-zoom",
            default=_DEFAULTS.view_zoom,
            nargs=2,
            type=float,
            help="Its lowest and highest zoom.",
        ),
        click.option(
            "--patch-size",
            type=PatchSize(),
            default=f"{_DEFAULTS.patch_width}",
            help="Side, or width and height, in texels: 16 to 512.",
        ),
        click.option("--circular", is_flag=True, help="Draw only the ellipse that fills the patch."),
        click.option(
            "--initial", default="grey", help="grey, noise, or a file: an image or an earlier patch."
        ),
        click.option(
            "--learning-rate",
            default=_DEFAULTS.learning_rate,
            help="Size of a step, in colour range (0 to 1).",
        ),
        _choice("optimizer", tuple(OPTIMIZERS), _DEFAULTS.optimizer, "How gradients become steps."),
        _choice("schedule", tuple(SCHEDULES), _SCHEDULE.kind, "How the learning rate moves."),
        click.option("--warmup", default=0, help="Iterations in which the rate rises to its full value."),
        click.option("--schedule-cycles", default=1, help="cosine: how many times the rate falls."),
        click.option(
            "--schedule-floor", default=_SCHEDULE.floor, help="cosine: share of the rate at the end."
        ),
        click.option(
            "--schedule-gamma", default=_SCHEDULE.gamma, help="Falling schedules: factor of each fall."
        ),
        click.option("--schedule-every", default=_SCHEDULE.every, help="step: iterations between falls."),
        click.option(
            "--schedule-patience",
            default=_SCHEDULE.patience,
            help="plateau: iterations without a better loss before a fall.",
        ),
        click.option(
            "--schedule-milestone",
            type=float,
            multiple=True,
            help="multi-step: falls at this share of the run.",
        ),
        click.option("--clip-norm", default=0.0, help="Largest gradient norm; 0 for no clipping."),
        click.option(
            "--loss",
            type=LossTerm(),
            multiple=True,
            help=f"A term and its weight, repeatable: {', '.join(LOSSES)}. [default: object=1]",
        ),
        click.option(
            "--top-k", default=_DEFAULTS.top_k, help="How many scores of each object the loss looks at."
        ),
        click.option("--flip/--no-flip", default=_DEFAULTS.flip, help="Mirror half of the images at random."),
        click.option("--shift", default=_CHANCE.shift, help="Random shift, in patch sides."),
        click.option("--resize", default=_CHANCE.resize, help="Random change of the drawn size, as a share."),
        click.option("--rotation", default=_CHANCE.rotation_deg, help="Random turn, in degrees."),
        click.option("--contrast", default=_CHANCE.contrast, help="Random change of contrast, as a share."),
        click.option("--brightness", default=_CHANCE.brightness, help="Random change of brightness."),
    )


def suite_options(command: Command) -> Command:
    """What a suite measures, and how much: shared by `benchmark run` and `jobs submit benchmark`."""
    return _all(
        command,
        subject_options,
        recipe_options,
        click.option(
            "--scale",
            type=click.Choice(["small", "medium", "large"]),
            default="small",
            help="How much work: rounds, images a round, seconds of generation.",
        ),
        click.option(
            "--batch-size",
            default=_DEFAULTS.batch_size,
            help="Images per batch, where the suite does not vary it.",
        ),
        click.option("--seconds", type=float, help="Seconds of generation, instead of the scale's."),
    )


def run_options(command: Command) -> Command:
    """How a patch is made."""
    return _all(
        command,
        _choice("preset", tuple(PRESETS), None, "quick: 50 iterations, standard: 200, thorough: 1000."),
        click.option(
            "--iterations", type=int, help="Passes over the images. [default: the preset's, else 200]"
        ),
        click.option("--time-limit", default=0.0, help="Stop after this many seconds; 0 for no limit."),
        _choice("backend", ("native", "art"), "native", "PatchBench's own loop, or ART's."),
        click.option(
            "--batch-size", type=BatchSize(), default=_DEFAULTS.batch_size, help="Images per batch."
        ),
        click.option("--batch-start", default=0, help="Let batches grow from this size; 0 for constant."),
        _choice(
            "batching",
            BATCHINGS,
            _DEFAULTS.batching,
            "sequential: an image alone, grouped: those of one object count, ragged: any.",
        ),
        click.option("--accumulate", default=1, help="Batches whose gradients make one step."),
        _choice(
            "precision", PRECISIONS, "auto", "Precision of the forward pass; auto: bf16 on GPUs that have it."
        ),
        click.option("--compile", "compile_", is_flag=True, help="Use torch.compile."),
        click.option("--deterministic", is_flag=True, help="Bit-identical results on CUDA too; slower."),
        _choice(
            "merge",
            ("shared", "mean"),
            "shared",
            "One patch, or (an experiment) the mean of one for each object count.",
        ),
        click.option(
            "--validation-share", default=0.0, help="Share of the images held out to choose the best patch."
        ),
        click.option(
            "--validate-every", default=_DEFAULTS.validate_every, help="Iterations between two validations."
        ),
        click.option(
            "--early-stop",
            default=0,
            help="Stop after this many validations without a better patch; 0 for never.",
        ),
        click.option(
            "--checkpoint-every",
            default=_DEFAULTS.checkpoint_every,
            help="Iterations between two checkpoints.",
        ),
        recipe_options,
    )


def config_from_options(options: dict[str, Any]) -> RunConfig:
    """The settings that a command's options ask for.

    Raises:
        SettingsError: one is out of its range, or two do not go together.
        click.UsageError: dataset or weights are missing.
    """
    for needed in ("dataset", "weights"):
        if not options[needed]:
            raise click.UsageError(f"expected --{needed}, got none; try --{needed} demo")
    taken = {name: options[name] for name in RunConfig.__dataclass_fields__ if name in options}
    taken["placement"] = PlacementConfig(
        kind=options["placement"],
        scale=options["placement_scale"],
        rise=options["placement_rise"],
        position=tuple(options["placement_position"]),
    )
    if "patch_size" in options:
        taken |= _recipe(options)
    if "iterations" in options:
        chosen = options["iterations"]
        taken |= {
            "iterations": PRESETS[options["preset"] or "standard"] if chosen is None else chosen,
            "time_limit_s": options["time_limit"],
            "compile": options["compile_"],
        }
    return RunConfig(**taken)


def _recipe(options: dict[str, Any]) -> dict[str, Any]:
    """The recipe's options that are not named as in `RunConfig`."""
    width, height = options["patch_size"]
    return {
        "patch_width": width,
        "patch_height": height,
        "losses": dict(options["loss"]) or _DEFAULTS.losses,
        "augmentation": AugmentationConfig(
            shift=options["shift"],
            resize=options["resize"],
            rotation_deg=options["rotation"],
            contrast=options["contrast"],
            brightness=options["brightness"],
        ),
        "schedule": ScheduleConfig(
            kind=options["schedule"],
            warmup=options["warmup"],
            cycles=options["schedule_cycles"],
            floor=options["schedule_floor"],
            patience=options["schedule_patience"],
            gamma=options["schedule_gamma"],
            every=options["schedule_every"],
            milestones=options["schedule_milestone"] or _SCHEDULE.milestones,
        ),
    }


def _choice(
    name: str, allowed: tuple[str, ...], default: str | None, meaning: str
) -> Callable[[Command], Command]:
    return click.option(f"--{name}", type=click.Choice(allowed), default=default, help=meaning)


def _all(command: Command, *options: Callable[[Command], Command]) -> Command:
    """The command with all options, listed in this order by --help."""
    for option in reversed(options):
        command = option(command)
    return command
