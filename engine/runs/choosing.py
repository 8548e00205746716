# SPDX-License-Identifier: AGPL-3.0-only
"""Decides what a run's settings leave to the machine: by an earlier measurement, else by a new one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from engine import __version__, hardware
from engine.choices import Choice
from engine.config import RunConfig
from engine.errors import StorageError
from engine.patch.fastest import find_fastest, plainest, undecided
from engine.patch.precision import native_precisions
from engine.records import ImageRecord
from engine.runs.materials import Materials
from engine.store.repository import Repository

log = logging.getLogger(__name__)


def choose(
    config: RunConfig,
    materials: Materials,
    records: Sequence[ImageRecord],
    patch_chw: Tensor,
    *,
    again: bool = False,
) -> Choice:
    """Precision, batch size and compilation of a run.

    Args:
        config: the run's settings; what they leave open is measured, once on each machine for each detector
            and size.
        materials: with the detector.
        records: the training images.
        patch_chw: the patch that the run begins with.
        again: measure even what was measured before.

    Raises:
        DeviceError: the device does not support the precision.
        EngineError: the steps cannot be computed; see `find_fastest`.
    """
    detector = materials.attacked
    if not undecided(config, detector.device):
        return Choice(chosen=plainest(config, detector.device))
    key = choice_key(config, materials, images=len(records))
    choice = None if again else _known(key)
    if choice is None:
        log.info("Measuring the fastest settings for %s, which takes some seconds", key["machine"])
        choice = find_fastest(detector, records, config, class_id=materials.class_id, patch_chw=patch_chw)
        _keep(key, choice)
    log.info("%s: %s", "Measured earlier" if choice.known else "Measured", choice)
    return choice


def choice_key(config: RunConfig, materials: Materials, *, images: int) -> dict[str, Any]:
    """Everything that decides which way is fastest: machine, detector, defences, sizes, batches, versions.

    With `compile` left open, that is also the length of the run, which has to make up for compiling.
    """
    detector = materials.attacked
    length = {"images": images, "iterations": config.iterations, "time_limit_s": config.time_limit_s}
    return {
        "machine": hardware.machine_model(str(detector.device)),
        "threads": torch.get_num_threads(),
        "device": str(detector.device),
        "detector": detector.name,
        "weights_sha256": detector.checksum(),
        "batch_size": config.batch_size,
        "batching": config.batching,
        "losses": dict(sorted(config.losses.items())),
        **config.costly(),
        **(length if config.compile == "auto" else {}),
        "torch": torch.__version__,
        "patchbench": __version__,
    }


def resumed_choice(config: RunConfig, identity: dict[str, Any], device: torch.device) -> Choice:
    """The choice in a checkpoint, so that the run goes on to the bit, whatever was measured since.

    Only a precision that was left open and that another device lacks becomes fp32.
    """
    if "choice" in identity:
        choice = Choice.from_json(identity["choice"])
    else:  # written before choices were measured
        choice = Choice(chosen=plainest(config, device))
        if config.precision == "auto" and device.type == "cuda":
            choice = replace(choice, chosen=replace(choice.chosen, precision=native_precisions(device)[-1]))
    chosen = replace(choice.chosen, batch_size=int(identity["batch_size"]))
    if config.precision == "auto" and chosen.precision not in native_precisions(device):
        chosen = replace(chosen, precision="fp32")
    return replace(choice, chosen=chosen)


def _known(key: dict[str, Any]) -> Choice | None:
    try:
        with Repository() as repository:
            return repository.choices.get(key)
    except StorageError as error:
        log.warning("Earlier measurements cannot be read: %s", error)
        return None


def _keep(key: dict[str, Any], choice: Choice) -> None:
    try:
        with Repository() as repository:
            repository.choices.put(key, choice)
    except StorageError as error:
        log.warning("The measurement could not be stored for later runs: %s", error)
