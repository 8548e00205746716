# SPDX-License-Identifier: AGPL-3.0-only
"""Words a report of benchmark results: a main table, Markdown, and one HTML page that holds all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from engine.benchmark.suite import SUITES
from engine.benchmark.wording import comparison_row, measurement_row
from engine.classes import recorded_words
from engine.measurements import Comparison, Measurement

Result = Mapping[str, Any]
Charts = Mapping[str, str]

COLUMNS = ("side", "reference", "metric", "effect", "claimed", "outcome")
FIGURES = ("side", "figure", "unit")
INTRODUCTION = (
    "Sides are measured in turn within one run, the first round is discarded. Effects and figures are "
    "medians over rounds, or means over seeds and images, with 95% intervals in brackets."
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


def chart_file(suite: str) -> str:
    """The name of a suite's chart beside the Markdown."""
    return f"{suite}.svg"


def markdown(results: Sequence[Result], charts: Charts) -> str:
    """The whole report; charts are files beside it, named by `chart_file`.

    Args:
        results: as `benchmark_history.result_of` has them.
        charts: suite → its chart as SVG.
    """
    parts = ["# Benchmarks", INTRODUCTION, main_table(results)]
    for each in results:
        parts += [f"## {each['suite']}: {each['question']}", *(f"**{k}**: {v}" for k, v in _facts(each))]
        if each["suite"] in charts:
            parts.append(f"![{each['question']}]({chart_file(each['suite'])})")
        parts += [_markdown_table(COLUMNS, _comparisons(each)), _markdown_table(FIGURES, _figures(each))]
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
        body.append(charts.get(each["suite"], ""))
        body += [_html_table(COLUMNS, _comparisons(each)), _html_table(FIGURES, _figures(each))]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>PatchBench benchmarks</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _facts(result: Result) -> list[tuple[str, str]]:
    """What is told of a suite beside its figures."""
    config, machine = result["config"], result["machine"]
    about = SUITES.get(result["suite"])
    facts = [("Answer", result["answer"])]
    if result["claim"]:
        facts.append(("Claim", result["claim"]))
    if about and about.on_cuda and not result["device"].startswith("cuda"):
        facts.append(("Not measured here (requires CUDA)", about.on_cuda))
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


def _comparisons(result: Result) -> list[tuple[str, ...]]:
    return [comparison_row(result["suite"], Comparison.from_json(each)) for each in result["comparisons"]]


def _figures(result: Result) -> list[tuple[str, ...]]:
    return [measurement_row(Measurement.from_json(each)) for each in result["measurements"]]


def _markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [[" ".join(cell.replace("|", "\\|").split()) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(columns), ["---"] * len(columns), *cells])


def _html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"
