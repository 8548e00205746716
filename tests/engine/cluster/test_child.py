# SPDX-License-Identifier: AGPL-3.0-only
"""A job's process on a node asks along its line, one question after the other."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from engine.cluster.child import LedgerAtHead, LineToHead
from engine.errors import JobError
from engine.records import Progress
from tests.engine.cluster.test_placing import job

Answer = Callable[[str, tuple, dict], tuple[str, Any]]


class LostError(Exception):
    """Stands for the end of the process."""


def lose() -> None:
    raise LostError


@pytest.fixture
def connect() -> Iterator[Callable[[Answer], LineToHead]]:
    ours: list[Connection] = []

    def connected(answer: Answer) -> LineToHead:
        here, there = Pipe()
        ours.append(here)

        def serve() -> None:
            try:
                while True:
                    there.send_bytes(pickle.dumps(answer(*pickle.loads(there.recv_bytes()))))
            except EOFError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        return LineToHead(here, lose)

    yield connected
    for each in ours:
        each.close()


def test_questions_and_answers(connect: Callable[[Answer], LineToHead]) -> None:
    asked: list[tuple] = []

    def answer(name: str, values: tuple, named: dict) -> tuple[str, Any]:
        asked.append((name, values, named))
        return "value", (job(1), "/head/home") if name == "job" else {"/a": "/copies/a"}

    line = connect(answer)
    assert (line.job().id, line.home) == (1, Path("/head/home"))
    assert line.files(["/a"]) == {"/a": "/copies/a"}
    line.stored("patches", "find", limit=1)
    ledger = LedgerAtHead(line, 1, lambda: True)
    assert (ledger.job_id, ledger.stop_requested()) == (1, True)
    ledger.report(Progress(), steps=iter(()), forget_after=2)
    ledger.succeed({"a": 1})
    assert asked[2:] == [
        ("stored", ("patches", "find"), {"limit": 1}),
        ("report", ("report", Progress()), {"steps": [], "forget_after": 2}),
        ("report", ("succeed", {"a": 1}), {}),
    ]


def test_errors_are_raised_and_a_lost_attempt_ends(connect: Callable[[Answer], LineToHead]) -> None:
    states = iter([("error", JobError("job 1: no")), ("lost", None)])
    ledger = LedgerAtHead(connect(lambda name, values, named: next(states)), 1, lambda: False)
    with pytest.raises(JobError, match="job 1: no"):
        ledger.checkpointed()
    with pytest.raises(LostError):
        ledger.validated(1, {"asr": 0.1}, {"asr": (0.0, 0.2)})
