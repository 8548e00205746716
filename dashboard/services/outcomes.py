# SPDX-License-Identifier: AGPL-3.0-only
"""What can be said of a run and of its patch's scores, from what is on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WIDEST = 0.4  # of an ASR's interval: beyond that a patch may as well hide nothing as half of all


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run ended: `iterations`, `time limit` or `early stop`; after how many iterations of how many."""

    how: str
    done: int
    asked: int


def ended(facts: Mapping[str, Any]) -> Ended | None:
    """How a run ended; None where its record does not tell.

    Args:
        facts: what `run.json` holds.
    """
    done, asked = facts.get("iterations"), facts.get("config", {}).get("iterations")
    if done is None or asked is None:
        return None
    if any(event.get("event") == "stopped early" for event in facts.get("events", ())):
        return Ended(how="early stop", done=done, asked=asked)
    if done >= asked:
        return Ended(how="iterations", done=done, asked=asked)
    return Ended(how="time limit", done=done, asked=asked) if facts["config"].get("time_limit_s") else None


def verdict(evaluation: Mapping[str, Any]) -> str | None:
    """How a patch's ASR lies to that of a grey one.

    Args:
        evaluation: what `Evaluation.to_json` gives.

    Returns:
        `stronger` (the intervals do not overlap), `few` (they overlap, and are too wide to tell), `unclear`,
        `weaker`; None where either is undefined.
    """
    patch, grey = evaluation["patch"], evaluation["controls"].get("grey", {})
    if patch.get("asr") is None or grey.get("asr") is None:
        return None
    (low, high), grey_high = patch["ci95"]["asr"], grey["ci95"]["asr"][1]
    weaker = patch["asr"] <= grey["asr"]
    if not weaker and None not in (low, grey_high) and low > grey_high:
        return "stronger"
    if None not in (low, high) and high - low > WIDEST:
        return "few"
    return "weaker" if weaker else "unclear"
