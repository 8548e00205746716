# SPDX-License-Identifier: AGPL-3.0-only
"""The patches of the shown runs as pictures, and the form that imports one from elsewhere."""

from __future__ import annotations

from dashboard.components import go_to, guarded, score_line
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import choose
from dashboard.parts.lists import page_number
from dashboard.parts.run_names import run_name
from dashboard.pictures import texels
from dashboard.services import patches
from dashboard.services.patches import LARGEST_MB, PAGE_SIZE
from dashboard.services.run_table import Row
from engine.records import PatchRecord


def gallery(shown: list[Row]) -> None:
    """A card for each run that has a patch, some a page."""
    numbers = [row.patch for row in shown if row.patch is not None]
    if not numbers:
        st.caption(_("No patches match. Change the filter."))
        return
    number = page_number("runs.page", -(-len(numbers) // PAGE_SIZE))
    with st.container(horizontal=True):
        for patch in numbers[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]:
            with guarded():
                card(patches.get(patch))


def card(patch: PatchRecord) -> None:
    """A patch in the gallery."""
    with st.container(border=True, width=226):
        with guarded():
            alt = _("The patch {name}.").format(name=run_name(patch.name))
            texels(patches.file_bytes(patch.image), alt=alt, key=f"card-{patch.id}", at_most_px=192)
        go_to("patches", run_name(patch.name), patch=patch.id)
        if patch.score:
            st.caption(score_line(patch.score))
        else:
            st.caption(_("Not scored yet"))


def import_form() -> None:
    """Put a patch from elsewhere on record."""
    with st.expander(_("Import an external patch"), icon=":material/upload:"):
        with st.form("import-patch", clear_on_submit=True):
            file = st.file_uploader(
                _("A PNG or JPEG image, or a NumPy array (.npy)"),
                type=["png", "jpg", "jpeg", "npy"],
                max_upload_size=LARGEST_MB,
                help=_(
                    "Arrays hold values from 0 to 1, or bytes, in the shape 3 × height × width. "  # noqa: RUF001
                    "Pickled arrays are rejected."
                ),
            )
            name = st.text_input(_("Name"), placeholder=_("The file name"), max_chars=200)
            sent = st.form_submit_button(_("Import"), key="import-patch-send")
        if sent and file is None:
            st.warning(_("Choose a file first."))
        elif sent and file is not None:
            with guarded():
                choose("patch", patches.import_upload(file, file.name, name).id)
                st.rerun()
