# SPDX-License-Identifier: AGPL-3.0-only
"""Chains of defences as one text, `jpeg:quality=75+median`, as matrices and tables name them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.defences.kinds import NONE, normal_form

JOINT = "+"


def chain_steps(chain: str) -> tuple[str, ...]:
    """The defences of a chain, each in its one form, the first that sees the image first; none for `none`.

    Raises:
        SettingsError: see `engine.defences.kinds.Defence.parse`.
    """
    return normal_form(chain.split(JOINT))


def chain_name(steps: Sequence[str]) -> str:
    """The name of a chain, `none` for an empty one; the steps are taken as they are written."""
    return JOINT.join(steps) or NONE
