# SPDX-License-Identifier: AGPL-3.0-only
"""The fields of the advanced settings: each setting once, with a widget that suits it."""

from __future__ import annotations

import pytest

from dashboard.parts.generate.fields import GROUPS, Field, fields_of
from dashboard.services.generate import DEFAULTS
from dashboard.services.settings import RUN

FIELDS = [field for group in GROUPS for field in fields_of(group)]


def test_each_setting_stands_once() -> None:
    keys = [field.key for field in FIELDS]
    assert len(set(keys)) == len(keys)
    apart = {"dataset", "weights", "class_name", "detector_class", "iterations", "initial"}
    apart |= {"schedule.milestones", "further_weights", "ensemble", "own_detector_classes"}
    assert set(keys) | apart == set(DEFAULTS)
    assert {setting.group for setting in RUN.values()} == {*GROUPS, ""}


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.key)
def test_a_field_suits_its_default(field: Field) -> None:
    default = DEFAULTS[field.key]
    assert isinstance(default, field.kind)
    assert field.help.endswith(".")
    assert field.name != field.key
    if field.options:
        assert default == () or default in field.options
    elif field.bounds:
        assert field.bounds[0] <= default <= field.bounds[1]
    else:
        assert isinstance(default, bool | str)


@pytest.mark.parametrize(
    "field", [field for field in FIELDS if field.setting.needs], ids=lambda field: field.key
)
def test_what_a_field_depends_on_comes_before_it(field: Field) -> None:
    assert field.setting.needs is not None
    key, values = field.setting.needs
    keys = [each.key for each in FIELDS]
    assert keys.index(key) < keys.index(field.key)
    assert set(values) <= set(FIELDS[keys.index(key)].options)
    assert field.matters({key: values[0]})
    assert not field.matters({key: "another"})
