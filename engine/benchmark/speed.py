# SPDX-License-Identifier: AGPL-3.0-only
"""The throughput of runs with different settings, measured in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing

from engine.benchmark.subject import Subject
from engine.benchmark.suite import Report, Scale
from engine.benchmark.timing import alternate
from engine.errors import DeviceError
from engine.measurements import Axes


def measure_rates(
    subject: Subject, sides: Mapping[str, Axes], scale: Scale, report: Report
) -> dict[str, list[float]]:
    """Image-iterations a second of runs with different settings, in turn; what cannot run here is left out.

    Args:
        subject: what is run.
        sides: name → changed settings.
        scale: its images, or two of a side's batches if those are more, make a round of that side.
        report: called with each line of progress.
    """
    with ExitStack() as stack:
        measured: dict[str, Callable[[], float]] = {}
        for side, changes in sides.items():
            try:
                run = subject.run(**changes)
            except DeviceError as error:
                report(f"{side}: {error}")
                continue
            steps = stack.enter_context(closing(run.iterate()))
            images = max(scale.images, 2 * run.batch_size)
            measured[side] = lambda steps=steps, images=images: subject.rate_of(steps, images)  # type: ignore[misc]
        return alternate(measured, rounds=scale.rounds, report=report)
