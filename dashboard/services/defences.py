# SPDX-License-Identifier: AGPL-3.0-only
"""Defences by name: which there are, what they do, and how a chain of them is written."""

from __future__ import annotations

from engine.defences.chains import JOINT, chain_name, chain_steps
from engine.defences.kinds import NONE, Defence
from engine.registries import DEFENCES

__all__ = ["JOINT", "NONE", "about", "meanings", "offered", "one_form", "steps"]


def offered() -> list[str]:
    """The names of all defences, each with its defaults, in the order of their registry."""
    return [kind.name for kind in DEFENCES.things()]


def meanings() -> list[str]:
    """What each defence does, in a sentence of English."""
    return [kind.help for kind in DEFENCES.things()]


def one_form(chain: str) -> str:
    """A chain such as `jpeg:75+median` as everything names it: `jpeg+median`; `none` for none.

    Raises:
        SettingsError: there is no such defence, or a setting is out of its range.
    """
    return chain_name(steps(chain))


def steps(chain: str) -> tuple[str, ...]:
    """The defences of a chain.

    Raises:
        SettingsError: see `one_form`.
    """
    return chain_steps(chain)


def about(chain: str) -> list[tuple[str, str]]:
    """What each defence of a chain does, and the paper that it follows, empty if there is none.

    Raises:
        SettingsError: see `one_form`.
    """
    kinds = [Defence.parse(each).kind for each in steps(chain)]
    return [(kind.help, kind.source) for kind in kinds]
