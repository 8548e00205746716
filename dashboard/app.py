# SPDX-License-Identifier: AGPL-3.0-only
"""The router and the sidebar that all pages share; no page logic."""

from __future__ import annotations

from pathlib import Path

from dashboard import notices, sidebar
from dashboard.components import guarded
from dashboard.drawing import st
from dashboard.i18n import language, speaking
from dashboard.navigation import pages
from dashboard.page_state import enter

ICON = Path(__file__).with_name("icon.png")  # Streamlit would fetch a named symbol from another host


def main() -> None:
    """Draw the sidebar, then the page that the address names."""
    st.set_page_config(page_title="PatchBench", page_icon=str(ICON), layout="wide")
    enter("")
    notices.begin()
    sidebar.settings()
    page = st.navigation(list(pages().values()))
    enter(page.url_path)
    sidebar.style()
    with st.sidebar:
        sidebar.worker_status()
    with guarded(), speaking(language()):  # found once, not again for each text
        page.run()


main()
