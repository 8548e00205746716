# SPDX-License-Identifier: AGPL-3.0-only
"""JSON, whatever the numbers and the names in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.json_text import from_json, json_document, json_text
from engine.records import Measurement, Progress, StepRecord
from engine.store.repository import Repository

NAN, INF = float("nan"), float("inf")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({}, {}),
        ([], []),
        ((1, 2.5), [1, 2.5]),
        (NAN, None),
        ({"a": [INF, -INF, {"b": (NAN, 1.0)}]}, {"a": [None, None, {"b": [None, 1.0]}]}),
        ({1: NAN}, {"1": None}),
        ("caf\udcff", "caf\udcff"),
    ],
)
def test_what_is_written_is_read_again(value: Any, read: Any) -> None:
    for text in (json_text(value), json_document(value)):
        assert from_json(text) == read
        assert from_json(text.encode()) == read


@given(VALUES)
def test_every_value_is_strict_json(value: Any) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    for text in (json_text(value), json_document(value)):
        json.loads(text.encode(), parse_constant=refuse)


def test_the_same_text_for_the_same_value() -> None:
    assert json_text({"b": 1, "a": "ü"}, sort_keys=True) == '{"a": "\\u00fc", "b": 1}'
    assert json_document({"a": "ü"}) == '{\n  "a": "ü"\n}'


@pytest.mark.parametrize("value", [object(), {"a": {1}}, Path("x")])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        json_text(value)


@pytest.mark.parametrize("text", ["NaN", "[Infinity, -Infinity]"])
def test_what_earlier_versions_wrote_is_none(text: str) -> None:
    assert from_json(text) in (None, [None, None])


def test_the_database_takes_numbers_that_are_not_finite() -> None:
    step = StepRecord(
        step=1, iteration=1, loss=0.5, terms={"tv": NAN}, learning_rate=0.1, images=1, elapsed_s=1.0
    )
    with Repository() as repository:
        added = repository.jobs.add_finished(
            kind="generate",
            label="",
            request={"config": {"x": INF}},
            device="cpu",
            seed=0,
            code_version="test",
            folder="/nowhere",
            elapsed_s=1.0,
            result={"events": [{"asr": NAN}]},
        )
        job = repository.jobs.get(added.id)
        repository.steps.add(job.id, [step])
        (stored,) = repository.steps.read(job.id)
        queued = repository.jobs.add(
            kind="import", label="", request={}, seed=0, code_version="test", estimate={"elapsed_s": NAN}
        )
        claimed = repository.queue.claim("worker", "cpu")
        assert claimed is not None
        assert repository.queue.report(claimed, Progress(loss=NAN, rate=INF))
        running = repository.jobs.get(queued.id)
    assert job.request == {"config": {"x": None}}
    assert job.result == {"events": [{"asr": None}]}
    assert stored.terms["tv"] != stored.terms["tv"]
    assert (running.estimate, running.progress.loss, running.progress.rate) == (
        {"elapsed_s": None},
        None,
        None,
    )


def test_measurements_take_numbers_that_are_not_finite() -> None:
    from engine.records import Interval

    figure = Interval(value=INF, low=NAN, high=-INF)
    row = Measurement(side={}, figure=figure, metric="s", samples=(NAN, 1.0))
    assert from_json(json_text(row.to_json()))["value"] is None
    assert row.figure.to_json() == [None, None, None]
