# SPDX-License-Identifier: AGPL-3.0-only
"""The settings of runs and of requests for jobs, as pages name them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.config import DefenceTrainingConfig, HardeningConfig, RunConfig, TrainingConfig
from engine.jobs.kinds import KINDS
from engine.jobs.needs import Needs
from engine.registries import LOSSES
from engine.settings import Setting, declared
from engine.sweeps.config import SweepRequest

RUN: dict[str, Setting] = declared(RunConfig)
TRAINING: dict[str, Setting] = declared(TrainingConfig)
HARDENING: dict[str, Setting] = declared(HardeningConfig)
NEEDS: dict[str, Setting] = declared(Needs)
# Those that a page asks for beside what is varied. It shows choices in words, so its helps are short.
SWEEP: dict[str, Setting] = {
    key: declared(SweepRequest)[key] for key in ("objective", "sampler", "prune", "trials", "seeds")
}
for _key, _help in {
    "objective": "The metric that ranks trials, measured on held-out images.",
    "sampler": "How the next trial is chosen.",
    "prune": "Cancels trials that fall behind in validation.",
}.items():
    SWEEP[_key] = replace(SWEEP[_key], help=_help)
# Those of all requests for jobs, where the settings of a run or a training stand at the top; a key that a run
# has too means what it means there.
_REQUESTED: dict[str, Setting] = {
    key: each
    for kind in KINDS.things()
    for key, each in declared(kind.request).items()  # type: ignore[arg-type]
    if not key.startswith("config.")
}
SETTINGS: dict[str, Setting] = {**HARDENING, **TRAINING, **_REQUESTED, **RUN}


def settings_of(kind: str) -> dict[str, Setting]:
    """Those of a kind's requests, where the same key may mean another thing than in `SETTINGS`."""
    if kind not in KINDS:
        return SETTINGS
    own = declared(KINDS[kind].request)  # type: ignore[arg-type]
    return SETTINGS | {key.removeprefix("config."): each for key, each in own.items()}


def setting_texts() -> Iterator[str]:
    """The English texts that pages show of settings, for the catalogue of translations."""
    for each in SETTINGS.values():
        yield each.label
        if each.unit:
            yield each.unit
        if each.zero:
            yield each.zero
        if each.parts:
            yield from (text for part in each.parts for text in part)
        elif each.key == "losses":
            yield from (text for term in LOSSES.things() for text in (term.label, term.help))
        elif each.group:
            yield each.help
    yield from (each.label for each in declared(DefenceTrainingConfig).values())
    yield from (text for each in (*NEEDS.values(), *SWEEP.values()) for text in (each.label, each.help))
    for each in (*TRAINING.values(), *HARDENING.values()):
        yield each.label
        if not each.parts:
            yield each.help
        if each.unit:
            yield each.unit
