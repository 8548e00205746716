# SPDX-License-Identifier: AGPL-3.0-only
"""The process that answers previews: keeps torch, datasets and detectors loaded, and ends when idle."""

from __future__ import annotations

import logging
import shutil
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import Any

from engine.config import RunConfig, home_folder
from engine.disk import why_unwritable
from engine.errors import EngineError, StorageError
from engine.previews.requests import only_previewer
from engine.runs.paths import preview_folder
from engine.store.previews import Preview
from engine.store.repository import Repository

IDLE_S = 15 * 60.0
POLL_S = 0.05

log = logging.getLogger(__name__)


def run_previewer(
    database: Path | None = None, *, device: str = "cpu", idle_s: float = IDLE_S, locked: bool = False
) -> int:
    """Answer previews until idle or stopped by SIGTERM; returns at once if another process does so already.

    After SIGTERM the next previewer answers the current request.

    Args:
        database: the file; None for the user's own.
        device: the detectors' device.
        idle_s: seconds without a request after which it ends.
        locked: whether the parent process has passed on its lock.

    Returns:
        The number of answered requests.

    Raises:
        StorageError: the database or PATCHBENCH_HOME cannot be used.
    """
    with nullcontext(0) if locked else only_previewer() as lock:
        if lock is None:
            log.info("Another process already renders previews.")
            return 0
        signal.signal(signal.SIGTERM, _end)
        with Repository(database) as repository:
            repository.previews.requeue()
            return _serve(repository, device, idle_s)


def _serve(repository: Repository, device: str, idle_s: float) -> int:
    # This import takes seconds and should not delay the first request.
    import engine.previews.pictures  # noqa: F401

    answered, latest = 0, time.monotonic()
    while time.monotonic() - latest < idle_s:
        preview = repository.previews.claim()
        if preview is None:
            time.sleep(POLL_S)
            continue
        _answer(repository, preview, device)
        answered, latest = answered + 1, time.monotonic()
    log.info("No requests for %.0f s: exiting.", idle_s)
    return answered


def _answer(repository: Repository, preview: Preview, device: str) -> None:
    from engine.previews.pictures import answer

    started, folder = time.perf_counter(), preview_folder(preview.key)
    try:
        _create(folder)
        if preview.request["kind"] == "costs":
            repository.previews.answer(preview.key, _costs(preview.request))
        else:
            repository.previews.answer(preview.key, answer(preview.request, folder, device=device))
    except EngineError as error:
        shutil.rmtree(folder, ignore_errors=True)
        repository.previews.fail(preview.key, str(error))
    except Exception as error:  # a bug must not end the process; the log has the traceback
        log.exception("Preview %s", preview.key)
        shutil.rmtree(folder, ignore_errors=True)
        repository.previews.fail(
            preview.key,
            f"{type(error).__name__}: {error}; this is a bug, report it with {home_folder()}/previewer.log",
        )
    log.info("%s in %.2f s", preview.request.get("kind"), time.perf_counter() - started)


def _costs(request: dict[str, Any]) -> dict[str, Any]:
    """Measure costs in a fresh process, because on a CPU the peak memory is the process's."""
    from engine.jobs.measuring import measure_costs

    config = RunConfig.from_json(request["config"])
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        cost = pool.submit(measure_costs, config, trust=request["trust"]).result()
    return {"images_per_s": cost.images_per_s, "peak_memory_bytes": cost.peak_memory_bytes}


def _create(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = why_unwritable(folder, error, "check the folder or choose another")
        raise StorageError(f"{folder}: cannot be created, {why}") from error


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
