# SPDX-License-Identifier: AGPL-3.0-only
"""The detectors that a suite is run on."""

from __future__ import annotations

from engine.benchmark.suite import SUITES
from engine.config import RunConfig
from engine.detectors.demo_weights import EMBEDDED, embedded_detectors
from engine.errors import SettingsError
from engine.settings import require_choice


def with_detectors(name: str, config: RunConfig) -> RunConfig:
    """The settings with as many detectors as a suite measures.

    Of a suite of several, `demo` alone stands for all embedded detectors whose weights are there.

    Args:
        name: of the suite.
        config: the settings as given.

    Raises:
        SettingsError: there is no such suite, or the detectors are too few or too many for it.
    """
    require_choice("suite", name, SUITES)
    needed = SUITES[name].detectors
    several = needed > 1
    if several and config.all_weights == (EMBEDDED[0],):
        others = tuple(each for each in embedded_detectors() if each != config.weights)
        config = config.changed(further_weights=others)
    given = len(config.all_weights)
    if given > 1 and not several:
        raise SettingsError(
            f"weights: expected one detector for the suite {name}, got {given}; run it once for each"
        )
    if given < needed:
        missing = next((each for each in EMBEDDED if each not in embedded_detectors()), "")
        demo = config.weights == EMBEDDED[0] and missing
        how = f"make one with: python -m engine demo --retrain {missing}" if demo else "repeat --weights"
        raise SettingsError(
            f"weights: expected at least {needed} detectors for the suite {name}, got {given}; {how}"
        )
    return config


def for_all(name: str, config: RunConfig) -> RunConfig | None:
    """The settings of a suite where all suites are run: those of one detector take the first.

    Returns:
        None if the suite needs more detectors than there are.
    """
    try:
        alone = SUITES[name].detectors == 1
        return with_detectors(name, config.changed(further_weights=()) if alone else config)
    except SettingsError:
        return None
