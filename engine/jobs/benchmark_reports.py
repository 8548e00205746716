# SPDX-License-Identifier: AGPL-3.0-only
"""Published benchmark results: a folder of JSON files and the report generated from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.benchmark.report import chart_file, html_page, markdown
from engine.benchmark.suite import SUITES
from engine.benchmark.wording import headline, told
from engine.disk import why_unwritable, write_whole
from engine.errors import StorageError
from engine.excerpts import read_bounded, short_line
from engine.json_text import from_json
from engine.measurements import Comparison
from engine.runs.run_folder import write_json

MAX_RESULT_BYTES = 256 * 2**20


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Load the `SUITE.json` files of a folder in the suites' order, ignoring unknown suites.

    Question, claim and answer are worded anew from the comparisons, since the wording belongs to the software
    and not to the measurement.

    Raises:
        StorageError: a file cannot be read or is not a result.
    """
    return [_read(path) for path in (folder / f"{suite}.json" for suite in SUITES) if path.exists()]


def write_report(folder: Path, results: Sequence[dict[str, Any]]) -> list[Path]:
    """Add results to a folder and write a report of all results in it.

    Args:
        folder: created if missing.
        results: as returned by `benchmark_history.result_of`; each replaces its suite's earlier result.

    Returns:
        Paths of `report.md` and `report.html`; charts of the Markdown are separate files in the folder.

    Raises:
        StorageError: the folder cannot be read or written.
    """
    from engine.benchmark.charts import draw  # loads matplotlib, which takes a second

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = why_unwritable(folder, error, "choose another")
        raise StorageError(f"{folder}: expected a writable folder, got {why}") from error
    for result in results:
        write_result(folder / f"{result['suite']}.json", result)
    everything = read_results(folder)
    charts = {
        result["suite"]: svg
        for result in everything
        if (svg := draw([Comparison.from_json(each) for each in result["comparisons"]])) is not None
    }
    for suite, svg in charts.items():
        write_whole(folder / chart_file(suite), svg + "\n")
    pages = {"report.md": markdown(everything, charts), "report.html": html_page(everything, charts)}
    for name, text in pages.items():
        write_whole(folder / name, text)
    return [folder / name for name in pages]


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write one result as JSON.

    Raises:
        StorageError: the file cannot be written.
    """
    write_json(path, result)


def _read(path: Path) -> dict[str, Any]:
    try:
        result = from_json(read_bounded(path, MAX_RESULT_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        reason = short_line(getattr(error, "strerror", None) or error)
        raise StorageError(
            f"{path}: expected a benchmark's result as JSON, got {reason}; move it away"
        ) from error
    if not isinstance(result, dict) or not {"suite", "answer", "comparisons", "measurements"} <= set(result):
        raise StorageError(f"{path}: expected a benchmark's result, got other JSON; move it away")
    return result | _worded(result)


def _worded(result: dict[str, Any]) -> dict[str, str]:
    """What a result says, in the words of this version."""
    suite = result["suite"]
    if suite not in SUITES:
        return {}
    comparisons = [Comparison.from_json(each) for each in result["comparisons"]]
    words = {"question": SUITES[suite].question, "claim": SUITES[suite].source}
    return words if told(suite, comparisons) is None else words | {"answer": headline(suite, comparisons)}
