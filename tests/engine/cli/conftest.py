# SPDX-License-Identifier: AGPL-3.0-only
"""The command line, called within this process, and a run small enough to be called often."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main
from tests.engine.tiny import IMAGE_SIZE


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of an error, which is all there is."""
        lines = self.err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("Error: ")
        assert not self.out
        return lines[0]


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Call a command; its exit code, standard output and standard error."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    yield call
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def subject(blocks: Path, tiny_weights: Path) -> list[object]:
    """The options of `generate` and `evaluate` that name what is attacked."""
    return ["--dataset", blocks, "--weights", tiny_weights, "--image-size", IMAGE_SIZE, "--device", "cpu"]


@pytest.fixture
def small(subject: list[object]) -> list[object]:
    """The options of a run that takes a fraction of a second."""
    sizes = ["--iterations", 3, "--batch-size", 2, "--patch-size", 16, "--view-size", 0]
    return [*subject, *sizes, "--validation-share", 0, "--no-evaluate"]
