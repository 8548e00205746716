# SPDX-License-Identifier: AGPL-3.0-only
"""`benchmark list`, `run`, `history`, `compare` and `report`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from engine.benchmark.report import COLUMNS, FIGURES, main_table
from engine.benchmark.suite import SUITES
from engine.benchmark.wording import comparison_row, figure_text, label, measurement_row, shown_unit
from engine.cli.output import json_option, print_classes, print_json, print_table
from engine.cli.run_options import config_from_options, suite_options
from engine.config import RunConfig
from engine.errors import EngineError
from engine.jobs.benchmark_history import compare, latest_runs, result_of, two_runs
from engine.jobs.benchmark_reports import read_results, write_report
from engine.measurements import Comparison, Measurement
from engine.private import shared_outside_home
from engine.settings import require_choice
from engine.store.repository import Repository

REPORT_FOLDER = Path("docs/benchmarks")


@click.group("benchmark")
def benchmark_group() -> None:
    """Measure speed, memory use and attack strength on this machine."""


@benchmark_group.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the suites and the questions that they answer."""
    questions = {suite.name: suite.question for suite in SUITES.things()}
    if as_json:
        print_json(questions)
        return
    for name, question in questions.items():
        click.echo(f"{name:12} {question}")


@benchmark_group.command("run")
@click.argument("suite")
@suite_options
@click.option("--fresh", is_flag=True, help="Measure everything again instead of reusing earlier results.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Also write the result to this JSON file; with `all`, the report folder. By default, nothing "
    "is written.",
)
@json_option
def run_command(
    suite: str,
    scale: str,
    seconds: float | None,
    seeds: int | None,
    fresh: bool,
    out: Path | None,
    trust_weights: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run SUITE, or all, on a dataset and a detector (by default the synthetic demo).

    Patch settings apply to all sides of a suite, except those that it varies itself. An interrupted run
    resumes where it stopped. `run all` skips suites that this version has already measured with these
    settings.

    The suite transfer accepts --weights several times: it attacks the first two detectors and scores on all.
    With demo alone, it uses the embedded detectors.
    """
    options["dataset"], options["weights"] = options["dataset"] or "demo", options["weights"] or "demo"
    config = config_from_options(options, several=True)
    arguments: dict[str, Any] = {"scale": scale, "seconds": seconds, "seeds": seeds}
    arguments |= {"fresh": fresh, "trust": trust_weights}
    if suite == "all":
        _run_all(config, out, as_json, arguments)
        return
    from engine.jobs.benchmarks import run_suite

    result = run_suite(suite, config, out=out, report=_report, **arguments)
    if as_json:
        print_json(result)
        return
    _print_result(result)
    print_classes(result)
    click.echo(f"\n{result['answer']}")


@benchmark_group.command("history")
@click.argument("suite", required=False)
@click.option("--device", help="Only runs on this device, such as cpu or cuda:0.")
@click.option("--detector", help="Only runs with this detector.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Only runs started on or after this day (UTC)."
)
@click.option("--limit", default=30, help="Maximum number to show.")
@json_option
def history_command(
    suite: str | None,
    device: str | None,
    detector: str | None,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the runs of SUITE, or of all suites, newest first."""
    begun = None if since is None else since.replace(tzinfo=UTC).timestamp()
    with Repository() as repository:
        runs = repository.benchmarks.find(
            suite=suite, device=device, detector=detector, since=begun, limit=limit
        )
    rows = [
        {
            "id": run.id,
            "suite": run.suite,
            "scale": run.scale,
            "state": run.state,
            "device": run.device,
            "detector": run.detector,
            "dataset": run.dataset,
            "version": run.code_version,
            "begun": datetime.fromtimestamp(run.started_at, UTC).isoformat(" ", timespec="seconds"),
        }
        for run in runs
    ]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        click.echo("No benchmark runs yet; try: benchmark run floor", err=True)


@benchmark_group.command("compare")
@click.argument("suite")
@click.option(
    "--from", "before", help="The earlier version or commit, or a prefix of it. [default: the previous one]"
)
@click.option("--to", "after", help="The later version or commit. [default: that of the latest run]")
@click.option(
    "--ids", type=int, nargs=2, help="Compare two runs by their numbers in `benchmark history` instead."
)
@json_option
def compare_command(
    suite: str, before: str | None, after: str | None, ids: tuple[int, int] | None, as_json: bool
) -> None:
    """Compare the results of SUITE between two versions of the code, and tell changes from noise."""
    require_choice("suite", suite, SUITES)
    with Repository() as repository:
        if ids:
            first, last = map(repository.benchmarks.get, ids)
        else:
            first, last = two_runs(repository, suite, before=before, after=after)
    changes = compare(first, last)
    if as_json:
        print_json(
            {
                "suite": first.suite,
                "before": {"id": first.id, "version": first.code_version},
                "after": {"id": last.id, "version": last.code_version},
                "changes": [change.to_json() for change in changes],
            }
        )
        return
    verdicts = {True: "yes", False: "no", None: "unknown"}
    rows = []
    for change in changes:
        unit, factor = shown_unit(change.after.metric)
        rows.append(
            [
                label(change.after.side),
                figure_text(change.before.figure, factor),
                figure_text(change.after.figure, factor),
                unit,
                "-" if change.relative is None else f"{change.relative:+.1%}",
                verdicts[change.beyond_noise],
            ]
        )
    titles = [first.suite, first.code_version, last.code_version, "unit", "change", "beyond noise"]
    print_table(titles, rows)


@benchmark_group.command("report")
@click.option("--out", type=click.Path(path_type=Path), default=REPORT_FOLDER, help="The report folder.")
@click.option("--latest", is_flag=True, help="First add the latest finished run of each suite.")
@click.option("--table", is_flag=True, help="Print only the main table, as Markdown; write no files.")
@json_option
def report_command(out: Path, latest: bool, table: bool, as_json: bool) -> None:
    """Write a report (Markdown, and HTML with charts) from the results in the report folder."""
    if table:
        kept = read_results(out)
        if as_json:
            print_json({result["suite"]: result["answer"] for result in kept})
        else:
            click.echo(main_table(kept))
        return
    results = []
    if latest:
        with Repository() as repository:
            results = [result_of(run) for run in latest_runs(repository)]
    written = _write_report(out, results)
    if as_json:
        print_json({"written": written})


def _run_all(config: RunConfig, out: Path | None, as_json: bool, arguments: dict[str, Any]) -> None:
    from engine.jobs.benchmarks import run_all

    results, failures = run_all(config, report=_report, **arguments)
    if out is not None:
        _write_report(out, results)
    if as_json:
        print_json({"results": results, "failures": failures})
    else:
        click.echo(main_table(results))
    if failures:
        errors = "; ".join(f"{name}: {error}" for name, error in failures.items())
        raise EngineError(f"benchmark: expected every suite to finish, {len(failures)} failed: {errors}")


def _write_report(out: Path, results: list[dict[str, Any]]) -> list[str]:
    with shared_outside_home(out):
        written = [str(path) for path in write_report(out, results)]
    for path in written:
        click.echo(f"Written: {path}", err=True)
    return written


def _report(line: str) -> None:
    click.echo(line, err=True)


def _print_result(result: dict[str, Any]) -> None:
    measurements = [Measurement.from_json(each) for each in result["measurements"]]
    print_table([*FIGURES], [[*measurement_row(each)] for each in measurements])
    comparisons = [Comparison.from_json(each) for each in result["comparisons"]]
    click.echo("")
    print_table([*COLUMNS], [[*comparison_row(result["suite"], each)] for each in comparisons])
    if result["left_out"]:
        click.echo(f"Not measured here (requires CUDA): {', '.join(result['left_out'])}.")
