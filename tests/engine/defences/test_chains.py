# SPDX-License-Identifier: AGPL-3.0-only
"""A chain of defences is one text, in one form, and back."""

from __future__ import annotations

import pytest

from engine.defences.chains import chain_name, chain_steps
from engine.errors import SettingsError


@pytest.mark.parametrize(
    ("chain", "steps", "name"),
    [
        ("none", (), "none"),
        ("bit-depth", ("bit-depth",), "bit-depth"),
        (" bit-depth:bits=4 + none", ("bit-depth",), "bit-depth"),
        (
            "bit-depth:5+bit-depth:bits=3",
            ("bit-depth:bits=5", "bit-depth:bits=3"),
            "bit-depth:bits=5+bit-depth:bits=3",
        ),
    ],
)
def test_equal_chains_have_equal_names(chain: str, steps: tuple[str, ...], name: str) -> None:
    assert chain_steps(chain) == steps
    assert chain_name(steps) == name


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ("", "defence: expected one of .*, got ''"),
        ("bit-depth+glasses", "defence: expected one of .*, got 'glasses'"),
        ("bit-depth+bit-depth:bits=9", "defence bit-depth: bits: expected 1 to 8, got 9"),
    ],
)
def test_what_is_no_chain_is_refused(chain: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        chain_steps(chain)
