# SPDX-License-Identifier: AGPL-3.0-only
"""The nodes of a cluster and their GPUs, as the worker on its head tells them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard import formats
from dashboard.drawing import st
from dashboard.formats import DASH
from dashboard.i18n import _
from dashboard.services import hardware
from engine.store.nodes import ClusterNode


def cluster_nodes() -> None:
    """The nodes as a table; nothing without a cluster."""
    nodes = hardware.cluster_nodes()
    if not nodes:
        return
    st.subheader(_("Cluster"), anchor=False)
    st.caption(_("The nodes of the Ray cluster that runs jobs for this machine's worker, as last reported."))
    st.dataframe([_row(node) for node in nodes], hide_index=True, alt=_("The nodes of the cluster."))
    gpus = [row for node in nodes for row in _gpu_rows(node)]
    if gpus:
        st.dataframe(gpus, hide_index=True, alt=_("The GPUs of the cluster."))


def _row(node: ClusterNode) -> dict[str, Any]:
    load = node.load
    return {
        _("Node"): node.name,
        _("Jobs"): node.jobs,
        _("GPUs in use"): _of(node.gpus_taken, node.gpus),
        _("Processors in use"): _of(node.cpus_taken, node.cpus),
        _("CPU load"): f"{load['cpu_percent']:.0f} %" if load else DASH,
        _("Memory"): _memory(load),
        _("Processor"): load.get("cpu_model", DASH),
        _("Address"): node.address,
    }


def _gpu_rows(node: ClusterNode) -> Sequence[dict[str, Any]]:
    return [
        {
            _("Node"): node.name,
            _("GPU"): f"{gpu['index']}: {gpu['name'] or _('unknown GPU')}",
            _("Utilisation"): _percent(gpu["utilisation_percent"]),
            _("Memory"): _memory(gpu),
            _("Temperature"): DASH
            if gpu["temperature_celsius"] is None
            else f"{gpu['temperature_celsius']} °C",
        }
        for gpu in node.load.get("gpus", ())
    ]


def _of(taken: float, all_of_it: float) -> str:
    """For example 0.5 of 4."""
    return _("{part} of {total}").format(part=f"{taken:g}", total=f"{all_of_it:g}")


def _percent(value: int | None) -> str:
    return DASH if value is None else f"{value} %"


def _memory(facts: dict[str, Any]) -> str:
    """Used and total, of a machine or a GPU."""
    used, total = facts.get("memory_used_bytes"), facts.get("memory_total_bytes")
    return DASH if total is None else f"{formats.bytes_text(used)} / {formats.bytes_text(total)}"
