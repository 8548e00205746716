# SPDX-License-Identifier: AGPL-3.0-only
"""Runs and patches: the one list of them, as a table, pictures or charts, and one patch as a whole."""

from __future__ import annotations

from dashboard import interactive
from dashboard.components import controls, empty_state, guarded, page_title
from dashboard.drawing import st
from dashboard.i18n import N_, _, ngettext
from dashboard.page_state import choose, kept
from dashboard.parts.film import film
from dashboard.parts.lists import linked
from dashboard.parts.patches import effects, view
from dashboard.parts.run_names import run_name
from dashboard.parts.runs import gallery, selected, table, views
from dashboard.parts.runs.lineage import lineage
from dashboard.parts.runs.query import Query, ask
from dashboard.parts.slides import patch_slides
from dashboard.services import patches, run_table, stories
from dashboard.services.run_table import Row
from engine.errors import PatchFileError
from engine.records import PatchRecord

VIEWS = {
    "table": N_("Table"),
    "pictures": N_("Gallery"),
    "groups": N_("Groups"),
    "dots": N_("Scatter"),
    "parallel": N_("Parallel coordinates"),
}


def everything() -> None:
    """All runs and patches, filtered, ordered and looked at in one of several ways."""
    page_title(
        _("Runs and patches"),
        _("All runs and imported patches: filter, sort, group and compare them. The link saves the view."),
    )
    known = run_table.rows()
    if known:
        listed(known)
    else:
        empty_state(_("No patches yet."), page="generate", label=_("Generate a patch"))
    with controls("patch-import"):
        gallery.import_form()


def listed(known: list[Row]) -> None:
    """What is asked of the list, and the list."""
    with controls("runs-query"):
        query = ask(known)
        view_name = st.segmented_control(
            _("View"),
            list(VIEWS),
            format_func=lambda each: _(VIEWS[each]),
            required=True,
            label_visibility="collapsed",
            **kept("runs.view", "table", allowed=VIEWS),
        )
    text = ngettext("{number} run or patch", "{number} runs and patches", len(query.rows))
    st.caption(text.format(number=f"{len(query.rows):,}"))
    if query.rows:
        shown(view_name, query, known)
    else:
        st.caption(_("No runs match. Change the filter."))


def shown(view_name: str, query: Query, known: list[Row]) -> None:
    """The lines in the chosen way."""
    if view_name == "pictures":
        gallery.gallery(query.rows)
    elif view_name == "groups":
        views.groups(query.rows, query.columns)
    elif view_name == "dots":
        views.dots(query.rows)
    elif view_name == "parallel":
        views.parallel(query.rows)
    else:
        baseline = table.pinned(known)
        above = controls("runs-actions")  # in sight however long the table is
        chosen = table.table(query.rows, query.columns, baseline)
        with above:
            selected.actions(chosen, query.rows, query.columns, baseline)


def one(patch: PatchRecord) -> None:
    """The view of one patch."""
    with controls("patch-back"):
        if st.button(
            _("All runs and patches"), icon=":material/arrow_back:", key="patch-back", type="tertiary"
        ):
            choose("patch", None)
            st.rerun()
    page_title(run_name(patch.name), _("Patch {number}").format(number=patch.id))
    with guarded():
        view.portrait(patch)
    stage, shown = st.container(), []
    with guarded():
        shown = effects.before_after(patch)
    with stage, controls("patch-slides"), guarded():
        told = stories.about(patch)[1] if "config" in patch.summary else []
        interactive.slides(patch_slides(patch, shown[0] if shown else None, told), key="patch-slides")
    if patch.job_id is not None:
        with guarded():
            film(patch.job_id)
    view.scored(patch)
    with controls("patch-score"):
        effects.score_elsewhere(patch)
    view.history(patch)
    lineage(patch.job_id, patch.id)
    with controls("patch-manage"):
        view.manage(patch)


def page() -> None:
    """The whole page."""
    found = linked("patch", patches.get, PatchFileError)
    if found is None:
        everything()
    else:
        one(found)


page()
