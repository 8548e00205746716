# SPDX-License-Identifier: AGPL-3.0-only
"""The headline of a patch's scores, and the sentence of how its run ended."""

from __future__ import annotations

import random

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.parts.outcome import ENDINGS, VERDICTS, ending
from tests.dashboard.homes import make_evaluation


def drawn(asr: float | None, width: float, held_out: bool | None) -> AppTest:
    def script(evaluation: dict, held_out: bool | None) -> None:
        from dashboard.parts.outcome import headline

        headline(evaluation, "person", held_out)

    evaluation = make_evaluation(random.Random(1))
    evaluation["settings"]["images"] = 45
    evaluation["patch"]["asr"] = asr
    evaluation["patch"]["ci95"]["asr"] = [0.29 - width / 2, 0.29 + width / 2]
    app = AppTest.from_function(script, kwargs={"evaluation": evaluation, "held_out": held_out}).run()
    assert not app.exception
    return app


def test_without_a_score_there_is_no_headline() -> None:
    assert not drawn(None, 0.1, None).markdown


@pytest.mark.parametrize(
    ("width", "held_out", "verdict", "seen"),
    [
        (0.1, True, "stronger", "on images the run did not use"),
        (0.3, False, "unclear", "on the images it was made on"),
        (0.6, None, "few", None),
    ],
)
def test_the_headline_says_what_a_patch_does_and_what_that_is_worth(
    width: float, held_out: bool | None, verdict: str, seen: str | None
) -> None:
    app = drawn(0.29, width, held_out)
    sentence = "### Hides 29% of the tested objects \\(person; grey patch: 15%\\)."
    assert app.markdown[0].value.replace("\\", "") == sentence.replace("\\", "")
    assert [each.value for each in (*app.success, *app.warning)] == [VERDICTS[verdict]]
    assert [each.value for each in app.caption] == ["45 images"]
    badges = [each.value for each in app.markdown[1:]]
    assert len(badges) == bool(seen)
    assert all(seen in each for each in badges)


def test_an_ending_is_said_in_a_sentence() -> None:
    assert ending({}) == ""
    facts = {"iterations": 37, "config": {"iterations": 50, "time_limit_s": 9.0}}
    assert ending(facts) == "The time limit ended it after 37 of 50 iterations."
    assert set(ENDINGS) == {"iterations", "time limit", "early stop"}
