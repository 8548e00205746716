# SPDX-License-Identifier: AGPL-3.0-only
"""What a job asks of a cluster's node."""

from __future__ import annotations

from typing import Any

from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.parts.setting_names import setting_name
from dashboard.services import hardware
from dashboard.services.settings import NEEDS

STEPS = {"gpus": 0.25, "cpus": 1, "memory_gb": 1.0}


def node_needs(key: str) -> dict[str, Any]:
    """The fields, where there is a cluster, and what was written into them, by setting.

    Args:
        key: how the keys of the widgets begin.
    """
    if not hardware.cluster_nodes():
        return {}
    with st.expander(_("Node of the cluster"), icon=":material/lan:"):
        given = {}
        for column, (name, need) in zip(st.columns(len(NEEDS)), NEEDS.items(), strict=True):
            kind = type(STEPS[name])
            low, high = map(kind, need.bounds or ())
            given[name] = column.number_input(
                setting_name(name, NEEDS),
                low,
                high,
                value=None,
                step=STEPS[name],
                placeholder=_("As it comes"),
                help=_(need.help),
                key=f"{key}-{name}",
            )
        return {name: value for name, value in given.items() if value is not None}
