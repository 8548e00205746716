# SPDX-License-Identifier: AGPL-3.0-only
"""The terms that maximise the detector's own training losses, one for each name that a family has."""

from __future__ import annotations

from engine.patch.losses.terms import LossTerm
from engine.registries import DETECTORS, LOSSES

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


for _family in DETECTORS.things():
    for _name, _meaning in _family.losses.items():
        if _name not in LOSSES:
            LOSSES.add(_term(_name, _meaning))
