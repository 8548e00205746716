# SPDX-License-Identifier: AGPL-3.0-only
"""Runs benchmark suites by name, storing each finished part to make interrupted runs resumable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from engine import hardware
from engine.benchmark.subject import Subject
from engine.benchmark.suite import SCALES, SUITES, Report, Row, Scale, Suite
from engine.benchmark.wording import headline
from engine.config import RunConfig
from engine.datasets.demo import demo_dataset
from engine.errors import EngineError, RunInterruptedError
from engine.jobs.benchmark_detectors import for_all, with_detectors
from engine.jobs.benchmark_history import result_of
from engine.jobs.benchmark_readers import readers
from engine.jobs.benchmark_reports import write_result
from engine.jobs.benchmark_trainings import trained
from engine.private import shared_outside_home
from engine.records import BenchmarkRun, ImageRecord
from engine.runs.materials import Materials, gather, of_classes
from engine.runs.version import code_version
from engine.seeding import seed_everything
from engine.settings import require_choice
from engine.store.benchmarks import BenchmarkKey, Benchmarks
from engine.store.repository import Repository

Advance = Callable[[int, int], object]


def run_suite(
    name: str,
    config: RunConfig,
    *,
    scale: str,
    report: Report,
    seconds: float | None = None,
    seeds: int | None = None,
    out: Path | None = None,
    trust: bool = False,
    fresh: bool = False,
    keep_finished: bool = False,
    job_id: int | None = None,
    progress: Advance = lambda done, total: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run one suite, or resume a run of the same suite, subject, device, settings and code.

    Args:
        name: one of `engine.benchmark.suite.SUITES`.
        config: dataset, weights, classes, device and the settings that all sides start from; see
            `with_detectors` on its detectors.
        scale: one of `engine.benchmark.suite.SCALES`.
        report: called with each line of progress.
        seconds: time for generating patches, overriding the scale's.
        seeds: runs of each side in suites of strength, overriding the scale's.
        out: a file to which the result is also written.
        trust: open the weights even if their pickle could run code.
        fresh: measure everything again.
        keep_finished: return the stored result of such a run if it is finished, unless `fresh`.
        job_id: the job that this run belongs to.
        progress: called with the number of finished parts and of all parts.
        stop_requested: polled at each line of progress; True interrupts the run.

    Returns:
        Question, answer, comparisons, measurements, settings, machine; see `benchmark_history.result_of`.

    Raises:
        RunInterruptedError: a stop was requested or Ctrl-C pressed; finished parts are kept.
        EngineError: any other failure, in one line; finished parts are kept.
    """
    require_choice("scale", scale, SCALES)
    config = with_detectors(name, config)
    work = _work(scale, seconds, seeds)
    seed_everything(config.seed)
    materials = gather(config, trust=trust)
    subject = _subject(config, materials, trust)
    machine = hardware.snapshot().to_json()
    key = BenchmarkKey(
        suite=name,
        scale=scale,
        device=str(materials.detector.device),
        machine=_model(materials.detector.device, machine),
        detector=materials.attacked.name,
        dataset=materials.dataset.name,
        code_version=code_version(),
        settings={"config": config.to_json(), "seconds": seconds, "seeds": seeds},
    )
    with Repository() as repository:
        run = repository.benchmarks.finished(key) if keep_finished and not fresh else None
        if run is None:
            classes = materials.classes.to_json()
            facts = {"dataset": _dataset_facts(materials), "classes": classes, "machine": machine}
            run = repository.benchmarks.begin(key, facts=facts, job_id=job_id, fresh=fresh)
            stoppable = partial(_report_or_stop, report, stop_requested, name)
            parts = {key: partial(measure, subject, work) for key, measure in SUITES[name].parts.items()}
            run = _finished(repository.benchmarks, run, SUITES[name], parts, stoppable, progress)
        else:
            report(f"{name} has already been measured by this version with these settings")
    result = result_of(run)
    if out is not None:
        with shared_outside_home(out):
            write_result(out, result)
    return result


