# SPDX-License-Identifier: AGPL-3.0-only
"""The widgets that choose a detector, for pages that need one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dashboard.components import guarded
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import changed, choose, chosen, kept, reset
from dashboard.parts.class_choice import read_classes, write_classes
from dashboard.services import detectors

_NAMED = "detectors.named"  # what links call files that this session has seen


def write_weights(weights: str) -> str:
    """A detector as a link has it: a file by its name and a mark of its path, which stays on the server."""
    if not Path(weights).is_absolute():
        return weights
    name = f"{Path(weights).name}~{hashlib.sha256(weights.encode()).hexdigest()[:8]}"
    st.session_state.setdefault(_NAMED, {})[name] = weights
    return name


def read_weights(text: str) -> str:
    """The detector that a link names.

    Raises:
        ValueError: it names a file that is not known here.
    """
    named = {write_weights(each): each for each in detectors.detectors()}
    weights: str = (st.session_state.get(_NAMED, {}) | named).get(text, text)
    if weights == text and "~" in text and "/" not in text:
        raise ValueError(f"expected a known detector, got {text}")
    return weights


def read_several(text: str) -> list[str]:
    """The detectors that a link names; errors as of `read_weights`."""
    return list(map(read_weights, read_classes(text)))


def write_several(weights: Sequence[str]) -> str:
    """Detectors as a link has them."""
    return write_classes(list(map(write_weights, weights)))


def choose_detector(name: str, meaning: str, *, dataset: str = "", first: str = "demo") -> str:
    """A detector out of those known here.

    Args:
        name: of the query parameter.
        meaning: the help, in a sentence.
        dataset: until one is chosen, the detector is the last one that was used with this dataset.
        first: the one at first, without a dataset.
    """
    if dataset:
        first = detectors.last_used(dataset)
        if changed(f"widget.{name}.for", dataset) and chosen(name) is None:
            reset(name)
    known = list(dict.fromkeys([*detectors.detectors(), first]))
    linked = chosen(name, parse=read_weights)
    offered = known if linked in (None, *known) else [*known, linked]
    how: dict[str, Any] = kept(name, first, allowed=offered, parse=read_weights, write=write_weights)
    return st.selectbox(_("Detector"), offered, format_func=detector_name, help=meaning, **how)


def choose_further(name: str, weights: str) -> list[str]:
    """Detectors that are attacked at once with the one chosen, `weights`; none at first.

    Args:
        name: of the query parameter.
    """
    known = [each for each in detectors.detectors() if each != weights]
    linked = [each for each in chosen(name, [], parse=read_several) if each not in (*known, weights)]
    found: list[str] = st.multiselect(
        _("Additional detectors"),
        [*known, *linked],
        format_func=detector_name,
        placeholder=_("None"),
        help=_("The patch attacks all of these detectors at once, which improves transfer to others."),
        **kept(name, [], allowed=[*known, *linked], parse=read_several, write=write_several),
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
                "An Ultralytics .pt file or a torchvision state dict (.pth, .safetensors). The "
                "file is checked before it is opened."
            )
        )
        written = st.text_input(
            _("Path on this machine"),
            help=_("A weight file in one of the allowed folders."),
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
        _("I trust the source of this weight file"),
        help=_(
            "Opens the file even if it refers to code that the check does not recognise. That code "
            "may then run."
        ),
        key=key,
    )


def _use(name: str, find: Callable[[], str]) -> None:
    with guarded():
        choose(name, find(), write=write_weights)
        st.session_state.pop(f"widget.{name}", None)
        st.rerun()


def detector_name(weights: str) -> str:
    """The name of a detector: of a file, the file's name."""
    if detectors.is_embedded(weights):
        return _("{name} (synthetic scenes)").format(name=weights)
    return weights if weights in detectors.KNOWN else Path(weights).name
