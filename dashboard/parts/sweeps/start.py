# SPDX-License-Identifier: AGPL-3.0-only
"""The form that starts a sweep."""

from __future__ import annotations

from typing import Any

from dashboard import formats
from dashboard.components import controls, empty_state, guarded
from dashboard.drawing import st
from dashboard.i18n import _, ngettext
from dashboard.page_state import choose, kept
from dashboard.parts.class_choice import choose_classes, choose_detector_class, read_classes, write_classes
from dashboard.parts.dataset_choice import choose_dataset
from dashboard.parts.detector_choice import choose_detector, trusted
from dashboard.parts.setting_names import dimension_name
from dashboard.parts.sweeps.names import OBJECTIVES, PRUNERS, SAMPLERS
from dashboard.services import datasets, sweeps

USUAL = ["learning_rate", "batch_size"]
USUAL_ITERATIONS, USUAL_TRIALS = 50, 20


def start_form(*, first: bool) -> None:
    """Choose what is attacked, what is varied and what decides, and begin.

    Args:
        first: there is no sweep yet, so the form is open.
    """
    found = datasets.summaries()
    if not found:
        empty_state(_("No datasets yet."), page="datasets", label=_("Import a dataset"))
        return
    with (
        controls("start-sweep"),
        st.expander(_("Start a sweep"), icon=":material/play_arrow:", expanded=first),
    ):
        values, trust = _subject()
        vary = _varied()
        how = _how()
        if "class_name" not in values or not vary:
            st.caption(_("Choose a class and at least one setting to vary."))
            return
        with guarded():
            asked = sweeps.request(values, vary, trust=trust, **how)
            st.caption(_cost(asked))
            if st.button(_("Start"), type="primary", key="start-sweep", icon=":material/play_arrow:"):
                begun = sweeps.start(asked)
                choose("sweep", begun.id)
                st.session_state.pop("widget.sweep", None)
                st.rerun()


def _subject() -> tuple[dict[str, Any], bool]:
    """The settings that all trials share, and whether to trust the weight file."""
    left, right = st.columns(2)
    with left:
        dataset = choose_dataset(datasets.summaries(), _("The images used to generate the patches."))
    with right:
        weights = choose_detector("detector", _("The detector that the patches attack."))
    values: dict[str, Any] = {"dataset": dataset.name, "weights": weights}
    own, target, size, passes = st.columns(4)
    with own:
        classes = choose_classes(
            "class", datasets.classes_with_objects(dataset), meaning=_("The objects to hide.")
        )
    with target:
        detector_class = choose_detector_class("detector_class", weights, classes)
    values["image_size"] = size.number_input(
        _("Image size (px)"),
        32,
        4096,
        step=32,
        help=_("Long side of the images in pixels, a multiple of 32."),
        **kept("s.image_size", 640, allowed=range(32, 4097, 32), parse=int),
    )
    values["iterations"] = passes.number_input(
        _("Iterations"),
        1,
        1_000_000,
        help=_("Number of passes over the images in each trial, unless varied."),
        **kept("s.iterations", USUAL_ITERATIONS, allowed=range(1, 1_000_001), parse=int),
    )
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


def _how() -> dict[str, Any]:
    """What decides, how the search goes, and how long."""
    objective, sampler, pruner = st.columns(3)
    trials, seeds, _rest = st.columns(3)
    return {
        "objective": objective.selectbox(
            _("Objective"),
            list(OBJECTIVES),
            format_func=lambda each: _(OBJECTIVES[each]),
            help=_("The metric that ranks trials, measured on held-out images."),
            **kept("s.objective", "asr", allowed=OBJECTIVES),
        ),
        "sampler": sampler.selectbox(
            _("Search"),
            list(SAMPLERS),
            format_func=lambda each: _(SAMPLERS[each]),
            help=_("How the next trial is chosen."),
            **kept("s.sampler", "tpe", allowed=SAMPLERS),
        ),
        "prune": pruner.selectbox(
            _("Prune trials"),
            list(PRUNERS),
            format_func=lambda each: _(PRUNERS[each]),
            help=_("Cancels trials that fall behind in validation."),
            **kept("s.prune", "none", allowed=PRUNERS),
        ),
        "trials": int(
            trials.number_input(
                _("Trials"),
                1,
                10_000,
                help=_("Maximum number of combinations to try."),
                **kept("s.trials", USUAL_TRIALS, allowed=range(1, 10_001), parse=int),
            )
        ),
        "seeds": int(
            seeds.number_input(
                _("Seeds"),
                1,
                100,
                help=_("Runs per trial; their mean decides."),
                **kept("s.seeds", 1, allowed=range(1, 101), parse=int),
            )
        ),
    }


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
