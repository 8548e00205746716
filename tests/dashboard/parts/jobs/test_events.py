# SPDX-License-Identifier: AGPL-3.0-only
"""Events are worded for people, in the session's language; what is not known is shown as it is stored."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

STORED = (
    ("queued", ""),
    ("started", "attempt 1 on cuda:0"),
    ("pause asked", ""),
    ("paused", ""),
    ("queued", "to resume"),
    ("failed", "coco: expected a dataset, found none"),
    ("of another version", "attempted"),
)


def drawn(code: str, stored: tuple[tuple[str, str], ...]) -> None:
    from dashboard.i18n import speaking
    from dashboard.parts.jobs.events import events_table
    from engine.records import JobEvent

    with speaking(code):
        events_table([JobEvent(at=0.0, event=event, detail=detail) for event, detail in stored])


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("en", ["Queued", "Started", "Pause requested", "Paused", "Queued", "Failed", "of another version"]),
        ("ko", ["대기 중", "시작", "일시 중지 요청", "일시 중지됨", "대기 중", "실패", "of another version"]),
    ],
)
def test_each_event_has_a_name(code: str, words: list[str]) -> None:
    shown = AppTest.from_function(drawn, args=(code, STORED)).run().dataframe[0].value
    assert list(reversed(shown.iloc[:, 1].tolist())) == words


def test_details_are_worded_and_errors_kept() -> None:
    shown = AppTest.from_function(drawn, args=("en", STORED)).run().dataframe[0].value
    assert list(reversed(shown["Details"].tolist())) == [
        "",
        "Attempt 1 on cuda:0",
        "",
        "",
        "To resume from the checkpoint",
        "coco: expected a dataset, found none",
        "attempted",
    ]
