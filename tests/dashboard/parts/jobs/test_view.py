# SPDX-License-Identifier: AGPL-3.0-only
"""Parts of the view of one job; the rest is tested through the page."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def drawn(**facts: object) -> None:
    from dashboard.parts.jobs.view import figures, result
    from dashboard.services.jobs import JobView
    from engine.records import Progress
    from tests.engine.store.factories import make_job

    progress = Progress(memory_bytes=1024, rate=2.0, updated_at=20.0)
    job = make_job(request={"suite": "memory"}, progress=progress, **facts)
    figures(job, [])
    result(
        JobView(job=job, events=[], first=None, waiting=[], ahead=[], origin=None, patch=None, served=True)
    )


SPENT = {"started_at": 0.0, "finished_at": 30.0}
MEASURED = {"image_iterations_per_s": 4.0, "peak_memory_bytes": 2048, "device": "cpu"}


@pytest.mark.parametrize(
    ("facts", "figures"),
    [
        ({"kind": "import", "state": "queued"}, {"Duration": "–", "Memory": "–"}),  # noqa: RUF001
        (
            {"kind": "import", "state": "interrupted", "started_at": 0.0},
            {"Duration": "20 s", "Memory": "1.0 KiB"},
        ),
        (
            {"kind": "import", "state": "running", **SPENT},
            {"Duration": "30 s", "Memory": "1.0 KiB"},
        ),
        (
            {"kind": "generate", "state": "succeeded", "result": MEASURED, **SPENT},
            {
                "Duration": "30 s",
                "Process memory": "2.0 KiB",
                "Throughput (images/s)": "4.0",
                "Loss": "–",  # noqa: RUF001
            },
        ),
    ],
)
def test_figures_are_those_of_now_or_of_the_end(facts: dict[str, Any], figures: dict[str, str]) -> None:
    app = AppTest.from_function(drawn, kwargs=facts).run()
    assert not app.exception
    assert {each.label: each.value for each in app.metric} == figures


def test_estimates_stand_beside_the_truth() -> None:
    estimate = {"elapsed_s": 40.0, "low_s": 30.0, "high_s": 50.0, "peak_memory_bytes": 4096}
    app = AppTest.from_function(
        drawn, kwargs={"kind": "generate", "state": "succeeded", "estimate": estimate, **SPENT}
    ).run()
    assert [each.delta for each in app.metric][:2] == [
        "Estimated: 40 s (30 s to 50 s)",
        "Estimated: up to 4.0 KiB",
    ]


def test_an_import_tells_what_it_brought() -> None:
    found = {"dataset": "a", "images": 1200, "objects": 5, "repairs": {"x": 2, "y": 1}}
    app = AppTest.from_function(drawn, kwargs={"kind": "import", "state": "succeeded", "result": found}).run()
    assert [each.value for each in app.markdown] == [
        "**a**: 1,200 images with 5 objects; 3 labels repaired or skipped."
    ]
    assert list(app.text) == []


def test_what_an_import_found_out_is_shown_as_it_is_written() -> None:
    found = {"dataset": "a", "images": 1, "objects": 1, "repairs": {}, "notes": ["splits: *train*", "b"]}
    app = AppTest.from_function(drawn, kwargs={"kind": "import", "state": "succeeded", "result": found}).run()
    assert [each.value for each in app.text] == ["splits: *train*", "b"]
