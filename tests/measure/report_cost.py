# SPDX-License-Identifier: AGPL-3.0-only
"""What storing its progress costs a run: `python -m tests.measure.report_cost --iterations 100`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from engine.config import RunConfig
from engine.errors import JobError
from engine.jobs import queue
from engine.jobs.kinds.generate import GenerateRequest
from engine.jobs.ledger import StoredLedger
from engine.jobs.reporting import RunReporter
from engine.runs.commands import generate
from engine.runs.generation import Observer
from engine.store.repository import Repository

__all__ = ["Stopwatch", "main"]


class Stopwatch:
    """Counts what calls take out of all the time from the first of them to the last.

    Attributes:
        spent_s, total_s: in the calls, and in all; seconds by the clock and of this process's processor time.
    """

    def __init__(self) -> None:
        self.spent_s = self.total_s = (0.0, 0.0)
        self._begun: tuple[float, float] | None = None

    def watched(self, observer: Observer) -> Observer:
        """An observer that does as another during a run's steps; what it does after them is left out."""
        names = ("on_begin", "on_step", "on_checkpoint", "stop_requested")
        return Observer(**{name: partial(self._count, getattr(observer, name)) for name in names})

    def _count(self, call: Callable[..., Any], *arguments: Any) -> Any:
        before = time.perf_counter(), time.process_time()
        self._begun = self._begun or before
        result = call(*arguments)
        after = time.perf_counter(), time.process_time()
        self.spent_s = self.spent_s[0] + after[0] - before[0], self.spent_s[1] + after[1] - before[1]
        self.total_s = after[0] - self._begun[0], after[1] - self._begun[1]
        return result


@click.command()
@click.option("--iterations", default=100, show_default=True, help="Number of passes over the images.")
@click.option("--dataset", default="demo", show_default=True, help="As `patch generate` takes it.")
@click.option("--weights", default="demo", show_default=True, help="As `patch generate` takes it.")
@click.option("--image-size", default=320, show_default=True, help="Pixels.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda …")
def main(iterations: int, dataset: str, weights: str, image_size: int, device: str) -> None:
    """Make a patch as a job does, in a database of its own; print reporting's share of its steps' time.

    A busy machine delays both by the clock; the processor's time tells them apart from other programs.
    """
    config = RunConfig(
        dataset=dataset,
        weights=weights,
        image_size=image_size,
        iterations=iterations,
        device=device,
    )
    with (
        tempfile.TemporaryDirectory() as place,
        Repository(Path(place) / "patchbench.db") as repository,
    ):
        watch, steps = _run(repository, config, Path(place) / "run")
    click.echo(f"steps {steps}")
    for name, spent_s, total_s in zip(
        ("by the clock", "of the processor"), watch.spent_s, watch.total_s, strict=True
    ):
        click.echo(f"{total_s:.1f} s {name}, {spent_s:.3f} s of it for reporting: {spent_s / total_s:.2%}")


def _run(repository: Repository, config: RunConfig, folder: Path) -> tuple[Stopwatch, int]:
    """Make the patch; what reporting took, and the number of steps."""
    queue.submit(repository, "generate", GenerateRequest(config=config))
    job = repository.queue.claim("report-cost", "cpu" if config.device == "auto" else config.device)
    if job is None:
        raise JobError(f"job: expected one for {config.device}, got none; name another device")
    watch = Stopwatch()
    reporter = RunReporter(StoredLedger(repository, job, stop_requested=lambda: False, lost=lambda: None))
    summary = generate(config, folder, observer=watch.watched(reporter.observe(folder)), evaluate_after=False)
    reporter.finish()
    return watch, summary["steps"]


if __name__ == "__main__":
    main()
