# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs are listed by their names, or by kind and number without one."""

from __future__ import annotations

import pytest

from dashboard.i18n import speaking
from dashboard.parts.job_lines import job_title
from tests.engine.store.factories import make_job


@pytest.mark.parametrize(
    ("label", "title"),
    [
        ("", "Dataset import 4"),
        ("mine", "mine"),
        ("Sweep 1, trial 2: top_k 3", "Sweep 1, trial 2: Top k 3"),
    ],
)
def test_a_job_has_a_title(label: str, title: str) -> None:
    with speaking("en"):
        assert job_title(make_job(id=4, label=label)) == title
