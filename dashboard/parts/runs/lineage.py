# SPDX-License-Identifier: AGPL-3.0-only
"""The lineage of a run or a patch: links to what it comes from and to what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.components import go_to, kind_name
from dashboard.drawing import st
from dashboard.i18n import N_, _
from dashboard.parts.run_names import run_name
from dashboard.parts.sweeps.names import sweep_name
from dashboard.services import lineage as service
from dashboard.services import sweeps
from dashboard.services.lineage import Relation

KINDS = {
    "dataset": N_("Dataset"),
    "detector": N_("Detector"),
    "training": N_("Training job"),
    "start": N_("Starting patch"),
    "origin": N_("Duplicated from"),
    "sweep": N_("Sweep"),
    "matrix": N_("Matrix"),
}


def lineage(job_id: int | None, patch_id: int | None) -> None:
    """Both sides; nothing where nothing is known."""
    found = service.lineage(job_id, patch_id)
    if not found.before and not found.after:
        return
    with st.expander(_("Lineage"), icon=":material/account_tree:"):
        before, after = st.columns(2)
        with before:
            _side(_("Origin"), found.before, _("Nothing recorded."))
        with after:
            _side(_("Used in"), found.after, _("Nothing yet."))


def _side(title: str, relations: Sequence[Relation], nothing: str) -> None:
    st.caption(title)
    if not relations:
        st.text(nothing)
    for relation in relations:
        kind = _(KINDS[relation.kind]) if relation.kind in KINDS else kind_name(relation.kind)
        text = f"{kind}: {_name(relation)}"
        if relation.page:
            go_to(relation.page, text, **relation.parameters)
        else:
            st.text(text)


def _name(relation: Relation) -> str:
    if relation.kind == "sweep":
        return sweep_name(sweeps.get(relation.parameters["sweep"]))
    return f"{relation.parameters.get('job', '')} {run_name(relation.name)}".strip()
