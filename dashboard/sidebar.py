# SPDX-License-Identifier: AGPL-3.0-only
"""The sidebar below the pages' names: language, presentation mode, worker."""

from __future__ import annotations

from dashboard import notices
from dashboard.components import guarded, live
from dashboard.drawing import Markdown, st
from dashboard.i18n import LANGUAGES, _, browser_language, ngettext
from dashboard.page_state import kept, presenting
from dashboard.parts.run_names import run_name
from dashboard.services import workers

_PRESENTATION = """<style>
html {font-size: 21px}
[class*="st-key-controls-"] {display: none}
[data-testid="stMainBlockContainer"] {padding-top: 3rem; max-width: none}
</style>"""


# Streamlit writes what is selected in the primary colour, on a tint of it too: too little contrast.
_SELECTED = """<style>
[data-testid="stSliderThumbValue"], [data-testid="stSliderThumbValue"] * {color: inherit !important}
[data-testid="stButtonGroup"] button[aria-checked="true"],
[data-testid="stButtonGroup"] button[aria-checked="true"] * {color: inherit !important; font-weight: 600}
</style>"""

# Streamlit cuts off links and the notes below figures, and leaves wide margins, for want of which the last
# column of a table of scores would be cut off at 1440 pixels.
_ROOM = """<style>
[data-testid="stMetricDelta"] *, [data-testid="stPageLink"] a * {white-space: normal !important}
@media (min-width: 641px) {
  [data-testid="stMainBlockContainer"] {padding-left: 3rem; padding-right: 3rem}
}
</style>"""

# On a phone Streamlit stacks all columns; figures in frames stand two in a row instead.
_PHONE = """<style>
@media (max-width: 640px) {
  [data-testid="stColumn"]:has(> [data-testid="stVerticalBlock"] > [data-testid="stElementContainer"]
    > [data-testid="stMetric"]) {min-width: calc(50% - 0.5rem); flex-basis: calc(50% - 0.5rem)}
  [data-testid="stMetricValue"] * {font-size: 1.4rem}
  [data-testid="stMainBlockContainer"] {padding-top: 4rem}
}
</style>"""


def settings() -> None:
    """Language and presentation mode; the session and every link keep them."""
    with st.sidebar:
        # The language's own name is the label, so that it can be found in a language that one cannot read.
        st.segmented_control(
            "Language · 언어",
            list(LANGUAGES),
            format_func=LANGUAGES.__getitem__,
            required=True,
            label_visibility="collapsed",
            **kept("lang", browser_language(), allowed=LANGUAGES),
        )
        st.toggle(
            _("Presentation mode"),
            help=_("Larger text and charts, no controls."),
            **kept("present", False, parse=lambda text: text == "True"),
        )


def style() -> None:
    """What pages look like on a phone, what is selected, room for texts, and the type of presentations."""
    st.html(_PHONE + _SELECTED + _ROOM)
    if presenting():
        st.html(_PRESENTATION)


def _status() -> None:
    notices.watch(run_name)
    alive = workers.alive()
    if alive:
        text = ngettext("{number} worker running", "{number} workers running", len(alive))
        devices = ", ".join(sorted(worker.device for worker in alive))
        line = Markdown(":material/check_circle: {text} ({devices})")
        st.caption(line.format(text=text.format(number=len(alive)), devices=devices))
        return
    st.caption(Markdown(":material/warning: {text}").format(text=_("No worker: jobs are waiting")))
    with guarded():
        if workers.startable() and st.button(_("Start a worker"), key="start-worker"):
            workers.ensure()
            st.rerun()


worker_status = live(_status, every_s=5)
