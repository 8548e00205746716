# SPDX-License-Identifier: AGPL-3.0-only
"""The scores' view of one patch; the rest is tested through the page."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from engine.records import PatchRecord
from engine.store.repository import Repository
from tests.dashboard.homes import fill, make_evaluation

VALIDATED = {"event": "validated", "iteration": 1, "asr": 0.5, "confidence_retained": 0.25, "ap50": 0.75}


def drawn(patch: object) -> None:
    from dashboard.parts.patches.view import scored

    scored(patch)


def drawn_history(patch: object) -> None:
    from dashboard.parts.patches.view import history

    history(patch)


@pytest.fixture
def patch() -> PatchRecord:
    with Repository() as repository:
        return fill(repository, runs=1, steps=2)[0]


def add_score(patch: PatchRecord, *, held_out: bool | None, asr: float | None = 0.0) -> None:
    evaluation = make_evaluation(random.Random(1))
    evaluation["patch"]["asr"] = asr
    with Repository() as repository:
        repository.patches.add_score(
            patch.id,
            dataset="other",
            detector="demo",
            class_name="person",
            held_out=held_out,
            evaluation=evaluation,
        )


def test_one_of_several_scores_is_chosen(patch: PatchRecord) -> None:
    add_score(patch, held_out=False)
    app = AppTest.from_function(drawn, args=(patch,)).run()
    chooser = app.selectbox(key="widget.patches.scores")
    assert len(chooser.options) == 2
    assert app.success[0].value.startswith("It is stronger than a grey patch")
    chooser.select_index(1).run()
    assert app.warning[0].value.startswith("It is no stronger than a grey patch of the same size")
    assert any("on the images it was made on" in each.value for each in app.markdown)


def test_an_undefined_score_has_no_verdict(patch: PatchRecord) -> None:
    add_score(patch, held_out=None, asr=None)
    app = AppTest.from_function(drawn, args=(patch,)).run()
    app.selectbox(key="widget.patches.scores").select_index(1).run()
    assert not app.exception
    assert not app.warning
    assert not app.success
    assert app.dataframe[0].value.loc[0, "ASR"].startswith("–")  # noqa: RUF001


@pytest.mark.parametrize(
    ("events", "figures", "explained"),
    [
        ([], None, False),
        # As runs recorded it before confidence was scored.
        ([{"event": "validated", "iteration": 1, "asr": None, "ap50": None}], ["–", "–", "–"], False),  # noqa: RUF001
        ([VALIDATED], ["50%", "0.25", "0.75"], False),
        ([{"event": "held-out images cannot be scored", "iteration": 1, "reason": "none"}], None, True),
    ],
)
def test_validations(patch: PatchRecord, events: list, figures: list | None, explained: bool) -> None:
    told = replace(patch, job_id=None, summary={"events": events})
    app = AppTest.from_function(drawn_history, args=(told,)).run()
    assert not app.exception
    columns = ["ASR", "Confidence", "AP50"]
    assert [list(table.value.loc[0, columns]) for table in app.dataframe] == [figures] * bool(figures)
    assert any("could not be scored" in each.value for each in app.caption) is explained
