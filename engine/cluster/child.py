# SPDX-License-Identifier: AGPL-3.0-only
"""The process on a node that carries out a job and asks the head for whatever it needs."""

from __future__ import annotations

import argparse
import logging
import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engine import outpost
from engine.cluster.node import LINE
from engine.jobs.child import LOST, carry_out, end_with_worker, stop_flag
from engine.records import Dataset, Job, Progress, StepRecord
from engine.terminal import lenient_streams

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the job that the head tells."""
    parser = argparse.ArgumentParser(description="Run a job on a node, with an open connection to the head.")
    parser.add_argument("--worker-pid", type=int, required=True)
    end_with_worker(parser.parse_args(arguments).worker_pid)
    stop = stop_flag()
    lenient_streams()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr, force=True)
    head = LineToHead(Connection(int(os.environ.pop(LINE))))
    outpost.report_to(head)
    job = head.job()
    log.info("Job %d (%s), attempt %d on %s, %s", job.id, job.kind, job.attempt, job.node, job.node_device)
    return carry_out(job, LedgerAtHead(head, job.id, stop.is_set))


class LineToHead:
    """Asks the head through a connection, one question after the other; see `outpost.Head`.

    Args:
        line: to the post on this node, which hands all on.
        lost: called when the attempt no longer counts; must not return.
    """

    def __init__(self, line: Connection, lost: Callable[[], object] = lambda: os._exit(LOST)) -> None:
        self._line, self._lost, self._lock = line, lost, threading.Lock()

    def job(self) -> Job:
        """The job as claimed, on the device that it has here."""
        job, home = self._ask("job")
        self.home = Path(home)
        return job

    def files(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Have copies of files and folders made on this node."""
        return dict(self._ask("files", list(paths)))

    def dataset(self, source: str) -> Dataset:
        """A dataset, imported on the head if it was not."""
        dataset: Dataset = self._ask("dataset", source)
        return dataset

    def stored(self, part: str, method: str, *values: Any, **named: Any) -> Any:
        """Call a method of a part of the head's database."""
        return self._ask("stored", part, method, *values, **named)

    def report(self, method: str, *values: Any, **named: Any) -> Any:
        """Call a method of the job's ledger."""
        return self._ask("report", method, *values, **named)

    def _ask(self, name: str, *values: Any, **named: Any) -> Any:
        with self._lock:
            self._line.send_bytes(pickle.dumps((name, values, named)))
            state, value = pickle.loads(self._line.recv_bytes())
        if state == "lost":
            self._lost()
        if state == "error":
            raise value
        return value


class LedgerAtHead:
    """Reports to the head's ledger of a job; see `engine.jobs.ledger.Ledger`."""

    def __init__(self, head: LineToHead, job_id: int, stop_requested: Callable[[], bool]) -> None:
        self._head, self.job_id, self.stop_requested = head, job_id, stop_requested

    def report(
        self, progress: Progress, *, steps: Iterable[StepRecord] = (), forget_after: int | None = None
    ) -> None:
        """Store progress and steps."""
        self._head.report("report", progress, steps=list(steps), forget_after=forget_after)

    def last_step(self) -> int:
        """The number of the last stored step."""
        return int(self._head.report("last_step"))

    def checkpointed(self) -> None:
        """Note a checkpoint, which the head has by then."""
        self._head.report("checkpointed")

    def validated(
        self, iteration: int, scores: Mapping[str, float], ci95: Mapping[str, tuple[float, float]]
    ) -> None:
        """Store a validation."""
        self._head.report("validated", iteration, dict(scores), dict(ci95))

    def succeed(self, result: dict[str, Any]) -> None:
        """Record the result, whose files the head has by then."""
        self._head.report("succeed", result)

    def fail(self, error: str) -> None:
        """End the job with an error."""
        self._head.report("fail", error)


if __name__ == "__main__":
    sys.exit(main())
