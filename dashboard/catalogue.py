# SPDX-License-Identifier: AGPL-3.0-only
"""Compares the texts in the code with the translations: `python -m dashboard.catalogue`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import polib

from dashboard.i18n import LANGUAGES, LOCALE
from dashboard.services.benchmarks import wording
from dashboard.services.datasets import repair_texts
from dashboard.services.defences import meanings
from dashboard.services.jobs import kind_texts
from dashboard.services.settings import setting_texts

SOURCES = Path(__file__).parent
MARKS = {"_": 1, "N_": 1, "ngettext": 2}  # function → how many of its arguments are texts


def texts() -> dict[str, str]:
    """Each text that the code shows, or has from the engine → the file it is in, relative to its folder."""
    found: dict[str, str] = {}
    for path in sorted(SOURCES.rglob("*.py")):
        for text in _texts_of(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(text, path.relative_to(SOURCES).as_posix())
    elsewhere = {
        "benchmarks": wording.texts(),
        "datasets": repair_texts(),
        "defences": meanings(),
        "jobs": kind_texts(),
        "settings": setting_texts(),
    }
    for place, said in elsewhere.items():
        for text in said:
            found.setdefault(text, f"services/{place}.py")
    return found


def translated(code: str) -> dict[str, polib.POEntry]:
    """Each text that a language's catalogues hold → its entry."""
    paths = sorted((LOCALE / code / "LC_MESSAGES").glob("*.po"))
    return {entry.msgid: entry for path in paths for entry in polib.pofile(str(path))}


def missing(code: str) -> dict[str, str]:
    """The texts that lack a translation → the file they are in."""
    known = {text for text, entry in translated(code).items() if entry.translated()}
    return {text: place for text, place in texts().items() if text not in known}


def unused(code: str) -> list[str]:
    """The translations of texts that the code no longer has."""
    wanted = texts()
    return [text for text in translated(code) if text not in wanted]


def main() -> None:
    """Print what is missing, as entries to fill in, and what is no longer used."""
    for code in sorted(set(LANGUAGES) - {"en"}):
        for text, place in missing(code).items():
            print(f"# {code}: {place}")
            print(polib.POEntry(msgid=text, msgstr=""))
        for text in unused(code):
            print(f"# {code}: no longer used: {text}")


def _texts_of(tree: ast.AST) -> Iterator[str]:
    """The first form of each marked text: a plural is found by its singular."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
            arguments = node.args[: MARKS[node.func.id]]
            forms = [each.value for each in arguments if isinstance(each, ast.Constant)]
            if len(forms) == len(arguments):
                yield str(forms[0])


if __name__ == "__main__":
    main()
