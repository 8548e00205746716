# SPDX-License-Identifier: AGPL-3.0-only
"""Patches: the gallery, one patch with all that is known of it, and patches from elsewhere."""

from __future__ import annotations

from dashboard import interactive
from dashboard.components import controls, empty_state, go_to, guarded, page_title, score_line
from dashboard.drawing import st
from dashboard.i18n import N_, _, ngettext
from dashboard.page_state import choose
from dashboard.parts.film import film
from dashboard.parts.lists import filters, linked, page_number
from dashboard.parts.patches import effects, view
from dashboard.parts.slides import patch_slides
from dashboard.pictures import texels
from dashboard.services import patches, stories
from dashboard.services.patches import LARGEST_MB
from engine.errors import PatchFileError
from engine.records import PatchRecord

ORDERS = {
    "newest": N_("Newest first"),
    "asr": N_("Highest ASR first"),
    "ap50": N_("Lowest AP50 first"),
    "name": N_("By name"),
}


def card(patch: PatchRecord) -> None:
    """A patch in the gallery."""
    with st.container(border=True, width=226):
        with guarded():
            alt = _("The patch {name}.").format(name=patch.name)
            texels(patches.file_bytes(patch.image), alt=alt, key=f"card-{patch.id}", at_most_px=192)
        go_to("patches", patch.name, patch=patch.id)
        if patch.score:
            st.caption(score_line(patch.score))
        else:
            st.caption(_("Not scored yet"))


def gallery() -> None:
    """All patches with search, order and pages."""
    page_title(_("Patches"), _("Every patch that was made or imported here, with its scores."))
    with controls("patch-import"):
        import_form()
    if not patches.find(1).total:
        empty_state(_("There is no patch yet."), page="generate", label=_("Generate a patch"))
        return
    with controls("patches-filters"):
        searched = _("Name, notes, dataset, detector or class")
        wanted = filters("patches", searched=searched, orders=ORDERS)
        number = page_number("patches.page", patches.find(1, **wanted).pages)
    found = patches.find(number, **wanted)
    if not found.rows:
        st.caption(_("No patch is like that. Change the search."))
        return
    st.caption(ngettext("{number} patch", "{number} patches", found.total).format(number=f"{found.total:,}"))
    with st.container(horizontal=True):
        for patch in found.rows:
            card(patch)


def import_form() -> None:
    """Put a patch from elsewhere on record."""
    with st.expander(_("Import a patch from elsewhere"), icon=":material/upload:"):
        with st.form("import-patch", clear_on_submit=True):
            file = st.file_uploader(
                _("A PNG or JPEG image, or a NumPy array (.npy)"),
                type=["png", "jpg", "jpeg", "npy"],
                max_upload_size=LARGEST_MB,
                help=_(
                    "Arrays hold 3 by height by width values of 0 to 1, or bytes; pickled ones are refused."
                ),
            )
            name = st.text_input(_("Name"), placeholder=_("That of the file"), max_chars=200)
            sent = st.form_submit_button(_("Import"), key="import-patch-send")
        if sent and file is None:
            st.warning(_("Choose a file first."))
        elif sent and file is not None:
            with guarded():
                choose("patch", patches.import_upload(file, file.name, name).id)
                st.rerun()


def one(patch: PatchRecord) -> None:
    """The view of one patch."""
    with controls("patch-back"):
        if st.button(_("All patches"), icon=":material/arrow_back:", key="patch-back", type="tertiary"):
            choose("patch", None)
            st.rerun()
    page_title(patch.name, _("Patch {number}").format(number=patch.id))
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
    with controls("patch-manage"):
        view.manage(patch)


def page() -> None:
    """The whole page."""
    found = linked("patch", patches.get, PatchFileError)
    if found is None:
        gallery()
    else:
        one(found)


page()
