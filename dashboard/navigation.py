# SPDX-License-Identifier: AGPL-3.0-only
"""The pages there are, in the order of the sidebar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dashboard.drawing import st
from dashboard.i18n import N_, _

FOLDER = Path(__file__).with_name("app_pages")
PAGES = {  # script → title and icon; one line a page
    "overview": (N_("Overview"), ":material/home:"),
    "datasets": (N_("Datasets"), ":material/photo_library:"),
    "detectors": (N_("Detectors"), ":material/center_focus_strong:"),
    "hardware": (N_("Hardware"), ":material/memory:"),
    "generate": (N_("Generate"), ":material/auto_awesome:"),
    "jobs": (N_("Jobs"), ":material/list_alt:"),
    "patches": (N_("Runs and patches"), ":material/grid_on:"),
    "transfer": (N_("Transfer"), ":material/apps:"),
    "defend": (N_("Defend"), ":material/shield:"),
    "sweeps": (N_("Sweeps"), ":material/tune:"),
    "benchmarks": (N_("Benchmarks"), ":material/speed:"),
    "compare": (N_("Compare"), ":material/compare_arrows:"),
}


def pages() -> dict[str, Any]:
    """Script → the page; the first one opens at the bare address."""
    return {name: page_of(name) for name in PAGES}


def page_of(name: str) -> Any:
    """The page of a script, titled in the session's language."""
    title, icon = PAGES[name]
    return st.Page(
        FOLDER / f"{name}.py", title=_(title), icon=icon, url_path=name, default=name == "overview"
    )
