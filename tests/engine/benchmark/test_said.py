# SPDX-License-Identifier: AGPL-3.0-only
"""What is said in English and in other words, and texts that catalogues can be made of."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from engine.benchmark.said import Listed, Said, listed, said

SOURCES = sorted((Path(__file__).resolve().parents[3] / "engine").rglob("*.py"))
WORDS = {
    "It took {seconds:.1f} s.": "{seconds:.2f}초 걸렸습니다.",
    "{side} beats {others}.": "{others} < {side}",
    " and ": " · ",
    "more": "더",
}
NAMES = {"grey": "회색", "noise": "잡음"}


@pytest.mark.parametrize(
    ("sentence", "english", "other"),
    [
        (said("Nothing."), "Nothing.", "Nothing."),
        (said("It took {seconds:.1f} s.", seconds=1.25), "It took 1.2 s.", "1.25초 걸렸습니다."),
        (said("{side} beats {others}.", side="grey", others="noise"), "grey beats noise.", "잡음 < 회색"),
        (said("{how} ({side})", how=said("more"), side="grey"), "more (grey)", "더 (회색)"),
        (said("[{all}]", all=listed([], "; ")), "[]", "[]"),
        (said("[{all}]", all=listed(["grey", said("more")], "; ")), "[grey; more]", "[회색; 더]"),
        (said("{all}", all=listed(["grey", "noise"], said(" and "))), "grey and noise", "회색 · 잡음"),
    ],
)
def test_words_and_names_are_replaced_and_figures_stay(sentence: Said, english: str, other: str) -> None:
    assert str(sentence) == english
    assert sentence.worded(lambda text: WORDS.get(text, text), lambda name: NAMES.get(name, name)) == other


def test_what_is_listed_is_kept_in_order() -> None:
    assert listed((name for name in ("b", "a")), ", ") == Listed(("b", "a"), ", ")


def calls() -> list[ast.Call]:
    nodes = (node for path in SOURCES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return [
        node
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "said"
    ]


def test_every_text_is_a_literal_that_a_catalogue_can_hold() -> None:
    texts = [call.args[0].value for call in calls() if isinstance(call.args[0], ast.Constant)]
    assert len(texts) == len(calls()) > 0
    assert all(texts)
