# SPDX-License-Identifier: AGPL-3.0-only
"""The router and the sidebar that all pages share; no page logic."""

from __future__ import annotations

import streamlit as st

from dashboard import sidebar
from dashboard.components import guarded
from dashboard.navigation import pages


def main() -> None:
    """Draw the sidebar, then the page that the address names."""
    st.set_page_config(page_title="PatchBench", page_icon=":material/shield:", layout="wide")
    sidebar.settings()
    page = st.navigation(list(pages().values()))
    sidebar.style()
    with st.sidebar:
        sidebar.worker_status()
    with guarded():
        page.run()


main()
