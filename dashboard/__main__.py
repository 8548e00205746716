# SPDX-License-Identifier: AGPL-3.0-only
"""`python -m dashboard`: start a worker if none is alive and serve the pages; `report`: write a report."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

import click

from dashboard.listening import HostCheck, answered_hosts, require_free, shown_address
from dashboard.page_scripts import WithScripts
from engine.config import home_folder
from engine.disk import why_unwritable, write_whole
from engine.errors import EngineError
from engine.private import private_home, shared_outside_home
from engine.terminal import lenient_streams

APP = Path(__file__).with_name("app.py")


@click.group("dashboard", invoke_without_command=True)
@click.pass_context
@click.option(
    "--port", default=8501, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on."
)
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--worker/--no-worker", default=True, help="Start a worker if none is running.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Another host name to accept, such as a proxy's.",
)
def main(context: click.Context, port: int, address: str, worker: bool, hosts: tuple[str, ...]) -> None:
    """Serve the PatchBench dashboard, or write a report without it."""
    lenient_streams()
    context.with_resource(private_home())
    if context.invoked_subcommand is not None:
        return
    try:
        answered = answered_hosts(address, hosts)
        require_free(address, port)
        if worker:
            _start_worker()
        _log_to_file()
    except EngineError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        why = why_unwritable(home_folder(), error, "choose another PATCHBENCH_HOME")
        raise click.ClickException(f"{home_folder()}: expected a writable folder, got {why}") from error
    click.echo(f"PatchBench: {shown_address(address, port)} (Ctrl-C stops the dashboard; jobs continue)")
    _serve(port, address, answered)


@main.command("report")
@click.option("--jobs", required=True, help="Job numbers of finished generations, such as 1,2.")
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The HTML file to write."
)
@click.option(
    "--language",
    default="en",
    show_default=True,
    type=click.Choice(["en", "ko"]),
    help="Language of the report.",
)
def report(jobs: str, out: Path, language: str) -> None:
    """Write an HTML report of one run, or a comparison of several."""
    from streamlit.logger import set_log_level

    set_log_level("ERROR")  # it warns that no session is there to remember answers for
    from dashboard.report import report_html

    try:
        text = report_html(_numbers(jobs), code=language)
        with shared_outside_home(out):
            write_whole(out, text)
    except EngineError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Wrote {out} ({len(text.encode()):,} bytes)")


def _numbers(jobs: str) -> list[int]:
    try:
        return list(dict.fromkeys(int(each) for each in jobs.split(",")))
    except ValueError:
        raise click.BadParameter(
            f"expected numbers such as 1,2, got {jobs!r}; see `python -m engine jobs list`",
            param_hint="--jobs",
        ) from None


def _start_worker() -> None:
    from engine.jobs import queue
    from engine.store.repository import Repository

    with Repository() as repository:
        queue.ensure_worker(repository)


def _log_to_file() -> None:
    """Failures that a page shows under an id are found in this file."""
    folder = home_folder()
    folder.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(folder / "dashboard.log", maxBytes=2**20, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.getLogger("dashboard").addHandler(handler)


def _serve(port: int, address: str, hosts: Sequence[str]) -> None:
    from starlette.middleware import Middleware
    from starlette.responses import RedirectResponse
    from starlette.routing import Route
    from streamlit import App

    # Streamlit knows the first page by the bare address alone; all others have a name.
    first = Route("/overview", lambda asked: RedirectResponse(f"/?{asked.url.query}".rstrip("?")))
    settings = {"server.port": port, "server.address": address, "server.allowedHosts": list(hosts)}
    # Its greeting asks a service on the internet for this machine's address.
    settings["logger.hideWelcomeMessage"] = True
    # Streamlit looks at the host of its WebSockets alone.
    app = App(APP, routes=[first], middleware=[Middleware(HostCheck, hosts=hosts), Middleware(WithScripts)])
    with suppress(KeyboardInterrupt):
        app.run(config=settings)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, or 1 for an error, shown in one line."""
    try:
        main.main(
            args=None if arguments is None else list(arguments),
            prog_name="python -m dashboard",
            standalone_mode=False,
        )
    except click.ClickException as error:
        click.echo(f"Error: {' '.join(error.format_message().split())}", err=True)
        return 1
    except click.Abort:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(run())
