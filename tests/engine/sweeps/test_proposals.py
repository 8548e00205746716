# SPDX-License-Identifier: AGPL-3.0-only
"""What is tried next follows from what was tried; what falls behind is given up; what matters is found."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.config import RunConfig
from engine.errors import SettingsError
from engine.sweeps import proposals
from engine.sweeps.config import SweepRequest
from engine.sweeps.proposals import Past, hopeless, importance, propose, require_optuna


def request(*vary: str, **more: Any) -> SweepRequest:
    return SweepRequest(config=RunConfig(dataset="demo", weights="demo"), vary=vary, **more)


def past(settings: dict[str, Any], value: float | None, state: str = "succeeded") -> Past:
    return Past(settings=settings, value=value, state=state)


def searched(asked: SweepRequest, trials: int) -> list[Past]:
    """A search for a learning rate of 0.02, blind to the rest."""
    found: list[Past] = []
    for _ in range(trials):
        values = propose(asked, found)
        distance = abs(math.log(values.get("learning_rate", 0.02) / 0.02))
        found.append(past(values, distance if asked.low_is_best else -distance))
    return found


@pytest.mark.parametrize("sampler", ["grid", "random", "tpe"])
def test_a_finite_space_is_tried_without_repetition(sampler: str) -> None:
    asked = request("top_k=1,5,9", "flip", sampler=sampler)
    found = searched(asked, asked.total)
    assert len({tuple(each.settings.items()) for each in found}) == asked.total == 6
    assert [each.settings for each in searched(asked, 6)] == [each.settings for each in found]


@pytest.mark.parametrize("objective", ["asr", "smooth"])
def test_the_search_learns_which_way_is_better(objective: str) -> None:
    asked = request("learning_rate=0.002..0.2:log", "top_k=1..30", objective=objective)
    found = searched(asked, 24)
    late = [abs(each.value or 0) for each in found[12:]]
    assert sum(late) / len(late) < 1.0  # at random: 1.2, a third of the way over two decades
    assert all(0.002 <= each.settings["learning_rate"] <= 0.2 for each in found)


def test_a_search_goes_on_as_it_would_have() -> None:
    asked = request("learning_rate=0.002..0.2:log", "losses=object,overlap")
    found = searched(asked, 10)
    found[3] = past(found[3].settings, None, "failed")
    found[4] = past(found[4].settings, 0.1, "pruned")
    found[9] = past(found[9].settings, None, "running")
    assert propose(asked, found) == propose(asked, found)


@pytest.mark.parametrize(
    ("prune", "own", "expected"),
    [
        ("median", [0.1], False),  # the first validation says little
        ("median", [0.1, 0.2], True),
        ("median", [0.9, 0.9], False),
        ("median", [0.1, 0.9], False),
        ("asha", [0.1], True),
        ("asha", [0.9], False),
    ],
)
def test_what_falls_behind_is_given_up(prune: str, own: list[float], expected: bool) -> None:
    asked = request("top_k=1..30", prune=prune)
    others = [[0.3, 0.4], [0.4, 0.5], [0.5, 0.6], [0.6, 0.7]]
    reports = [(index, step, v) for index, each in enumerate(others) for step, v in enumerate(each, 1)]
    reports += [(4, step, value) for step, value in enumerate(own, 1)]
    trials = [past({"top_k": index + 1}, each[-1]) for index, each in enumerate(others)]
    trials.append(past({"top_k": 9}, None, "running"))
    assert hopeless(asked, trials, reports) is expected
    lower = request("top_k=1..30", prune=prune, objective="smooth")
    if expected:  # a low value is good there
        assert not hopeless(lower, trials, reports)


def test_nothing_is_given_up_before_others_have_ended() -> None:
    trials = [past({"top_k": 1}, 0.9), past({"top_k": 2}, None, "running")]
    assert not hopeless(request("top_k=1..30", prune="median"), trials, [(0, 1, 0.9), (1, 1, 0.0)])


def test_what_matters_is_found() -> None:
    asked = request("learning_rate=0.002..0.2:log", "top_k=1..30")
    assert importance(asked, searched(asked, 3)) == {}
    shares = importance(asked, searched(asked, 20))
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["learning_rate"] > 2 * shares["top_k"]


def test_the_importance_of_few_trials_follows_their_scores() -> None:
    asked = request("top_k=1,9", "batch_size=2,8", sampler="grid")
    scores = {(1, 2): 0.2, (1, 8): 0.22, (9, 2): 0.6, (9, 8): 0.62}
    trials = [past({"top_k": top_k, "batch_size": size}, each) for (top_k, size), each in scores.items()]
    shares = importance(asked, trials)
    assert shares["top_k"] > 0.8
    assert importance(asked, [past(each.settings, 0.5) for each in trials]) == {}


def test_without_optuna_there_are_grids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "find_spec", lambda name: None)
    require_optuna("grid")
    for sampler, prune in (("tpe", "none"), ("random", "none"), ("grid", "median")):
        with pytest.raises(SettingsError, match=r"got none; run: pip install -r requirements-cluster\.txt"):
            require_optuna(sampler, prune)
    grid = request("top_k=1,5,7,9", sampler="grid")
    trials = searched(grid, 4)
    assert importance(grid, trials) == {}
