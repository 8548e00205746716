# SPDX-License-Identifier: AGPL-3.0-only
"""The command that makes a patch by given settings, to be copied."""

from __future__ import annotations

import shlex
from typing import Any

from engine.config import RunConfig
from engine.settings import Setting, declared, flat


def generate_command(config: RunConfig, *, trust: bool = False) -> str:
    """`python -m engine patch generate …` with the options that differ from their defaults.

    Args:
        config: the settings.
        trust: whether the weights were opened whatever their pickle names.
    """
    given = flat(config.to_json())
    usual = flat(RunConfig(dataset="-", weights="-").to_json())
    words = ["python", "-m", "engine", "patch", "generate"]
    words += ["--dataset", config.dataset]
    words += [word for weights in config.all_weights for word in ("--weights", weights)]
    for key, about in declared(RunConfig).items():
        if key in ("dataset", "weights", "further_weights", "patch_height"):
            continue
        if key == "patch_width":
            size = (config.patch_width, config.patch_height)
            if size != (usual["patch_width"], usual["patch_height"]):
                words += [about.flag, f"{size[0]}x{size[1]}"]
        elif _plain(given[key]) != _plain(usual[key]):
            words += _option(about, given[key])
    return shlex.join([*words, *(["--trust-weights"] if trust else [])])


def _option(about: Setting, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [about.flag if value else f"--no-{about.flag.removeprefix('--')}"]
    if isinstance(value, dict):
        return [word for term, weight in value.items() for word in (about.flag, f"{term}={weight!r}")]
    if isinstance(value, list | tuple):
        if about.parts:
            return [about.flag, *map(str, value)]
        return [word for each in value for word in (about.flag, str(each))]
    if about.key == "batch_size":
        return [about.flag, str(value or "auto")]
    return [about.flag, repr(value) if isinstance(value, float) else str(value)]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
