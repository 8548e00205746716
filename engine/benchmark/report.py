# SPDX-License-Identifier: AGPL-3.0-only
"""Words a report of benchmark results: a main table, Markdown, and one HTML page that holds all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from engine.benchmark.catalogue import CATALOGUE, NO_CLAIM
from engine.benchmark.wording import figure_text, readable, side_name
from engine.classes import recorded_words

Result = Mapping[str, Any]
Charts = Mapping[str, Sequence[str]]

COLUMNS = ("side", "median", "95% interval", "unit", "claimed")
INTRODUCTION = (
    "Sides are measured in turn within one run, the first round is discarded; figures are medians with 95% "
    "bootstrap intervals over rounds."
)
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.9rem; }
th, td { border: 1px solid #bbb; padding: 0.2rem 0.6rem; text-align: left; }
svg { max-width: 100%; height: auto; background: #fff; }
"""


def main_table(results: Sequence[Result]) -> str:
    """Suite, question and answer as a Markdown table."""
    rows = [(f"`{each['suite']}`", each["question"], each["answer"]) for each in results]
    return _markdown_table(("suite", "question", "answer"), rows)


def chart_file(suite: str, number: int) -> str:
    """The name of a suite's chart beside the Markdown; numbers from 1."""
    return f"{suite}-{number}.svg"


def markdown(results: Sequence[Result], charts: Charts) -> str:
    """The whole report; charts are files beside it, named by `chart_file`.

    Args:
        results: as `benchmark_history.result_of` has them.
        charts: suite → its charts as SVG.
    """
    parts = ["# Benchmarks", INTRODUCTION, main_table(results)]
    for each in results:
        parts += [f"## {each['suite']}: {each['question']}", *(f"**{k}**: {v}" for k, v in _facts(each))]
        numbers = range(1, len(charts.get(each["suite"], ())) + 1)
        parts += [f"![{each['question']}]({chart_file(each['suite'], number)})" for number in numbers]
        parts += [_markdown_table(COLUMNS, _rows(each))]
    return "\n\n".join(parts) + "\n"


def html_page(results: Sequence[Result], charts: Charts) -> str:
    """The same as one page that needs no other file; see `markdown`."""
    answers = [(each["suite"], each["question"], each["answer"]) for each in results]
    body = [
        "<h1>Benchmarks</h1>",
        f"<p>{escape(INTRODUCTION)}</p>",
        _html_table(("suite", "question", "answer"), answers),
    ]
    for each in results:
        body.append(f"<h2>{escape(each['suite'])}: {escape(each['question'])}</h2>")
        body += [f"<p><strong>{escape(k)}</strong>: {escape(v)}</p>" for k, v in _facts(each)]
        body += charts.get(each["suite"], ())
        body.append(_html_table(COLUMNS, _rows(each)))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>PatchBench benchmarks</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _facts(result: Result) -> list[tuple[str, str]]:
    """What is told of a suite beside its figures."""
    about, config, machine = CATALOGUE.get(result["suite"]), result["config"], result["machine"]
    claim, on_cuda = (about.claim, about.on_cuda) if about else (NO_CLAIM, "")
    facts = [("Answer", result["answer"]), ("Claim", claim)]
    if on_cuda and not result["device"].startswith("cuda"):
        facts.append(("Not measured here, for it needs CUDA", on_cuda))
    dataset = result["dataset"]
    drawn = ", synthetic" if dataset["synthetic"] else ""
    gpus = ", ".join(gpu["name"] or "unknown GPU" for gpu in machine["gpus"]) or "no GPU"
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return [
        *facts,
        (
            "Subject",
            f"detector {result['detector']}, dataset {dataset['name']} ({dataset['images']} images{drawn}), "
            f"class {recorded_words(result)}, {config['image_size']} px",
        ),
        (
            "Settings",
            f"scale {result['scale']}, batch size {config['batch_size']}, views of {config['view_size']} px, "
            f"patch of {config['patch_width']}x{config['patch_height']} texels, precision "
            f"{config['precision']}, seed {config['seed']}",
        ),
        (
            "Machine",
            f"{result['device']}; {machine['cpu_model']}, {machine['cpu_threads']} threads, {gpus}, "
            f"{machine['memory_total_bytes'] / 2**30:.0f} GiB memory",
        ),
        ("Versions", f"PatchBench {result['patchbench']}, Python {machine['python_version']}, {versions}"),
        ("Measured at", result["measured_at"]),
    ]


def _rows(result: Result) -> list[tuple[str, ...]]:
    return [
        (
            side_name(row),
            figure_text(row["value"]),
            f"{figure_text(row['low'])} to {figure_text(row['high'])}",
            row["unit"],
            figure_text(row["claimed"]),
        )
        for row in map(readable, result["measurements"])
    ]


def _markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [[" ".join(cell.replace("|", "\\|").split()) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(columns), ["---"] * len(columns), *cells])


def _html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"
