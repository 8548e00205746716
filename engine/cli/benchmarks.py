# SPDX-License-Identifier: AGPL-3.0-only
"""`benchmark list` and `benchmark run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engine.cli.output import json_option, print_json, print_table
from engine.cli.run_options import config_from_options, subject_options
from engine.config import RunConfig

__all__ = ["benchmark_group"]


@click.group("benchmark")
def benchmark_group() -> None:
    """Measure what the engine costs and reaches on this machine."""


@benchmark_group.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the suites and the questions that they answer."""
    from engine.benchmark.suites import SUITES

    questions = {name: suite.question for name, suite in SUITES.items()}
    if as_json:
        print_json(questions)
        return
    for name, question in questions.items():
        click.echo(f"{name:10} {question}")


@benchmark_group.command("run")
@click.argument("suite")
@subject_options
@click.option(
    "--scale",
    type=click.Choice(["small", "medium", "large"]),
    default="small",
    help="How much work: rounds, images a round, seconds of generation.",
)
@click.option(
    "--batch-size", default=RunConfig.batch_size, help="Images a batch, where the suite does not vary it."
)
@click.option("--seconds", type=float, help="Of generation, in place of the scale's.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the result there too, as JSON.")
@json_option
def run_command(
    suite: str,
    scale: str,
    seconds: float | None,
    out: Path | None,
    trust_weights: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run SUITE on a dataset and a detector (by default the synthetic demo): sides in turn, medians."""
    options["dataset"], options["weights"] = options["dataset"] or "demo", options["weights"] or "demo"
    config = config_from_options(options)
    from engine.jobs.benchmarks import run_suite

    result = run_suite(
        suite,
        config,
        scale=scale,
        seconds=seconds,
        out=out,
        trust=trust_weights,
        report=lambda line: click.echo(line, err=True),
    )
    if as_json:
        print_json(result)
        return
    rows = [
        [
            _name(row),
            f"{row['value']:.4g}",
            f"{row['low']:.4g} to {row['high']:.4g}",
            row["unit"],
        ]
        for row in result["measurements"]
    ]
    print_table([result["question"], "median", "95% interval", "unit"], rows)
    click.echo(f"\n{result['answer']}")


def _name(row: dict[str, Any]) -> str:
    """The side, with what tells it from another of the same name."""
    view = row["settings"].get("view")
    return f"{row['side']} ({view})" if view else str(row["side"])
