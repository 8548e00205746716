# SPDX-License-Identifier: AGPL-3.0-only
"""The settings that pages know, and the texts that they show of them."""

from __future__ import annotations

import pytest

from dashboard.services.settings import RUN, SETTINGS, setting_texts, settings_of
from engine.config import RunConfig
from engine.settings import flat


def test_every_setting_of_a_run_is_known() -> None:
    assert set(RUN) == set(flat(RunConfig(dataset="-", weights="-").to_json()))
    assert set(RUN) < set(SETTINGS)


@pytest.mark.parametrize(
    ("kind", "unit"),
    [("of a later version", "validations"), ("generate", "validations"), ("train", "epochs")],
)
def test_a_kinds_settings_are_its_own(kind: str, unit: str) -> None:
    found = settings_of(kind)
    assert set(found) == set(SETTINGS)
    assert found["early_stop"].unit == unit


def test_texts_are_names_units_and_what_fields_explain() -> None:
    texts = set(setting_texts())
    assert {
        "Seed",
        "texels",
        "View zoom, minimum",
        "The rule that turns gradients into updates.",
    } <= texts
    assert not {"", "Number of passes over the images."} & texts  # the page explains these in its own words
