# SPDX-License-Identifier: AGPL-3.0-only
"""The suite of memory: the peak by batch size, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from engine.benchmark.subject import Subject
from engine.benchmark.suite import Answer, Report, Scale, exactly
from engine.errors import EngineError
from engine.records import Measurement

__all__ = ["memory"]


def memory(subject: Subject, scale: Scale, report: Report) -> Answer:
    """Peak memory by batch size, each in a process of its own through the command line."""
    rows = []
    for view, view_size in (("views", subject.config.view_size), ("whole images", 0)):
        for size in scale.batch_sizes:
            summary = _generate_in_process(subject, size, view_size)
            rows.append(
                Measurement(
                    side=f"{view}, batch {size}",
                    figure=exactly(float(summary["peak_memory_bytes"])),
                    unit="bytes",
                    settings={"view_size": view_size, "batch_size": size, "device": str(summary["device"])},
                )
            )
            report(f"{view}, batch {size}: {rows[-1].figure.value / 2**20:.0f} MiB")
    largest = rows[-1]
    return rows, f"A run over {largest.side} takes {largest.figure.value / 2**30:.2f} GiB at the most."


def _generate_in_process(subject: Subject, batch_size: int, view_size: int) -> dict[str, Any]:
    config = subject.config
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "engine", "--quiet", "patch", "generate", "--json", "--no-evaluate"),
            *("--dataset", config.dataset, "--weights", config.weights, "--class", config.class_name),
            *("--device", config.device, "--precision", config.precision, "--iterations", "2"),
            *("--batch-size", str(batch_size), "--view-size", str(view_size)),
            *("--image-size", str(config.image_size), "--out", str(Path(folder) / "run")),
        ]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise EngineError(finished.stderr.strip().splitlines()[-1].removeprefix("Error: "))
    return dict(json.loads(finished.stdout))
