# SPDX-License-Identifier: AGPL-3.0-only
"""Results are kept as JSON in a folder and the report is made of all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.benchmark.suite import SUITES
from engine.benchmark.wording import headline
from engine.errors import StorageError
from engine.jobs.benchmark_reports import read_results, write_report
from engine.measurements import Comparison
from tests.engine.benchmark.test_report import result


def test_an_empty_folder_has_no_results(tmp_path: Path) -> None:
    assert read_results(tmp_path) == read_results(tmp_path / "missing") == []


def test_results_are_added_and_all_are_reported(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "report"
    older, batching = result("floor"), result("batching")
    pages = write_report(folder, [older, batching])
    assert pages == [folder / "report.md", folder / "report.html"]
    newer = {**older, "measured_at": "2031-01-01T00:00:00+00:00"}
    write_report(folder, [newer])
    read = read_results(folder)
    assert [each["suite"] for each in read] == ["batching", "floor"]
    assert read[1]["measured_at"] == newer["measured_at"]
    assert read[1]["comparisons"] == json.loads(json.dumps(newer["comparisons"]))
    for page in pages:
        text = page.read_text()
        assert newer["measured_at"] in text
        assert "batching" in text


def test_what_was_measured_is_said_in_the_words_of_today(tmp_path: Path) -> None:
    write_report(tmp_path, [result("merge") | {"question": "Why?", "claim": "so", "answer": "Because."}])
    (read,) = read_results(tmp_path)
    comparisons = [Comparison.from_json(each) for each in read["comparisons"]]
    assert read["answer"] == headline("merge", comparisons)
    assert (read["question"], read["claim"]) == (SUITES["merge"].question, SUITES["merge"].source)
    write_report(tmp_path, [result("merge") | {"answer": "Because.", "comparisons": []}])
    assert read_results(tmp_path)[0]["answer"] == "Because."


def test_the_chart_of_what_was_compared_lies_beside_the_markdown_and_in_the_page(tmp_path: Path) -> None:
    write_report(tmp_path, [result("loader"), {**result("merge"), "comparisons": []}])
    svg = (tmp_path / "loader.svg").read_text().strip()
    assert svg.startswith("<svg")
    assert svg in (tmp_path / "report.html").read_text()
    assert "(loader.svg)" in (tmp_path / "report.md").read_text()
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == ["loader.svg"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "as JSON, got"),
        ("[]", "got other JSON"),
        ("{}", "got other JSON"),
        ('{"suite": "floor", "answer": "Far.", "measurements": []}', "got other JSON"),  # of before 0.2
    ],
)
def test_a_file_that_is_no_result_is_told(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "floor.json").write_text(content)
    with pytest.raises(StorageError, match=message):
        read_results(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="expected a writable folder"):
        write_report(tmp_path / "file" / "report", [])
