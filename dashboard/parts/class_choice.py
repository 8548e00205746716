# SPDX-License-Identifier: AGPL-3.0-only
"""The widgets that choose classes: those of a dataset, and the one that they are for a detector."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import changed, kept, reset
from dashboard.services import detectors
from engine.json_text import json_text


def choose_classes(
    name: str, offered: Sequence[str], *, meaning: str, first: Sequence[str] = ()
) -> list[str]:
    """Classes of a dataset; none once all were taken out.

    Args:
        name: of the query parameter.
        offered: their names, at least one.
        meaning: the help, in a sentence.
        first: what is chosen at first; else `first_classes`.
    """
    chosen: list[str] = st.multiselect(
        _("Class"),
        offered,
        placeholder=_("Choose one class or more"),
        help=meaning,
        **kept(
            name,
            list(first) or first_classes(offered),
            allowed=offered,
            parse=read_classes,
            write=write_classes,
        ),
    )
    if not chosen:
        st.warning(_("Choose one class or more"), icon=":material/warning:")
    return chosen


def choose_detector_class(name: str, weights: str, classes: Sequence[str], *, first: str = "") -> str | None:
    """The class that a dataset's classes are for a detector; it follows them, and the detector.

    Args:
        name: of the query parameter.
        weights: the detector.
        classes: of the dataset.
        first: what is chosen at first where no class shares their name.

    Returns:
        As `RunConfig.detector_class`: empty for the class of the same name. None while it must be chosen.
    """
    subject = (weights, *classes)
    if changed(f"widget.{name}.for", subject):
        reset(name)
    names = detectors.known_class_names(weights)
    namesake = detectors.namesake(names, classes)
    times = Counter(names)
    options = {each if times[each] == 1 else str(number): each for number, each in enumerate(names)}
    usual = namesake
    if first in options or (first and not names and [first] != list(classes)):
        usual = namesake or first
    chosen = st.selectbox(
        _("Detector's class"),
        list(options),
        format_func=lambda each: _with_number(str(each), options.get(str(each), str(each))),
        placeholder=_("Choose one") if names or len(classes) > 1 else _("The same name"),
        help=_("The detector's class for these objects. If no classes are listed, type a name or number."),
        accept_new_options=not names,
        **kept(name, usual, allowed=list(options) or None),
    )
    if chosen or (not names and len(classes) == 1):
        return "" if not chosen or chosen == namesake else str(chosen)
    if classes:
        text = _("Choose the detector's class for {classes}.").format(classes=", ".join(classes))
        st.warning(text, icon=":material/warning:")
    return None


def first_classes(offered: Sequence[str]) -> list[str]:
    """The class that is chosen at first: `person`, as the engine does, else the first one."""
    return ["person" if "person" in offered else offered[0]]


def read_classes(text: str) -> list[str]:
    """Classes of a link: one as it is, several as a JSON list.

    Raises:
        ValueError: it begins as such a list and is none.
    """
    try:
        found = json.loads(text) if text.startswith("[") else [text]
    except RecursionError as error:
        raise ValueError("expected a list of names, got a nested list") from error
    return list(map(str, found))


def write_classes(classes: Sequence[str]) -> str:
    """Classes as a link has them."""
    alone = len(classes) == 1 and not classes[0].startswith("[")
    return classes[0] if alone else json_text(list(classes), ascii_only=False)


def _with_number(value: str, name: str) -> str:
    """A class's name, with its number where others share it."""
    return name if value == name else f"{name} ({value})"
