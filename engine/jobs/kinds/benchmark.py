# SPDX-License-Identifier: AGPL-3.0-only
"""The run of a benchmark suite."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar

from engine.benchmark.suite import SCALES, SUITES
from engine.config import RunConfig, trusted_weights
from engine.jobs.kinds.base import Kind
from engine.jobs.kinds.request import Request, subject
from engine.settings import nested, setting

if TYPE_CHECKING:
    from engine.jobs.ledger import Ledger

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class BenchmarkRequest(Request):
    """A suite to be run; its sides start from the settings in `config`."""

    suite: str = setting(..., "Suite", "The suite to run; see `benchmark list`.", choices=SUITES)
    scale: str = setting(
        "small", "Scale", "Amount of work: rounds, images per round, generation time.", choices=SCALES
    )
    seconds: float | None = setting(
        None,
        "Generation time (s)",
        "Generation time in seconds; overrides the scale's.",
        bounds=(0.1, 10_000_000),
        kinds=(float, NoneType),
        called="seconds",
    )
    seeds: int | None = setting(
        None,
        "Seeds",
        "Runs per side in suites that measure strength; overrides the scale's.",
        bounds=(1, 100),
        kinds=(int, NoneType),
    )
    config: RunConfig = nested(RunConfig)
    trust: bool = trusted_weights()


class Benchmark(Kind[BenchmarkRequest]):
    """Runs a suite, or goes on with it after the parts that are stored; the result lies in the folder too."""

    name = "benchmark"
    help = "Run a benchmark suite."
    title = "Benchmark"
    request = BenchmarkRequest
    makes = "benchmark"
    words: ClassVar = {"measuring": "Measuring", "parts": "parts"}

    def label(self, request: BenchmarkRequest, facts: Mapping[str, Any]) -> str:
        """After the suite and what it runs on."""
        return f"{request.suite} · {subject(request.config, facts)}"

    def work(self, request: BenchmarkRequest, folder: Path, ledger: Ledger) -> dict[str, Any]:
        """Run the suite, which stores its parts itself as they end."""
        from engine.jobs.benchmarks import run_suite
        from engine.jobs.reporting import Reporter

        reporter = Reporter(ledger)

        def progress(done: int, total: int | None) -> None:
            reporter.phase("measuring", done, total, "parts")

        def report(line: str) -> None:
            log.info("%s", line)
            progress(reporter.progress.done, reporter.progress.total)

        progress(0, None)
        result = run_suite(
            request.suite,
            request.config,
            scale=request.scale,
            seconds=request.seconds,
            seeds=request.seeds,
            trust=request.trust,
            out=folder / "benchmark.json",
            report=report,
            job_id=ledger.job_id,
            progress=progress,
            stop_requested=ledger.stop_requested,
        )
        reporter.finish()
        return result
