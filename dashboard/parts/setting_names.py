# SPDX-License-Identifier: AGPL-3.0-only
"""A setting's name and value as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dashboard.formats import DASH
from dashboard.i18n import N_, _
from dashboard.services.settings import SETTINGS
from engine.registries import LOSSES
from engine.settings import Setting

CHOICES = {  # setting → value → what it is called; values that are names themselves are not here
    "merge": {"shared": N_("One patch"), "mean": N_("Mean of one patch per object count")},
    "ensemble": {"mean": N_("Mean"), "max": N_("Largest")},
    "placement.kind": {
        "object": N_("On each object"),
        "random": N_("At a random position"),
        "fixed": N_("At a fixed position"),
    },
    "batching": {
        "sequential": N_("One image at a time"),
        "grouped": N_("Images with the same object count"),
        "ragged": N_("Any images together"),
    },
    "sampling": {
        "uniform": N_("Every image equally often"),
        "balanced": N_("Every object count equally often"),
    },
    "strategy": {
        "whole": N_("All weights"),
        "head": N_("All but the backbone"),
        "scratch": N_("From scratch"),
    },
    "trial": {"short": N_("One new patch"), "full": N_("Full battery of attacks")},
    "optimizer": {
        "pyramid-adam": N_("Adam, coarse to fine"),
        "adam": "Adam",
        "adamw": "AdamW",
        "sgd": "SGD",
        "sign": N_("Sign of the gradient"),
        "sign-momentum": N_("Sign with momentum"),
    },
    "schedule.kind": {
        "constant": N_("Constant"),
        "step": N_("Step decay"),
        "multi-step": N_("Decay at milestones"),
        "exponential": N_("Exponential decay"),
        "one-cycle": N_("One cycle"),
        "cosine": N_("Cosine"),
        "plateau": N_("Decay on plateau"),
    },
    "backend": {"native": "PatchBench", "art": "ART"},
    "device": {"auto": N_("Automatic"), "cpu": "CPU", "cuda": "CUDA (NVIDIA)", "mps": "MPS (Apple)"},
    "precision": {"auto": N_("Automatic")},
    "compile": {"off": N_("Off"), "on": N_("On"), "auto": N_("Measured")},
    "objective": {
        "asr": N_("Highest ASR"),
        "smooth": N_("Lowest confidence retained"),
        "ap50": N_("Lowest AP50"),
        "images_per_s": N_("Most images per second"),
    },
    "sampler": {
        "tpe": N_("Based on earlier trials (TPE)"),
        "random": N_("Random"),
        "grid": N_("Every combination of the lists"),
    },
    "prune": {
        "none": N_("None"),
        "median": N_("Those below the median"),
        "asha": N_("All but the top quarter (ASHA)"),
    },
    "architecture": {"auto": N_("As stated in the file")},
}
PATCH_SIZE = N_("Patch size")  # the one name that stands for two settings


def setting_name(key: str, settings: Mapping[str, Setting] = SETTINGS) -> str:
    """A setting's name and unit in the session's language; one that is not known is named as the engine does.

    Args:
        key: of `settings`, by default of `RunConfig`; nested ones as `placement.scale`.
        settings: by key.
    """
    if key not in settings:
        return key
    setting = settings[key]
    name = _(setting.label)
    return _("{name} ({unit})").format(name=name, unit=_(setting.unit)) if setting.unit else name


def dimension_name(name: str) -> str:
    """What a sweep varies, in the session's language."""
    return _(PATCH_SIZE) if name == "patch_size" else setting_name(name)


def decided_value(name: str, value: Any, facts: Mapping[str, Any]) -> str:
    """A run's setting as text; where that was left to the run, with what it took: `auto: bf16`.

    Args:
        name: of the setting.
        value: as it was asked for.
        facts: what `run.json` holds; empty before the end.
    """
    left_open = value == "auto" if name in ("precision", "compile") else (name, value) == ("batch_size", 0)
    taken = facts.get("compiled" if name == "compile" else name)
    if not left_open or taken is None:
        return named_value(name, value)
    return f"auto: {setting_value(taken)}"


def choice_name(name: str, value: str) -> str:
    """A choice in words of the session's language; one without words as it is.

    Args:
        name: of the setting, flat.
        value: one of its choices.
    """
    words = CHOICES.get(name, {}).get(value)
    return _(words) if words else value


def zero_word(name: str) -> str:
    """What 0 stands for, in the session's language; empty where it is an amount like any other."""
    if name.startswith("losses."):
        return _("off")
    return _(SETTINGS[name].zero) if name in SETTINGS and SETTINGS[name].zero else ""


def named_value(name: str, value: Any) -> str:
    """A setting's value in words where it has any, such as `off` for 0.

    Args:
        name: of the setting, flat.
        value: its value.
    """
    if name == "losses":
        return ", ".join(f"{loss_name(term)} {setting_value(weight)}" for term, weight in _weighted(value))
    if isinstance(value, str) and value in CHOICES.get(name, {}):
        return choice_name(name, value)
    if not isinstance(value, bool) and value == 0 and zero_word(name):
        return zero_word(name)
    return setting_value(value)


def loss_name(term: str) -> str:
    """A loss term in the session's language, without the "Weight" of its field."""
    return _(LOSSES[term].label).rpartition(": ")[2] if term in LOSSES else term


def _weighted(losses: Mapping[str, float] | str) -> Iterable[tuple[str, float | str]]:
    """Terms with their weights, as a run has them or, in one text such as `overlap=1+tv=0.1`, a sweep."""
    if not isinstance(losses, str):
        return losses.items()
    return [(term, weight) for term, _is, weight in (part.partition("=") for part in losses.split("+"))]


def setting_value(value: Any) -> str:
    """A setting's value as text: paths by their last part, lists and weights in a row."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return ", ".join(f"{name} {setting_value(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(setting_value(each) for each in value)
    if isinstance(value, float):
        return f"{value:g}"
    return Path(value).name if isinstance(value, str) and "/" in value else str(value)
