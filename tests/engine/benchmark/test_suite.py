# SPDX-License-Identifier: AGPL-3.0-only
"""What every suite has, and what its headline says of every outcome."""

from __future__ import annotations

import pytest

from engine.benchmark.suite import SCALES, SUITES, Claim, Suite
from engine.benchmark.wording import MOST_WORDS, headline
from engine.measurements import OUTCOMES, Comparison
from tests.engine.benchmark.factories import interval
from tests.engine.benchmark.suites.running import TESTED

NUMBERED = {("batching", "batches"), ("batching", "memory"), ("memory", "less")}
"""Claims whose numbers are those of single comparisons."""


def outcomes(suite: str, claim: Claim) -> list[str]:
    """Those that a test of a claim can have."""
    if claim.within:
        return ["confirmed", "refuted", "undecided"]
    if claim.expected or (suite, claim.key) in NUMBERED:
        return [*OUTCOMES]
    return [outcome for outcome in OUTCOMES if outcome not in ("larger", "smaller")]


def test_suites_are_listed_in_the_order_of_their_package():
    assert list(SUITES) == list(TESTED)


@pytest.mark.parametrize("suite", SUITES.things(), ids=lambda suite: suite.name)
def test_every_suite_is_described(suite: Suite) -> None:
    assert suite.question.endswith("?")
    assert suite.help == suite.question
    assert suite.claims
    assert suite.parts
    assert set(suite.needs_cuda) <= set(suite.parts)
    assert not suite.needs_cuda or suite.on_cuda
    assert len(set(suite.names)) == len(suite.names)


@pytest.mark.parametrize("suite", SUITES.things(), ids=lambda suite: suite.name)
def test_every_claim_is_tested_and_found_by_its_key(suite: Suite) -> None:
    keys = [claim.key for claim in suite.claims]
    assert keys == list(TESTED[suite.name])
    assert [suite.claim(key) for key in keys] == [*suite.claims]
    assert len(set(keys)) == len(keys)
    assert suite.claim("none") is None
    for claim in suite.claims:
        assert claim.holds != claim.fails
        assert not f"{claim.holds}{claim.fails}".endswith(".")
        assert claim.direction in (-1, 1)
        assert claim.margin > 0
        assert not claim.within or claim.expected or (suite.name, claim.key) in NUMBERED
        assert claim.expected is None or claim.expected[0] <= claim.expected[1]


@pytest.mark.parametrize(
    ("suite", "claim", "outcome"),
    [
        pytest.param(suite.name, claim, outcome, id=f"{suite.name}-{claim.key}-{outcome}")
        for suite in SUITES.things()
        for claim in suite.claims
        for outcome in outcomes(suite.name, claim)
    ],
)
def test_every_headline_is_short(suite: str, claim: Claim, outcome: str) -> None:
    metric, unit = TESTED[suite][claim.key]
    found = Comparison(
        side={"": "a", "defence": "jpeg:quality=75+median"},
        reference={"": "b"},
        metric=metric,
        unit=unit,
        effect=interval(-0.1234, -0.2345, -0.0123),
        claim=claim.key,
        outcome=outcome,
    )
    sentence = headline(suite, [found])
    assert len(sentence.split()) <= MOST_WORDS
    assert sentence.endswith(".")
    assert sentence[0].isupper()
    assert "{" not in sentence
    said = claim.fails if outcome in ("refuted", "none") else claim.holds
    said = said.replace("{defence}", "jpeg:quality=75+median")
    assert said in sentence or outcome == "undecided"


@pytest.mark.parametrize(("smaller", "larger"), [("small", "medium"), ("medium", "large")])
def test_a_larger_scale_does_more(smaller: str, larger: str) -> None:
    less, more = vars(SCALES[smaller]), vars(SCALES[larger])
    assert all(more[name] >= less[name] for name in less if name != "batch_sizes")
    assert set(less["batch_sizes"]) < set(more["batch_sizes"])
