# SPDX-License-Identifier: AGPL-3.0-only
"""Everything a patch run must remember between two steps, saved whole and restored to the bit."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.disk import write_atomically
from engine.errors import StorageError
from engine.records import StepRecord

CHECKPOINT = "checkpoint.pt"


@dataclass(kw_only=True)
class RunState:
    """Where a run stands. All chance comes from (seed, iteration, step), so no generator is kept.

    Attributes:
        patch_chw: float32 (3, h, w), on the CPU when saved.
        optimizer, scaler, plateau: the state dicts of those three.
        iteration: iterations done.
        steps_in_iteration: optimizer steps done in the iteration under way.
        step: optimizer steps done in all.
        iterations: how many there will be; a time limit may lower it.
        batch_limit: the largest batch that fits; 0 until one did not.
        best_patch_chw, best_score, best_iteration: of the validations so far; lower scores are better.
        stale_validations: validations since the best one.
        image_iterations: images that went through the detector.
        elapsed_s: seconds so far, over all sittings.
        events: what happened beside the steps (memory exhausted, resumed, stopped early).
        history: one record a step.
    """

    patch_chw: Tensor
    iterations: int
    optimizer: dict[str, Any] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)
    plateau: dict[str, Any] = field(default_factory=dict)
    iteration: int = 0
    steps_in_iteration: int = 0
    step: int = 0
    batch_limit: int = 0
    best_patch_chw: Tensor | None = None
    best_score: float = float("inf")
    best_iteration: int = 0
    stale_validations: int = 0
    image_iterations: int = 0
    elapsed_s: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)
    history: list[StepRecord] = field(default_factory=list)


def save_checkpoint(folder: Path, state: RunState, identity: dict[str, Any]) -> None:
    """Write `checkpoint.pt` in one step.

    Args:
        folder: the run's folder.
        state: where the run stands.
        identity: what must be the same for the state to make sense (settings, images, weights).

    Raises:
        StorageError: the folder cannot be written to; an earlier checkpoint is as it was.
    """
    content = {item.name: getattr(state, item.name) for item in fields(state)}
    content["history"] = [asdict(record) for record in state.history]
    # In memory first: on a full disk torch.save may fail with errors of its own instead of an OSError.
    buffer = io.BytesIO()
    torch.save({"state": content, "identity": identity}, buffer)
    write_atomically(folder / CHECKPOINT, lambda file: file.write(buffer.getbuffer()))


def load_checkpoint(folder: Path) -> tuple[RunState, dict[str, Any]]:
    """The state and the identity that `save_checkpoint` wrote; nothing in the file is executed.

    Raises:
        StorageError: there is none, or it is damaged or of another version.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        raise StorageError(f"{folder}: expected a run with a {CHECKPOINT}, found none; start a new run")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = dict(content["state"])
        state["history"] = [StepRecord(**record) for record in state["history"]]
        return RunState(**state), dict(content["identity"])
    except Exception as error:  # what damaged bytes lead the unpickler to has no common class
        raise StorageError(
            f"{path}: expected a checkpoint of this version, got a damaged or another file; start a new run"
        ) from error
