# SPDX-License-Identifier: AGPL-3.0-only
"""The form that starts a sweep."""

from __future__ import annotations

from typing import Any

from dashboard import formats
from dashboard.components import controls, empty_state, folded, guarded
from dashboard.drawing import st
from dashboard.i18n import _, ngettext
from dashboard.page_state import choose, kept, linked
from dashboard.parts.class_choice import choose_classes, choose_detector_class, read_classes, write_classes
from dashboard.parts.dataset_choice import choose_dataset
from dashboard.parts.detector_choice import choose_detector, trusted
from dashboard.parts.node_needs import node_needs
from dashboard.parts.setting_names import dimension_name
from dashboard.parts.setting_rows import setting_field, setting_rows
from dashboard.services import datasets, sweeps
from dashboard.services.settings import RUN, SWEEP

USUAL = ["learning_rate", "batch_size"]
USUAL_ITERATIONS = 50


def start_form(*, first: bool) -> None:
    """Choose what is attacked, what is varied and what decides, and begin.

    Args:
        first: there is no sweep yet, so the form is open.
    """
    found = datasets.summaries()
    if not found:
        empty_state(_("No datasets yet."), page="datasets", label=_("Import a dataset"))
        return
    with controls("start-sweep"):
        if box := folded(
            _("Start a sweep"),
            ":material/play_arrow:",
            key="sweep-form",
            expanded=first or linked("s.", "s-"),
        ):
            with box:
                _form()


def _form() -> None:
    values, trust = _subject()
    vary = _varied()
    how = setting_rows("s", list(SWEEP), SWEEP)
    needs = node_needs("s-need")
    if "class_name" not in values or not vary:
        st.caption(_("Choose a class and at least one setting to vary."))
        return
    with guarded():
        asked = sweeps.request(values, vary, trust=trust, **how)
        st.caption(_cost(asked))
        if st.button(_("Start"), type="primary", key="start-sweep", icon=":material/play_arrow:"):
            begun = sweeps.start(asked, needs=needs)
            choose("sweep", begun.id)
            st.session_state.pop("widget.sweep", None)
            st.rerun()


def _subject() -> tuple[dict[str, Any], bool]:
    """The settings that all trials share, and whether to trust the weight file."""
    left, right = st.columns(2)
    with left:
        dataset = choose_dataset(datasets.summaries(), _("The images used to generate the patches."))
    with right:
        weights = choose_detector(
            "detector", _("The detector that the patches attack."), dataset=dataset.name
        )
    values: dict[str, Any] = {"dataset": dataset.name, "weights": weights}
    own, target, size, passes = st.columns(4)
    with own:
        classes = choose_classes(
            "class", datasets.classes_with_objects(dataset), meaning=_("The objects to hide.")
        )
    with target:
        detector_class = choose_detector_class("detector_class", weights, classes)
    with size:
        values["image_size"] = setting_field("s", "image_size", RUN)
    with passes:
        meaning = _("Number of passes over the images in each trial, unless varied.")
        values["iterations"] = setting_field("s", "iterations", RUN, first=USUAL_ITERATIONS, meaning=meaning)
    if classes and detector_class is not None:
        values |= {"class_name": tuple(classes), "detector_class": detector_class}
    return values, trusted([weights], "s-trust")


def _varied() -> list[str]:
    """`NAME=VALUES` of each setting that is chosen to be varied."""
    offered = sweeps.varied()
    names: list[str] = st.multiselect(
        _("Settings to vary"),
        list(offered),
        format_func=dimension_name,
        placeholder=_("Choose one or more"),
        help=_("Type to search."),
        **kept("s.vary", USUAL, allowed=offered, parse=read_classes, write=write_classes),
    )
    found = []
    for start in range(0, len(names), 3):
        for column, name in zip(st.columns(3), names[start : start + 3], strict=False):
            text = column.text_input(
                dimension_name(name),
                help=_("A list such as 2,8,32, or a range such as 0.003..0.1:log."),
                **kept(f"s.{name}", sweeps.usual_values(offered[name])),
            ).strip()
            found.append(f"{name}={text}")
    return found


def _cost(asked: sweeps.SweepRequest) -> str:
    number = asked.total * asked.seeds
    text = ngettext("{number} run", "{number} runs", number).format(number=f"{number:,}")
    if asked.config.validation_share and asked.objective in sweeps.SCORES:
        share = formats.percent(asked.config.validation_share)
        text = _("{runs}; {share} of the images are held out to compare them").format(runs=text, share=share)
    elapsed_s = sweeps.estimate(asked)
    if elapsed_s is None:
        return f"{text}."
    return _("{text}; about {time}.").format(text=text, time=formats.duration(elapsed_s))
