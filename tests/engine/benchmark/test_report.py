# SPDX-License-Identifier: AGPL-3.0-only
"""Reports hold each suite's question, answer, comparisons, figures, machine, settings and versions."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from engine.benchmark.report import html_page, main_table, markdown
from engine.benchmark.suite import SUITES
from engine.benchmark.wording import DASH
from engine.config import RunConfig
from engine.hardware import snapshot
from engine.jobs.benchmark_reports import read_results
from tests.engine.benchmark.factories import comparison, row

ROOT = Path(__file__).resolve().parents[3]
BEGIN, END = "<!-- benchmarks: made by `benchmark report --table` -->\n", "\n<!-- end of benchmarks -->"


def result(suite: str = "batching", device: str = "cpu") -> dict[str, Any]:
    return {
        "suite": suite,
        "question": SUITES[suite].question,
        "claim": SUITES[suite].source,
        "answer": "Yes | by <2> times.",
        "comparisons": [
            comparison(1.5, 0.1, claim=SUITES[suite].claims[0].key, outcome="confirmed").to_json()
        ],
        "measurements": [row().to_json()],
        "scale": "small",
        "patchbench": "0.1.0+abc",
        "measured_at": "2026-11-21T06:00:00+00:00",
        "dataset": {"name": "blocks", "synthetic": True, "images": 5},
        "detector": "tiny",
        "device": device,
        "config": RunConfig(dataset="blocks", weights="tiny").to_json(),
        "machine": snapshot().to_json(),
    }


def test_a_report_of_nothing_has_an_empty_table() -> None:
    assert main_table([]) == "| suite | question | answer |\n| --- | --- | --- |"
    assert markdown([], {}).endswith(main_table([]) + "\n")
    assert "<table>" in html_page([], {})


def test_a_cell_cannot_break_the_table() -> None:
    *_, line = main_table([result()]).splitlines()
    assert line == f"| `batching` | {SUITES['batching'].question} | Yes \\| by <2> times. |"


def test_markdown_tells_all_that_a_reader_needs() -> None:
    text = markdown([result()], {"batching": "<svg/>"})
    for expected in (
        f"## batching: {SUITES['batching'].question}",
        f"**Claim**: {SUITES['batching'].source}",
        "**Answer**: Yes",
        f"**Not measured here (requires CUDA)**: {SUITES['batching'].on_cuda}",
        "dataset blocks (5 images, synthetic), class person, 640 px",
        "scale small, batch size 2",
        "PatchBench 0.1.0+abc",
        "2026-11-21",
        "(batching.svg)",
        "| side | reference | metric | effect | claimed | outcome |",
        f"| a | b | speed | 1.5 [1.4, 1.6] | {DASH} | confirmed |",
        "| side | figure | unit |",
        "| step | 2 [1.5, 2.5] | s |",
    ):
        assert expected in text


def test_nothing_is_said_of_a_claim_or_chart_that_is_not_there() -> None:
    text = markdown([result("memory")], {})
    assert "**Claim**" not in text
    assert ".svg" not in text


@pytest.mark.parametrize(("suite", "device"), [("batching", "cuda:0"), ("merge", "cpu")])
def test_nothing_is_said_of_cuda_where_it_adds_nothing(suite: str, device: str) -> None:
    assert "needs CUDA" not in markdown([result(suite, device)], {})


def test_the_page_stands_alone_and_is_well_formed() -> None:
    page = html_page([result()], {"batching": "<svg></svg>"})
    opened: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            assert not {"src", "href"} & {name for name, _ in attributes}
            if tag != "meta":
                opened.append(tag)

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Reader().feed(page)
    assert opened == []
    assert "by &lt;2&gt; times" in page
    assert "<svg></svg>" in page


def test_the_page_of_benchmarks_shows_the_published_answers() -> None:
    shown = (
        (ROOT / "docs" / "benchmarks" / "README.md")
        .read_text(encoding="utf-8")
        .partition(BEGIN)[2]
        .partition(END)[0]
    )
    assert shown == main_table(read_results(ROOT / "docs" / "benchmarks"))
