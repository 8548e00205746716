# SPDX-License-Identifier: AGPL-3.0-only
"""Which precision and batch size to choose on this machine, from its hardware and the runs finished on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dashboard.services.storage import cached, opened
from engine.choices import Choice
from engine.config import RunConfig
from engine.hardware import HardwareSnapshot
from engine.jobs.kinds import making

LOOKED_AT = 200  # finished runs
CHOICES = 5


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one finished run reached."""

    job_id: int
    device: str
    precision: str
    batch_size: int
    images_per_s: float
    peak_memory_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to choose.

    Attributes:
        device: `cuda:0`, `mps` or `cpu`.
        precision: of `engine.config.PRECISIONS`.
        batch_size: images a batch.
        fastest: the finished run on this device with the most images a second, if there is any.
    """

    device: str
    precision: str
    batch_size: int
    fastest: Measured | None


def advise(snapshot: HardwareSnapshot, runs: list[Measured]) -> Advice:
    """The default settings for the machine, unless a finished run shows that another precision was faster.

    The batch size is the engine's default: from the same images small batches make the stronger patch, so
    speed alone is no reason for a larger one.
    """
    device = "cuda:0" if snapshot.gpus else "mps" if snapshot.apple_gpu else "cpu"
    here = [run for run in runs if run.device == device]
    fastest = max(here, key=lambda run: run.images_per_s, default=None)
    return Advice(
        device=device,
        precision=fastest.precision if fastest else "auto",
        batch_size=RunConfig.batch_size,
        fastest=fastest,
    )


@cached(ttl_s=30, max_entries=4)
def measured_runs() -> list[Measured]:
    """What the latest finished generations reached."""
    with opened() as repository:
        jobs = repository.jobs.find(states=["succeeded"], kinds=making("patch"), limit=LOOKED_AT)
    return [_measured(job.id, job.result) for job in jobs if job.result and _is_native(job.result)]


@cached(ttl_s=30, max_entries=4)
def measured_choices() -> list[tuple[dict[str, Any], Choice]]:
    """The latest measurements for settings on auto, each with what it holds for."""
    with opened() as repository:
        return repository.choices.latest(CHOICES)


def _is_native(result: dict[str, Any]) -> bool:
    """ART's runs say nothing about our own loop."""
    return result.get("backend") == "native" and "image_iterations_per_s" in result


def _measured(job_id: int, result: dict[str, Any]) -> Measured:
    return Measured(
        job_id=job_id,
        device=result["device"],
        precision=result["precision"],
        batch_size=result["batch_size"],
        images_per_s=result["image_iterations_per_s"],
        peak_memory_bytes=result.get("peak_memory_bytes"),
    )
