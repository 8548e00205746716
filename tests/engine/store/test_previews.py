# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import pytest

from engine.store import previews as module
from engine.store.repository import Repository


def test_without_requests_there_is_nothing_to_do(repository: Repository) -> None:
    previews = repository.previews
    assert previews.claim() is None
    assert previews.get("none") is None
    assert previews.old() == []
    previews.forget([])


def test_the_same_request_is_asked_once(repository: Repository) -> None:
    first = repository.previews.ask({"a": 1, "b": 2})
    assert repository.previews.ask({"b": 2, "a": 1}) == first
    assert first.state == "queued"
    assert repository.previews.ask({"a": 1}).key != first.key


def test_the_latest_wish_is_answered_first(repository: Repository) -> None:
    previews = repository.previews
    for wish in (1, 2):
        previews.ask({"wish": wish})
    claimed = [previews.claim(), previews.claim()]
    assert [each.request["wish"] for each in claimed if each] == [2, 1]
    assert [each.state for each in claimed if each] == ["running", "running"]
    assert previews.claim() is None


def test_an_answer_stays(repository: Repository) -> None:
    previews = repository.previews
    key = previews.ask({"wish": 1}).key
    previews.answer(key, {"images": []})
    for preview in (previews.ask({"wish": 1}), previews.ask({"wish": 1}, again=True)):
        assert (preview.state, preview.answer) == ("done", {"images": []})


def test_a_failure_stays_until_it_is_asked_again(repository: Repository) -> None:
    previews = repository.previews
    key = previews.ask({"wish": 1}).key
    previews.fail(key, "no such image")
    failed = previews.ask({"wish": 1})
    assert (failed.state, failed.error) == ("failed", "no such image")
    again = previews.ask({"wish": 1}, again=True)
    assert (again.state, again.error, again.answered_at) == ("queued", None, None)


def test_who_waits_too_long_is_told(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    previews = repository.previews
    key = previews.ask({"wish": 1}).key
    monkeypatch.setattr(module, "PATIENCE_S", -1.0)
    waiting = previews.ask({"wish": 1})
    assert waiting.state == "failed"
    assert waiting.error is not None
    assert "expected an answer within -1 s, got none" in waiting.error
    previews.answer(key, {})
    assert previews.ask({"wish": 1}).state == "done"  # late is better than never


def test_what_a_dead_process_had_claimed_waits_again(repository: Repository) -> None:
    previews = repository.previews
    previews.ask({"wish": 1})
    previews.claim()
    previews.requeue()
    assert previews.claim() is not None


def test_pruning_removes_what_was_answered_long_ago(repository: Repository) -> None:
    previews = repository.previews
    done, waiting = (previews.ask({"wish": wish}).key for wish in (1, 2))
    previews.answer(done, {})
    assert previews.old(older_than_s=60) == []
    assert previews.old() == [done]
    previews.forget([done, waiting])
    assert previews.get(done) is None
    assert previews.get(waiting) is not None
