# SPDX-License-Identifier: AGPL-3.0-only
"""A run's film with its figures: what the patch looked like, lost and scored at each moment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dashboard.services import jobs, patches
from dashboard.services.storage import cached, opened
from engine.records import StepRecord
from engine.runs.film import frames
from engine.runs.paths import job_folder
from engine.store.validations import Validation

WIDTH = 0.1  # of the steps that a moment's loss is a mean over, as a share of its own: single steps jitter


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A moment of a run.

    Attributes:
        step, iteration: after which; 0 before the first.
        picture: of the patch, WebP.
        loss: mean over the latest tenth of the steps until then; None before the first.
        scores: of the latest validation until then; empty without one.
    """

    step: int
    iteration: int
    picture: bytes
    loss: float | None
    scores: Mapping[str, float] = field(default_factory=dict)


@cached(ttl_s=4, max_entries=8)
def moments(job_id: int) -> list[Moment]:
    """The film of a run; empty where it has none, as one from before there were films."""
    with opened() as repository:
        folder = repository.jobs.get(job_id).folder
        validated = repository.validations.of([job_id])
    kept = frames(Path(folder) if folder else job_folder(job_id))
    pictures = [(frame.step, patches.file_bytes(str(frame.path))) for frame in kept]
    return told(pictures, jobs.steps(job_id), validated)


@cached(ttl_s=2)
def validations(job_id: int) -> list[Validation]:
    """What a run scored on the images held out, in order."""
    with opened() as repository:
        return sorted(repository.validations.of([job_id]), key=lambda each: each.iteration)


def told(
    pictures: Sequence[tuple[int, bytes]], steps: Sequence[StepRecord], validated: Sequence[Validation]
) -> list[Moment]:
    """Moments of pictures by their steps.

    Args:
        pictures: step and picture, in order.
        steps: of the run, in order; may be thinned.
        validated: in any order.
    """
    numbers = [step.step for step in steps]
    scored = sorted(validated, key=lambda each: each.iteration)
    found = []
    for number, picture in pictures:
        end = bisect_right(numbers, number)
        begin = min(bisect_right(numbers, number * (1 - WIDTH)), max(end - 1, 0))
        latest = steps[begin:end]
        # A validation follows on the last step of its iteration, which the next iteration's first one proves.
        iteration = latest[-1].iteration if latest else 0
        done = iteration if end >= len(steps) or steps[end].iteration > iteration else iteration - 1
        known = [each for each in scored if each.iteration <= done]
        found.append(
            Moment(
                step=number,
                iteration=iteration,
                picture=picture,
                loss=sum(step.loss for step in latest) / len(latest) if latest else None,
                scores=known[-1].scores if known else {},
            )
        )
    return found
