# SPDX-License-Identifier: AGPL-3.0-only
"""A kind of job that counts, keeps checkpoints and loads no torch; sent to nodes with the engine's code."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import home_folder
from engine.disk import write_atomically
from engine.errors import JobError
from engine.jobs.kinds.base import Kind
from engine.jobs.kinds.request import Request
from engine.jobs.ledger import Ledger
from engine.json_text import from_json, json_text
from engine.settings import setting


@dataclass(frozen=True, kw_only=True)
class TickRequest(Request):
    """So many ticks, each so long; then the images of a dataset and a file are read, if there are any."""

    ticks: int = setting(3, "Ticks", "How many.", bounds=(0, 10_000))
    pause_s: float = setting(0.0, "Pause", "How long each takes.", bounds=(0, 10))
    dataset: str = setting("", "Dataset", "Whose images are read.")
    file: str = setting("", "File", "That is read.")
    fails: bool = setting(False, "Fails", "Fails at the end.")


class Tick(Kind[TickRequest]):
    """Counts on from its checkpoint; the value depends on all ticks in their order."""

    name = "tick"
    help = title = "Tick."
    request = TickRequest
    keeps_folder = True
    checkpoint = "checkpoint.json"

    def label(self, request: TickRequest, facts: Mapping[str, Any]) -> str:
        """Its name."""
        return "tick"

    def work(self, request: TickRequest, folder: Path, ledger: Ledger) -> dict[str, Any]:
        """Count."""
        from engine.jobs.reporting import Reporter

        reporter, kept = Reporter(ledger), folder / self.checkpoint
        began, value = from_json(kept.read_bytes()) if kept.exists() else (0, 1)
        for number in range(began, request.ticks):
            value = (value * 31 + number) % 1_000_003
            time.sleep(request.pause_s)
            _keep(kept, json_text([number + 1, value]))
            ledger.checkpointed()
            reporter.phase("ticking", number + 1, request.ticks, "ticks")
        reporter.finish()
        if request.fails:
            raise JobError("tick: expected to succeed, got no chance; ask for another")
        print(f"home {home_folder()}", flush=True)
        (folder / "note.json").write_text(json_text({"folder": str(folder)}))
        result = {"value": value, "began": began, "folder": str(folder), "pid": os.getpid()}
        return result | _read(request)


def _keep(path: Path, text: str) -> None:
    write_atomically(path, lambda file: file.write(text.encode()))


def _read(request: TickRequest) -> dict[str, Any]:
    from engine.outpost import bring, here
    from engine.runs.imports import open_dataset

    found: dict[str, Any] = {}
    if request.dataset:
        paths = [image.path for image in open_dataset(request.dataset).images]
        bring(paths)
        found["elsewhere"] = all(str(here(Path(path))) != path for path in paths)
        found["bytes"] = sum(len(here(Path(path)).read_bytes()) for path in paths)
    if request.file:
        found["text"] = here(Path(request.file)).read_text()
    return found


TICK = Tick()
