# SPDX-License-Identifier: AGPL-3.0-only
"""What a sweep's settings, objectives and states are called."""

from __future__ import annotations

import pytest

from dashboard.i18n import speaking
from dashboard.parts.setting_names import CHOICES, dimension_name
from dashboard.parts.sweeps.names import (
    SHORT,
    figure_text,
    settings_text,
    trial_state,
)
from dashboard.services import sweeps
from engine.store.sweeps import Sweep, Trial
from engine.sweeps.config import LOW_IS_BEST, PRUNERS, SAMPLERS


def test_everything_has_a_name() -> None:
    assert set(CHOICES["objective"]) == set(SHORT) == set(LOW_IS_BEST)
    assert set(CHOICES["sampler"]) == set(SAMPLERS)
    assert set(CHOICES["prune"]) == set(PRUNERS)
    for name in sweeps.varied():
        assert dimension_name(name) != name
        with speaking("ko"):
            assert not dimension_name(name).isascii()


@pytest.mark.parametrize(
    ("objective", "value", "text"),
    [("asr", None, "–"), ("asr", 0.12345, "0.123"), ("images_per_s", 1234.5, "1,234.50")],  # noqa: RUF001
)
def test_a_value_of_the_objective(objective: str, value: float | None, text: str) -> None:
    sweep = Sweep(
        id=1, name="", state="running", request={"objective": objective}, created_at=0, importance={}
    )
    assert figure_text(sweep, value) == text


def test_a_trial_in_words() -> None:
    settings = {"flip": True, "patch_size": 32, "optimizer": "sign", "losses": "object=1+tv=0.1"}
    trial = Trial(number=1, state="pruned", settings=settings, jobs=())
    assert settings_text(trial) == (
        "Horizontal flip yes · Patch size 32 · Optimizer Sign of the gradient · "
        "Losses object 1, total variation 0.1"
    )
    assert (trial_state("pruned"), trial_state("failed")) == ("Pruned", "Failed")