def run_all(
    config: RunConfig, *, scale: str, report: Report, names: Sequence[str] = (), **options: Any
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Run every suite, keeping finished ones and continuing after failures.

    Args:
        config, scale, report, options: passed to `run_suite`.
        names: the suites to run; empty for all that the detectors are enough for, where those of one
            detector take the first.

    Returns:
        The results in the suites' order, and suite → error of those that failed.

    Raises:
        RunInterruptedError: a stop was requested; the same call resumes.
    """
    results, failures = [], {}
    for name in names or SUITES:
        chosen = config if names else for_all(name, config)
        if chosen is None:
            report(f"Suite {name}: skipped, as it needs more detectors")
            continue
        report(f"Suite {name}")
        try:
            results.append(run_suite(name, chosen, scale=scale, report=report, keep_finished=True, **options))
        except RunInterruptedError:
            raise
        except Exception as error:  # a failing suite must not cost the results of the others
            line = " ".join(str(error).split())
            failures[name] = line if isinstance(error, EngineError) else f"{type(error).__name__}: {line}"
            report(f"{name} failed: {failures[name]}")
    return results, failures


def _finished(
    benchmarks: Benchmarks,
    run: BenchmarkRun,
    suite: Suite,
    parts: Mapping[str, Callable[[Report], Sequence[Row]]],
    report: Report,
    progress: Advance,
) -> BenchmarkRun:
    """Measure the missing parts, then answer from all of them."""
    left_out = () if run.device.startswith("cuda") else suite.needs_cuda
    todo = [key for key in parts if key not in left_out]
    done = set(benchmarks.done_parts(run.id))
    try:
        for number, key in enumerate(todo):
            progress(number, len(todo))
            report(f"{key}: already measured" if key in done else key)
            if key not in done:
                benchmarks.add_part(run, key, parts[key](report))
        progress(len(todo), len(todo))
        answer = headline(suite.name, benchmarks.get(run.id).comparisons)
    except KeyboardInterrupt as error:
        benchmarks.interrupt(run)
        raise RunInterruptedError(_stopped(run.suite)) from error
    except BaseException:
        benchmarks.interrupt(run)
        raise
    return benchmarks.finish(run, answer, left_out)


def _work(scale: str, seconds: float | None, seeds: int | None) -> Scale:
    work = SCALES[scale]
    if seconds is not None:
        work = replace(work, seconds=seconds, compared_s=seconds)
    return work if seeds is None else replace(work, seeds=seeds, strength_seeds=seeds)


def _report_or_stop(report: Report, stop_requested: Callable[[], bool], suite: str, line: str) -> None:
    report(line)
    if stop_requested():
        raise RunInterruptedError(_stopped(suite))


def _stopped(suite: str) -> str:
    return f"stopped in the suite {suite}; its finished parts are kept, run it again to continue"


def _subject(config: RunConfig, materials: Materials, trust: bool) -> Subject:
    unfused = gather(config, trust=trust, fuse=False)
    undefended = gather(config.changed(defences=()), trust=trust).by_detector() if config.defences else ()
    first, *further = (
        Subject(
            detector=each.detector,
            undefended=plain.detector if plain else None,
            unfused=bare.detector,
            class_id=each.class_id,
            records=each.records,
            config=config,
            trust=trust,
            unseen=partial(_unseen, each),
            train=partial(trained, trust=trust),
            readers=readers(each.dataset),
        )
        for each, bare, plain in zip_longest(materials.by_detector(), unfused.by_detector(), undefended)
    )
    return replace(first, further=further)


def _unseen(materials: Materials, report: Report) -> list[ImageRecord]:
    """Scenes like the demo's that no run sees, drawn once; none for other datasets."""
    if not materials.dataset.synthetic or materials.dataset.name != "demo":
        return []

    def progress(done: int, total: int) -> None:
        if done % 50 == 0:
            report(f"Drew {done} of {total} scenes for scoring patches")

    classes = materials.classes
    scenes = demo_dataset("test", report=progress).images
    return [of_classes(scene, classes.dataset_ids, classes.detector_id) for scene in scenes]


def _dataset_facts(materials: Materials) -> dict[str, Any]:
    dataset = materials.dataset
    return {"name": dataset.name, "synthetic": dataset.synthetic, "images": len(materials.records)}


def _model(device: torch.device, machine: dict[str, Any]) -> str:
    """The device's model name, which identifies the machine."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(machine["cpu_model"])
