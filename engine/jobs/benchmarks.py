# SPDX-License-Identifier: AGPL-3.0-only
"""Runs a benchmark suite by name and keeps what it measured with the machine that it was measured on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine import __version__, hardware
from engine.benchmark.subject import Subject
from engine.benchmark.suite import SCALES, Report
from engine.benchmark.suites import SUITES
from engine.config import RunConfig, require_choice
from engine.jobs.materials import gather
from engine.patch.files import write_atomically
from engine.seeding import seed_everything

__all__ = ["run_suite"]


def run_suite(
    name: str,
    config: RunConfig,
    *,
    scale: str,
    report: Report,
    seconds: float | None = None,
    out: Path | None = None,
    trust: bool = False,
) -> dict[str, Any]:
    """Run one suite.

    Args:
        name: one of `engine.benchmark.suites.SUITES`.
        config: dataset, weights, class, device and the settings that the sides start from.
        scale: one of `engine.benchmark.suite.SCALES`.
        report: told what goes on, a line at a time.
        seconds: of generation, in place of the scale's.
        out: a file to write the result to as well.
        trust: open the weights whatever their pickle names.

    Returns:
        Question, answer, measurements, settings and machine, as JSON has them.

    Raises:
        EngineError: whatever went wrong, in one line.
    """
    require_choice("suite", name, SUITES)
    require_choice("scale", scale, SCALES)
    suite, work = SUITES[name], SCALES[scale]
    if seconds is not None:
        work = replace(work, seconds=seconds)
    seed_everything(config.seed)
    materials = gather(config, trust=trust)
    subject = Subject(
        detector=materials.detector,
        unfused=gather(config, trust=trust, fuse=False).detector,
        class_id=materials.class_id,
        records=materials.records,
        config=config,
    )
    measurements, answer = suite.measure(subject, work, report)
    result = {
        "suite": name,
        "question": suite.question,
        "answer": answer,
        "measurements": [measurement.to_json() for measurement in measurements],
        "scale": scale,
        "patchbench": __version__,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "dataset": {
            "name": materials.dataset.name,
            "synthetic": materials.dataset.synthetic,
            "images": len(materials.records),
        },
        "detector": materials.detector.name,
        "device": str(materials.detector.device),
        "config": config.to_json(),
        "machine": hardware.snapshot().to_json(),
    }
    if out is not None:
        text = json.dumps(result, indent=2, allow_nan=False) + "\n"
        write_atomically(out, lambda file: file.write(text.encode()))
    return result
