# SPDX-License-Identifier: AGPL-3.0-only
"""Buttons that save a file, made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Thread

from streamlit import runtime
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

from dashboard.drawing import st


def save_button(
    label: str,
    make: Callable[[], bytes | str],
    name: str,
    kind: str,
    *,
    key: str,
    help: str,
    icon: str = ":material/download:",
) -> None:
    """Offer a file.

    Args:
        label: the button's text.
        make: returns the file's content; called on a click.
        name: of the file.
        kind: its media type.
        key: of the button, unlike any other's.
        help: what the file holds, in a sentence.
        icon: beside the label.
    """
    content = partial(_kept, make, name, kind, key, get_script_run_ctx())
    st.download_button(label, content, name, kind, key=key, help=help, icon=icon, on_click="ignore")


def _kept(
    make: Callable[[], bytes | str], name: str, kind: str, key: str, session: ScriptRunContext | None
) -> bytes:
    """The file's content, which Streamlit keeps until the page is drawn anew.

    It would drop a file made on a click at the end of the second run after it, those of parts that refresh
    by themselves included: a browser that asks for the file later than that gets an error.
    """
    content = make()
    content = content.encode() if isinstance(content, str) else content
    if session is not None and runtime.exists():
        add = partial(runtime.get_instance().media_file_mgr.add, is_for_static_download=True)
        keeper = Thread(target=add, args=(content, kind, f"{__name__}.{key}", name))
        add_script_run_ctx(keeper, session)  # files are kept for the session of the thread that adds them
        keeper.start()
        keeper.join()
    return content
