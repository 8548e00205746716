# SPDX-License-Identifier: AGPL-3.0-only
"""The widget that chooses a detector, for pages that need one."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.i18n import _
from dashboard.page_state import chosen, kept
from dashboard.services import detectors

__all__ = ["choose_detector", "detector_name"]


def choose_detector(name: str, meaning: str) -> str:
    """A detector out of those known here, `demo` at first.

    Args:
        name: of the query parameter.
        meaning: the help, in a sentence.
    """
    known = detectors.detectors()
    linked = chosen(name)
    offered = known if linked in (None, *known) else [*known, linked]
    return st.selectbox(
        _("Detector"), offered, format_func=detector_name, help=meaning, **kept(name, "demo", allowed=offered)
    )


def detector_name(weights: str) -> str:
    """What a detector is called: a file by its name."""
    return _("demo (synthetic scenes)") if weights == "demo" else Path(weights).name
