# SPDX-License-Identifier: AGPL-3.0-only
"""Defences as pages name them: offered, brought into one form, explained, refused."""

from __future__ import annotations

import pytest

from dashboard.services import defences
from engine.errors import SettingsError


def test_what_is_offered_is_known() -> None:
    assert "bit-depth" in defences.offered()
    for name in defences.offered():
        assert defences.one_form(name) == name
        ((meaning, _source),) = defences.about(name)
        assert meaning.endswith(".")


@pytest.mark.parametrize(
    ("chain", "form", "steps"),
    [
        ("none", "none", ()),
        ("bit-depth:3 + bit-depth", "bit-depth:bits=3+bit-depth", ("bit-depth:bits=3", "bit-depth")),
    ],
)
def test_a_chain_has_one_form(chain: str, form: str, steps: tuple[str, ...]) -> None:
    assert (defences.one_form(chain), defences.steps(chain)) == (form, steps)
    assert len(defences.about(chain)) == len(steps)


def test_what_is_no_defence_is_refused() -> None:
    with pytest.raises(SettingsError, match="defence: expected one of"):
        defences.one_form("fog")
