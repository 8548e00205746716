# SPDX-License-Identifier: AGPL-3.0-only
"""The widget that chooses a dataset, for pages that need one."""

from __future__ import annotations

from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import kept
from engine.store.datasets import DatasetSummary


def choose_dataset(found: list[DatasetSummary], meaning: str, *, name: str = "dataset") -> DatasetSummary:
    """One of the imported datasets, the first one at first.

    Args:
        found: the datasets, at least one.
        meaning: the help, in a sentence.
        name: of the query parameter.
    """
    by_name = {each.name: each for each in found}
    chosen = st.selectbox(
        _("Dataset"), list(by_name), help=meaning, **kept(name, found[0].name, allowed=by_name)
    )
    return by_name[chosen]
