# SPDX-License-Identifier: AGPL-3.0-only
"""The form that starts a training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dashboard.components import go_to, guarded
from dashboard.drawing import st
from dashboard.i18n import N_, _
from dashboard.page_state import kept
from dashboard.parts.class_choice import read_classes, write_classes
from dashboard.parts.detector_choice import choose_detector, other_weights, trusted
from dashboard.services import datasets, trainings
from dashboard.services.settings import TRAINING
from engine.config import TrainingConfig
from engine.errors import SettingsError
from engine.settings import Setting
from engine.store.datasets import DatasetSummary

STRATEGIES = {
    "whole": N_("Everything"),
    "head": N_("All but the backbone"),
    "scratch": N_("From random weights"),
}
COURSE = ("epochs", "time_limit_s", "image_size")
MORE = (
    *("max_images", "include_empty", "validation_share", "early_stop", "batch_size", "learning_rate"),
    *("optimizer", "schedule.kind", "schedule.warmup", "precision", "device", "seed"),
)


def training_form(found: list[DatasetSummary]) -> None:
    """Choose what is trained on what and how, and start it.

    Args:
        found: the datasets, at least one.
    """
    values, trust = _subject(found)
    values |= _row(COURSE)
    with st.expander(_("More settings"), icon=":material/tune:"):
        for start in range(0, len(MORE), 3):
            values |= _row(MORE[start : start + 3])
    try:
        config = trainings.built(values)
    except SettingsError as error:
        st.error(str(error), icon=":material/error:")
        return
    _launch(config, trust)


def _subject(found: list[DatasetSummary]) -> tuple[dict[str, Any], bool]:
    by_name = {each.name: each for each in found}
    left, right = st.columns(2)
    with left:
        name = st.selectbox(
            _("Dataset"),
            list(by_name),
            help=_("The images that the detector learns from."),
            **kept("dataset", found[0].name, allowed=by_name),
        )
        names = datasets.classes_with_objects(by_name[name])
        classes = st.multiselect(
            _("Classes"),
            names,
            placeholder=_("All that have objects"),
            help=_(TRAINING["classes"].help),
            **kept("class", [], allowed=names, parse=read_classes, write=write_classes),
        )
    with right:
        weights = choose_detector("detector", _(TRAINING["weights"].help))
        other_weights("detector")
        trust = trusted([weights], "t-trust")
    strategy = st.segmented_control(
        _("What is trained"),
        list(STRATEGIES),
        format_func=lambda each: _(STRATEGIES[each]),
        required=True,
        help=_(TRAINING["strategy"].help),
        **kept("t.strategy", "whole", allowed=STRATEGIES),
    )
    return {"dataset": name, "weights": weights, "classes": tuple(classes), "strategy": strategy}, trust


def _row(keys: tuple[str, ...]) -> dict[str, Any]:
    """Settings in a row, by their keys."""
    columns = st.columns(len(keys), vertical_alignment="bottom")
    values = {}
    for column, key in zip(columns, keys, strict=True):
        with column:
            values[key] = _widget(TRAINING[key])
    return values


def _widget(setting: Setting) -> Any:
    """The widget of a setting; its value."""
    name, default = f"t.{setting.key}", setting.default
    label = f"{_(setting.label)} ({_(setting.unit)})" if setting.unit else _(setting.label)
    options = tuple(setting.choices or setting.offered)
    if options:
        return st.selectbox(label, options, help=_(setting.help), **kept(name, default, allowed=options))
    if isinstance(default, bool):
        return st.toggle(
            label, help=_(setting.help), **kept(name, default, parse=lambda text: text == "True")
        )
    low, high = map(type(default), setting.bounds or (0, 0))
    how = kept(name, default, parse=_within(low, high))
    if isinstance(default, int):
        step = setting.multiple_of or 1
        return st.number_input(label, low, high, step=step, help=_(setting.help), **how)
    return st.number_input(label, low, high, step=_step(high), format="%g", help=_(setting.help), **how)


def _within(low: Any, high: Any) -> Callable[[str], Any]:
    """From a link's text to a number of these bounds and of their type."""

    def parse(text: str) -> Any:
        value = type(low)(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse


def _step(high: float) -> float:
    """Shares go by twentieths, rates by thousandths, seconds by the minute."""
    return 60.0 if high > 1 else 0.05 if high < 1 else 0.001


def _launch(config: TrainingConfig, trust: bool) -> None:
    again = st.toggle(
        _("Go on after a crash"),
        value=True,
        help=_("Continue from the last checkpoint by itself if the machine or the worker fails."),
        key="t-resume",
    )
    if st.button(_("Train the detector"), type="primary", icon=":material/play_arrow:", key="t-launch"):
        with guarded():
            st.session_state["t-launched"] = trainings.submit(config, trust=trust, auto_resume=again).id
    if number := st.session_state.get("t-launched"):
        st.success(_("Job {job} is in the queue.").format(job=number), icon=":material/check:")
        go_to("jobs", _("Watch it"), job=number)
