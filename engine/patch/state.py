# SPDX-License-Identifier: AGPL-3.0-only
"""The complete state of a run between two steps, from which it resumes bit by bit."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from engine.disk import write_whole
from engine.errors import StorageError
from engine.records import StepRecord

CHECKPOINT = "checkpoint.pt"
State = TypeVar("State")


@dataclass(kw_only=True)
class RunState:
    """The state of a run, without random generators, which are derived from (seed, iteration, step).

    Attributes:
        patch_chw: float32 (3, h, w), on the CPU when saved.
        optimizer, scaler, plateau: their state dicts.
        iteration: finished iterations.
        steps_in_iteration: optimizer steps done in the current iteration.
        step: optimizer steps done in total.
        iterations: total number of iterations; a time limit may lower it.
        batch_limit: the largest batch that fits into memory; 0 until one does not fit.
        best_patch_chw, best_score, best_iteration: best validation so far; lower scores are better.
        stale_validations: validations since the best one.
        image_iterations: images processed by the detector.
        elapsed_s: seconds spent so far, including those before the run was resumed.
        choosing_s: those among them spent on measuring what is fastest, before the first step.
        events: other events (memory exhausted, resumed, stopped early).
        history: one record per step.
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
    choosing_s: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)
    history: list[StepRecord] = field(default_factory=list)

    @property
    def stepping_s(self) -> float:
        """Seconds spent since the first step began, from which its pace is known."""
        return self.elapsed_s - self.choosing_s


def save_checkpoint(folder: Path, state: RunState, identity: dict[str, Any]) -> None:
    """Write `checkpoint.pt` atomically.

    Args:
        folder: the run's folder.
        state: the run's state.
        identity: settings, images and weights that the state belongs to.

    Raises:
        StorageError: the folder cannot be written to; an earlier checkpoint is kept.
    """
    content = saved({"state": state_content(state), "identity": identity})
    write_whole(folder / CHECKPOINT, content)


def load_checkpoint(folder: Path) -> tuple[RunState, dict[str, Any]]:
    """Load the state and the identity written by `save_checkpoint`, without executing code from the file.

    Raises:
        StorageError: the checkpoint is missing, damaged or of another version.
    """
    state, (identity,) = read_state(folder, RunState, ("identity",), what="run")
    return state, identity


def state_content(state: Any) -> dict[str, Any]:
    """What a checkpoint holds of a state, a dataclass with a `history` of step records."""
    content = {item.name: getattr(state, item.name) for item in fields(state)}
    return content | {"history": [asdict(record) for record in state.history]}


def saved(content: dict[str, Any]) -> memoryview:
    """What `torch.save` writes; in memory first, as on a full disk it may raise other errors than OSError."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getbuffer()


def read_state(
    folder: Path, kind: type[State], parts: Sequence[str], *, what: str
) -> tuple[State, list[dict[str, Any]]]:
    """The state in a folder's checkpoint and other parts of it, without executing code from the file.

    Args:
        folder: of a run or a training.
        kind: of the state, as for `state_content`.
        parts: keys of the checkpoint.
        what: `run` or `training`.

    Raises:
        StorageError: the checkpoint is missing, damaged or of another version.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        raise StorageError(f"{folder}: expected a {what} with a {CHECKPOINT}, found none; start a new {what}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        history = [StepRecord(**record) for record in content["state"]["history"]]
        state = kind(**content["state"] | {"history": history})
        return state, [dict(content[part]) for part in parts]
    except Exception as error:  # damaged bytes can make the unpickler raise anything
        raise StorageError(
            f"{path}: expected a checkpoint of this version, got a damaged file or one of another "
            f"version; start a new {what}"
        ) from error
