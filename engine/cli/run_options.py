# SPDX-License-Identifier: AGPL-3.0-only
"""Options of commands that generate or score patches, built from the declarations of settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from engine.classes import own_class
from engine.cli.option_types import BatchSize, LossTerm, Names, PatchSize
from engine.config import PRESETS, RunConfig
from engine.defences.kinds import NONE
from engine.evaluation.config import EvaluationConfig
from engine.jobs.kinds.benchmark import BenchmarkRequest
from engine.jobs.kinds.matrix import AXES, CELL_SETTINGS, MatrixRequest
from engine.jobs.needs import Needs
from engine.settings import Setting, declared, flat, nest

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

_DEFAULTS = flat(RunConfig(dataset="-", weights="-").to_json())
_SETTINGS = declared(RunConfig)
_NAMED = ("dataset", "weights", "architecture", "detector_classes", "defences")  # a matrix has its own
_SHARING = ("patch_height", "further_weights", "own_detector_classes")  # the option of another setting
_REPEATED = {
    "weights": "When generating, repeat it to attack several detectors at once.",
    "detector_class": "With several detectors, NAME@DETECTOR for each one that uses another name.",
}
_SCORING = {key: each for key, each in declared(EvaluationConfig).items() if each.role == "scoring"}
score_option = click.option(
    "--evaluate/--no-evaluate", "evaluate_after", default=True, help="Score the patch when done."
)
# Settings whose options take more than a number or a word.
_TYPES: dict[str, click.ParamType] = {
    "batch_size": BatchSize(),
    "losses": LossTerm(),
    "patch_width": PatchSize(),  # and the height
}


def scoring_options(command: Command) -> Command:
    """Add the options for scoring, shared by `patch evaluate` and `jobs submit evaluate`."""
    return all_options(command, *map(option_of, _SCORING.values()))


def matrix_options(command: Command) -> Command:
    """Add the options of a matrix, shared by `matrix run` and `jobs submit matrix`."""
    named = declared(MatrixRequest)
    axes = [option_of(replace(named[axis], default=()), Names()) for axis in AXES]
    return all_options(command, *axes, cell_options, scoring_options)


def matrix_from_options(options: dict[str, Any]) -> MatrixRequest:
    """Build a matrix from a command's options.

    Raises:
        SettingsError: a setting is out of range, or there is nothing on an axis.
    """
    axes: dict[str, Any] = {
        axis: tuple(name for names in options.pop(axis) for name in names) for axis in AXES
    }
    axes["defences"] = axes["defences"] or (NONE,)
    for axis, names in axes.items():
        if not names:
            raise click.UsageError(f"expected --{axis}, got none; give one or more, separated by commas")
    classes = detector_classes(options.pop("detector_class"), axes["detectors"])
    first = axes["detectors"][0]
    of_first = own_class(first, classes["detector_class"], classes["own_detector_classes"])
    config, settings = evaluation_from_options(
        options | {"dataset": axes["datasets"][0], "weights": first, "detector_class": of_first}
    )
    shared: dict[str, Any] = axes | classes | {name: getattr(config, name) for name in CELL_SETTINGS}
    return MatrixRequest(**shared, settings=settings, trust=options["trust_weights"])


def evaluation_from_options(options: dict[str, Any]) -> tuple[RunConfig, EvaluationConfig]:
    """The subject and the settings of an evaluation; removes the scoring's from `options`.

    Raises:
        SettingsError: a setting is out of range.
    """
    scoring = {key: options.pop(key) for key in _SCORING}
    config = config_from_options(options)
    return config, EvaluationConfig(placement=config.placement, seed=config.seed, **scoring)


def subject_options(command: Command) -> Command:
    """Add the options for dataset, detector and their use, shared by `generate` and `evaluate`."""
    return all_options(command, *_options("subject", only=_NAMED), cell_options)


def cell_options(command: Command) -> Command:
    """Add what `subject_options` have besides those that name dataset and detector."""
    others = [key for key in _SETTINGS if key not in _NAMED]
    return all_options(command, *_options("subject", only=others), trust_option)


def recipe_options(command: Command) -> Command:
    """Add the options that determine a patch's strength, shared by `generate` and benchmarks."""
    return all_options(command, *_options("recipe"))


def suite_options(command: Command) -> Command:
    """Add the options of a suite, shared by `benchmark run` and `jobs submit benchmark`."""
    own = declared(BenchmarkRequest)
    fewest, most = map(int, own["seeds"].bounds or ())
    return all_options(
        command,
        subject_options,
        recipe_options,
        option_of(own["scale"]),
        option_of(own["seconds"]),
        option_of(own["seeds"], click.IntRange(fewest, most)),
        click.option(
            "--batch-size",
            default=_SETTINGS["batch_size"].default,
            help="Images per batch, unless the suite varies it.",
        ),
    )


def run_options(command: Command) -> Command:
    """Add the options of a generation."""
    preset = click.option(
        "--preset",
        type=click.Choice(list(PRESETS)),
        help=", ".join(f"{name}: {count}" for name, count in PRESETS.items()) + " iterations.",
    )
    return all_options(command, preset, *_options("course"), recipe_options)


