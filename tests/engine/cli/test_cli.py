# SPDX-License-Identifier: AGPL-3.0-only
"""The whole command line: help everywhere, one line an error, exit codes."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from engine import __version__
from engine.cli import cli
from engine.cli import datasets as datasets_commands
from engine.errors import RunInterruptedError


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands(cli))
WITHOUT_RESULT = {("worker",), ("previewer",)}  # they go on until they are told to stop


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_helps(run, path: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        shown = run(*path, flag)
        assert (shown.code, shown.err) == (0, "")
        assert shown.out.startswith(f"Usage: python -m engine {' '.join(path)}")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_everything_is_explained(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    unexplained = [
        option.opts
        for option in command.params
        if isinstance(option, click.Option) and not option.help and option.name != "help"
    ]
    assert not unexplained


def test_every_result_can_be_had_as_json() -> None:
    for path, command in COMMANDS.items():
        if not isinstance(command, click.Group) and path not in WITHOUT_RESULT:
            assert "as_json" in {option.name for option in command.params}, path


@pytest.mark.parametrize("arguments", [[], ["dataset"], ["patch"], ["benchmark"]])
def test_without_a_command_help_is_shown(run, arguments: list[str]) -> None:
    shown = run(*arguments)
    assert (shown.code, shown.out) == (1, "")
    assert shown.err.startswith("Usage: python -m engine")


def test_the_version(run) -> None:
    assert run("--version").out == f"PatchBench, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'."),
        (["dataset", "list", "--nonsense"], "No such option"),
        (["dataset", "show"], "Missing argument 'NAME'."),
        (["patch", "evaluate"], "Missing option '--patch'."),
    ],
)
def test_wrong_commands_are_told_in_one_line(run, arguments: list[str], message: str) -> None:
    told = run(*arguments)
    assert told.code == 1
    assert told.error.startswith(f"Error: {message}")


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (RunInterruptedError("stopped;\n  continue"), 130, "Error: stopped; continue"),
        (KeyboardInterrupt(), 130, "Error: interrupted"),
        (click.Abort(), 130, "Error: interrupted"),
    ],
)
def test_interruptions(
    run, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, line: str
) -> None:
    def fail(*arguments, **options):
        raise raised

    monkeypatch.setattr(datasets_commands, "Repository", fail)
    told = run("dataset", "list")
    assert (told.code, told.err.strip()) == (code, line)  # click ends the line that shows ^C


def test_what_nobody_foresaw_is_one_line_and_a_report(
    run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(datasets_commands, "Repository", lambda: 1 / 0)
    told = run("dataset", "list")
    (report,) = tmp_path.glob("patchbench-error-*.txt")
    assert told.code == 1
    assert told.error == f"Error: ZeroDivisionError: division by zero; this is a bug, report it with {report}"
    assert "Traceback" in report.read_text()


def test_the_module_is_a_program(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "engine", "dataset", "show", "none"],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "Error: dataset 'none': expected an imported dataset (none); import it first\n"


def program(
    *arguments: object, stdout: int = subprocess.PIPE, encoding: str = "utf-8"
) -> tuple[int, bytes, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "engine", *map(str, arguments)],
        cwd=Path(__file__).resolve().parents[3],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )
    return ran.returncode, ran.stdout or b"", ran.stderr.decode(encoding)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_result_that_cannot_be_written_is_told_though_the_work_is_done(run, blocks: Path) -> None:
    with open("/dev/full", "wb") as full:
        code, _, told = program("dataset", "import", blocks, "--name", "stored", stdout=full.fileno())
    assert (code, told) == (
        1,
        "Error: standard output: expected to write the result to it, got No space left on device; "
        "the work is done and saved, only the output is missing: redirect it elsewhere\n",
    )
    assert [each["name"] for each in run("dataset", "list", "--json").json] == ["stored"]


def test_a_reader_that_goes_early_is_met_with_silence(run, blocks: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    code, _, told = program("dataset", "import", blocks, "--name", "stored", stdout=write)
    os.close(write)
    assert (code, told) == (1, "")
    assert [each["name"] for each in run("dataset", "list", "--json").json] == ["stored"]


@pytest.mark.parametrize("encoding", ["cp949", "latin-1"])
def test_terminals_show_what_they_can(run, blocks: Path, encoding: str) -> None:
    """Table, message and JSON; JSON stays JSON."""
    run("dataset", "import", blocks, "--name", "é…한")
    code, out, told = program("dataset", "show", "é…한", encoding=encoding)
    assert (code, told) == (0, "")
    assert out.splitlines()[0] == "é…한: 6 images, 8 objects".encode(encoding, "backslashreplace")
    code, out, _ = program("dataset", "list", "--json", encoding=encoding)
    assert [each["name"] for each in json.loads(out)] == ["é…한"]
    code, _, told = program("dataset", "show", "né…한", encoding=encoding)
    assert code == 1
    assert told == "Error: dataset 'né…한': expected an imported dataset (é…한); import it first\n".encode(
        encoding, "backslashreplace"
    ).decode(encoding)


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (errno.ENOSPC, "/some/file: expected to write the file, got the disk is full ("),
        (errno.EIO, "OSError: [Errno 5] Input/output error: '/some/file'; this is a bug, report it with "),
    ],
)
def test_what_the_system_refuses_is_one_line(
    run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, line: str
) -> None:
    def fail() -> None:
        raise OSError(number, os.strerror(number), "/some/file")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(datasets_commands, "Repository", fail)
    told = run("dataset", "list")
    assert told.code == 1
    assert told.error.startswith(f"Error: {line}")


def test_a_report_that_cannot_be_kept_is_no_second_failure(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/none")
    monkeypatch.setattr(datasets_commands, "Repository", lambda: 1 / 0)
    assert run("dataset", "list").error == (
        "Error: ZeroDivisionError: division by zero; this is a bug, "
        "report it (its traceback could not be saved: No such file or directory)"
    )
