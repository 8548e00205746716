# SPDX-License-Identifier: AGPL-3.0-only
"""Commands that work in the foreground: their record, and settings beside --resume."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click
import pytest

from engine.cli.foreground import put_on_record, refuse_settings_with
from engine.errors import StorageError
from engine.store.repository import Repository


@click.command()
@click.option("--resume", "resume_folder", type=click.Path(path_type=Path))
@click.option("--seed", default=0)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def command(context: click.Context, resume_folder: Path | None, **_: Any) -> None:
    refuse_settings_with(resume_folder, context)


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        ([], False),
        (["--seed", "1"], False),
        (["--resume", "x", "--json"], False),
        (["--resume", "x", "--seed", "0"], True),
    ],
)
def test_settings_beside_resume_are_refused(arguments: list[str], refused: bool) -> None:
    if not refused:
        command.main(arguments, standalone_mode=False)
        return
    with pytest.raises(click.UsageError, match="as the run keeps its own, got --seed; leave it out"):
        command.main(arguments, standalone_mode=False)


def test_what_cannot_be_put_on_record_is_only_told(caplog: pytest.LogCaptureFixture) -> None:
    def fail(repository: Repository) -> Any:
        raise StorageError("no room")

    with caplog.at_level(logging.INFO):
        put_on_record(fail)
        put_on_record(
            lambda repository: repository.jobs.add_finished(
                kind="train",
                label="",
                request={},
                device="cpu",
                seed=0,
                code_version="",
                elapsed_s=1,
                result={},
            )
        )
    assert caplog.messages == ["Not recorded: no room", "Recorded as job 1"]
