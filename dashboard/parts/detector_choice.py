# SPDX-License-Identifier: AGPL-3.0-only
"""The widgets that choose a detector, for pages that need one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from dashboard.components import guarded
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import choose, chosen, kept
from dashboard.parts.class_choice import read_classes, write_classes
from dashboard.services import detectors


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


def choose_further(name: str, weights: str) -> list[str]:
    """Detectors that are attacked at once with the one chosen, `weights`; none at first.

    Args:
        name: of the query parameter.
    """
    known = [each for each in detectors.detectors() if each != weights]
    linked = [each for each in chosen(name, [], parse=read_classes) if each not in (*known, weights)]
    found: list[str] = st.multiselect(
        _("Further detectors"),
        [*known, *linked],
        format_func=detector_name,
        placeholder=_("None"),
        help=_("The patch attacks all of these detectors at once, so that it transfers better to others."),
        **kept(name, [], allowed=[*known, *linked], parse=read_classes, write=write_classes),
    )
    return found


def other_weights(name: str) -> None:
    """Choose a weight file from the server's disk or from the browser; `choose_detector` has it from then on.

    Args:
        name: as of `choose_detector`.
    """
    with st.popover(_("Another weight file"), icon=":material/upload_file:"):
        st.markdown(
            _(
                "A .pt file of Ultralytics or a state dict of torchvision (.pth, .safetensors). It is "
                "checked before anything in it is opened."
            )
        )
        written = st.text_input(
            _("Path on this machine"),
            help=_("A weight file in one of the folders that pages may name."),
            key=f"{name}-path",
        )
        if st.button(_("Use this file"), key=f"{name}-use", disabled=not written):
            _use(name, lambda: detectors.weight_file(written))
        file = st.file_uploader(_("Or upload one"), type=list(detectors.SUFFIXES), key=f"{name}-file")
        if st.button(_("Upload and use"), key=f"{name}-upload", disabled=file is None) and file:
            _use(name, lambda: detectors.store_weights(file, file.name))


def trusted(weights: Sequence[str], key: str) -> bool:
    """Whether files from elsewhere are opened whatever they name; `key` is of the widget."""
    if not any(Path(each).is_absolute() for each in weights):
        return False
    return st.checkbox(
        _("I trust the maker of this weight file"),
        help=_("Opens the file even if it names code that the check does not know; such code may then run."),
        key=key,
    )


def _use(name: str, find: Callable[[], str]) -> None:
    with guarded():
        choose(name, find())
        st.session_state.pop(f"widget.{name}", None)
        st.rerun()


def detector_name(weights: str) -> str:
    """The name of a detector: of a file, the file's name."""
    if detectors.is_embedded(weights):
        return _("{name} (synthetic scenes)").format(name=weights)
    return weights if weights in detectors.KNOWN else Path(weights).name
