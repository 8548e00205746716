# SPDX-License-Identifier: AGPL-3.0-only
"""The table of advanced settings: each one once, with a name, a meaning and possible bounds."""

from __future__ import annotations

import pytest

from dashboard.parts.generate.fields import GROUPS, LABELS, Field
from dashboard.parts.setting_names import setting_name
from dashboard.services.generate import DEFAULTS

FIELDS = [field for group in GROUPS.values() for field in group.fields]


def test_each_setting_stands_once() -> None:
    keys = [field.key for field in FIELDS]
    assert len(set(keys)) == len(keys)
    apart = {"dataset", "weights", "class_name", "detector_class", "iterations", "initial"}
    apart.add("schedule.milestones")
    assert set(keys) | apart == set(DEFAULTS)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.key)
def test_a_field_suits_its_default(field: Field) -> None:
    default = DEFAULTS[field.key]
    assert field.meaning.endswith(".")
    assert field.key in LABELS or setting_name(field.key) != field.key
    if field.options:
        assert default in field.options
    elif field.bounds:
        assert field.bounds[0] <= default <= field.bounds[1]
    else:
        assert isinstance(default, bool)


@pytest.mark.parametrize("field", [field for field in FIELDS if field.needs], ids=lambda field: field.key)
def test_what_a_field_depends_on_comes_before_it(field: Field) -> None:
    assert field.needs is not None
    key, values = field.needs
    keys = [each.key for each in FIELDS]
    assert keys.index(key) < keys.index(field.key)
    assert set(values) <= set(FIELDS[keys.index(key)].options)