def config_from_options(options: dict[str, Any], *, several: bool = False) -> RunConfig:
    """Build the settings from a command's options.

    Args:
        options: by parameter.
        several: whether the command takes several detectors.

    Raises:
        SettingsError: a setting is out of range, or two are incompatible.
        click.UsageError: dataset or weights are missing, or several where one is expected.
    """
    for needed in ("dataset", "weights"):
        if not options[needed]:
            raise click.UsageError(f"expected --{needed}, got none; try --{needed} demo")
    given_weights = options["weights"]
    first, *further = [given_weights] if isinstance(given_weights, str) else given_weights
    if further and not several:
        raise click.UsageError(
            f"expected --weights once, got {1 + len(further)}; run the command once for each"
        )
    given = given_settings(options, _SETTINGS)
    given |= {"weights": first, "further_weights": further}
    given |= detector_classes(options.get("detector_class") or (), (first, *further))
    if "losses" in given:
        given["losses"] = dict(given["losses"])
    if "patch_width" in given:
        given["patch_width"], given["patch_height"] = given["patch_width"]
    if options.get("preset") and "iterations" not in given:
        given["iterations"] = PRESETS[options["preset"]]
    return RunConfig.from_json(nest(_DEFAULTS | given))


def detector_classes(given: str | Sequence[str], detectors: Sequence[str]) -> dict[str, Any]:
    """The settings that `--detector-class` stands for: one for all detectors, or `NAME@DETECTOR` for one.

    Args:
        given: its values, as often as it is there.
        detectors: their weights, which it names so, or by a file's name without suffix that no other has.

    Raises:
        click.UsageError: there are several for all detectors, or one for a detector that is not there.
    """
    stems = Counter(Path(each).stem for each in detectors)
    named = {stem: each for each in detectors if stems[stem := Path(each).stem] == 1}
    named |= {each: each for each in detectors}
    of_all, own = [], []
    for text in [given] if isinstance(given, str) else dict.fromkeys(given):
        ends = [end for end in named if text.endswith(f"@{end}")]
        if ends:
            end = max(ends, key=len)
            own.append(f"{text.removesuffix(end)}{named[end]}")
        else:
            of_all.append(text)
    if len(of_all) > 1 or any("@" in text for text in of_all if len(detectors) > 1):
        raise click.UsageError(
            "expected one --detector-class for all detectors, and NAME@DETECTOR for one of "
            f"{', '.join(detectors)}, got {', '.join(of_all)}"
        )
    return {"detector_class": "".join(of_all), "own_detector_classes": tuple(own)}


def _options(role: str, *, only: Collection[str] = _SETTINGS) -> list[Decorator]:
    """The options of a role's settings; width and height share one, and so do all weights."""
    return [
        option_of(each, _TYPES.get(key), repeated=_REPEATED.get(key, ""))
        for key, each in _SETTINGS.items()
        if each.role == role and key in only and key not in _SHARING
    ]


def option_of(setting: Setting, kind: click.ParamType | None = None, *, repeated: str = "") -> Decorator:
    """The click option of a setting.

    Args:
        setting: its declaration.
        kind: if it takes more than a number or a word.
        repeated: what repeating it means; empty if it is given once.
    """
    key, default, flag, text = setting.key, setting.default, setting.flag, setting.help
    attributes: dict[str, Any] = {"default": default, "metavar": setting.metavar}
    if isinstance(default, bool):
        attributes["is_flag"] = True
        flag = f"{flag}/--no-{flag.removeprefix('--')}" if default else flag
    elif kind is not None:
        attributes["type"] = kind
    elif setting.choices is not None:
        attributes["type"] = click.Choice(list(setting.choices))
    elif isinstance(default, tuple):
        attributes |= {"type": float if setting.bounds else str, "nargs": len(setting.parts) or 1}
    else:  # where nothing is the default, the kinds tell
        plain = (each for each in (type(default), *setting.kinds) if each in (int, float, str))
        attributes["type"] = next(plain, None)
    several = isinstance(default, tuple | dict) or tuple in setting.kinds
    if several and not setting.parts:  # pairs take their values in one go, others are repeated
        attributes |= {"multiple": True, "default": [default] if isinstance(default, str) else None}
    if repeated:
        attributes["multiple"] = True
        text = f"{text} {repeated}"
    if key == "patch_width":
        attributes["default"], text = str(default), "Side, or width and height as WxH, in texels."
    if key == "losses":
        text = f"A loss term and its weight; repeatable: {', '.join(setting.choices or ())}."
    if setting.bare:
        attributes |= {"is_flag": False, "flag_value": setting.bare}
        text = f"{text} Alone: {setting.bare}."
    if setting.default_text:
        attributes |= {"show_default": False, "default": None}
        text = f"{text} [default: {setting.default_text}]"
    return click.option(flag, parameter_name(key), help=text, **attributes)


def given_settings(options: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """The values that options gave, by the keys of their settings."""
    found = {key: options.get(parameter_name(key)) for key in settings}
    return {key: value for key, value in found.items() if value not in (None, ())}  # (): none of several


def parameter_name(key: str) -> str:
    """The name of a setting's parameter in click."""
    return key.replace(".", "__")


def needs_options(command: Command) -> Command:
    """Add what a job asks of a cluster's node, shared by all that queue jobs."""
    return all_options(command, *map(option_of, declared(Needs).values()))


def needs_from_options(options: dict[str, Any]) -> dict[str, Any]:
    """What a job asks of a node, as the store keeps it; removes it from `options`.

    Raises:
        SettingsError: a number is out of range.
    """
    return Needs(**{name: options.pop(name) for name in declared(Needs)}).to_json()


def trust_option(command: Command) -> Command:
    """Add `--trust-weights`."""
    return option_of(replace(declared(MatrixRequest)["trust"], key="trust_weights"))(command)


def all_options(command: Command, *options: Decorator) -> Command:
    """Add options to a command, listed in this order by --help."""
    for option in reversed(options):
        command = option(command)
    return command
