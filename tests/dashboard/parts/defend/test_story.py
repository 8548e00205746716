# SPDX-License-Identifier: AGPL-3.0-only
"""Scenes name the attacker and what is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dashboard.i18n import speaking
from dashboard.parts.defend.story import attacker, figures, scene_rows, title
from dashboard.services.stories import Scene

LEFT = {"ap50": 0.5, "asr": 0.25, "ci95": {"ap50": [0.4, 0.6], "asr": [0.2, 0.3]}}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with speaking("en"):
        yield


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        (Scene(kind="clean"), ("Clean", "No attacker", "Not scored.")),
        (Scene(kind="clean", scores=LEFT), ("Clean", "No attacker", "AP50 0.50")),
        (
            Scene(kind="attacked", attacker="P", scores=LEFT),
            ("Attacked", "P, made on another detector", "ASR 25% · AP50 0.50"),
        ),
        (
            Scene(kind="attacked", attacker="P", own=True),
            ("Attacked", "P, made on this detector", "Not scored."),
        ),
        (
            Scene(kind="defended", attacker="P", chain="jpeg"),
            ("Attacked, with jpeg", "P, made without the defence", "Not scored."),
        ),
        (
            Scene(kind="again", attacker="Q", chain="jpeg"),
            ("Attacked again, with jpeg", "Q, made through the defence", "Not scored."),
        ),
        (
            Scene(kind="hardened", attacker="P"),
            ("Attacked, hardened", "P, made before the hardening", "Not scored."),
        ),
        (
            Scene(kind="again-hardened", attacker="twice the side"),
            (
                "Attacked again, hardened",
                "A new patch that attacks the hardened weights (twice the side)",
                "Not scored.",
            ),
        ),
    ],
)
def test_a_scene_in_words(scene: Scene, said: tuple[str, str, str]) -> None:
    assert (title(scene), attacker(scene), figures(scene)) == said


def test_rows_have_intervals() -> None:
    assert scene_rows([]) == []
    rows = scene_rows([Scene(kind="clean", scores=LEFT), Scene(kind="hardened", attacker="P", scores=LEFT)])
    assert [(row["AP50"], row["ASR"]) for row in rows] == [
        ("0.50 (0.40 to 0.60)", "–"),  # noqa: RUF001
        ("0.50 (0.40 to 0.60)", "0.25 (0.20 to 0.30)"),
    ]
    assert scene_rows([Scene(kind="defended")])[0]["AP50"] == "not tested"
