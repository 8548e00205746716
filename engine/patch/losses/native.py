# SPDX-License-Identifier: AGPL-3.0-only
"""The terms `total`, `cls`, `box` and `dfl`, which maximise the detector's own training losses."""

from __future__ import annotations

from engine.patch.losses.terms import LossTerm
from engine.registries import LOSSES

__all__: list[str] = []


def _term(name: str, meaning: str) -> LossTerm:
    return LossTerm(
        name=name,
        label=f"Weight: detector's {name}",
        help=f"{meaning}.",
        needs="native losses",
        value=lambda given: -given.native[name],
        adds_up=False,  # normalised over the assignments of the whole batch
    )


LOSSES.add(_term("total", "The detector's own training loss"))
LOSSES.add(_term("cls", "The class part of the training loss"))
LOSSES.add(_term("box", "The box part of the training loss"))
LOSSES.add(_term("dfl", "The edge part of the training loss"))
