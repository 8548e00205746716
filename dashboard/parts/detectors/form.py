# SPDX-License-Identifier: AGPL-3.0-only
"""The form that starts a training."""

from __future__ import annotations

from typing import Any

from dashboard.components import goes_on, guarded, launch_button
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import kept
from dashboard.parts.class_choice import read_classes, write_classes
from dashboard.parts.dataset_choice import choose_dataset
from dashboard.parts.detector_choice import choose_detector, other_weights, trusted
from dashboard.parts.setting_names import CHOICES
from dashboard.parts.setting_rows import setting_rows
from dashboard.services import datasets, trainings
from dashboard.services.settings import TRAINING
from engine.store.datasets import DatasetSummary

STRATEGIES = CHOICES["strategy"]
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
    values |= setting_rows("t", COURSE, TRAINING)
    with st.expander(_("More settings"), icon=":material/tune:"):
        values |= setting_rows("t", MORE, TRAINING)
    with guarded():
        config = trainings.built("train", values)
        again = goes_on("t-resume")
        launch_button(
            _("Train the detector"),
            "t-launch",
            lambda: trainings.submit("train", config, trust=trust, auto_resume=again),
        )


def _subject(found: list[DatasetSummary]) -> tuple[dict[str, Any], bool]:
    left, right = st.columns(2)
    with left:
        dataset = choose_dataset(found, _("The images used to train the detector."))
        names = datasets.classes_with_objects(dataset)
        classes = st.multiselect(
            _("Classes"),
            names,
            placeholder=_("All classes with objects"),
            help=_(TRAINING["classes"].help),
            **kept("class", [], allowed=names, parse=read_classes, write=write_classes),
        )
    with right:
        weights = choose_detector("detector", _(TRAINING["weights"].help), dataset=dataset.name)
        other_weights("detector")
        trust = trusted([weights], "t-trust")
    strategy = st.segmented_control(
        _("Trained part"),
        list(STRATEGIES),
        format_func=lambda each: _(STRATEGIES[each]),
        required=True,
        help=_(TRAINING["strategy"].help),
        **kept("t.strategy", "whole", allowed=STRATEGIES),
    )
    return {
        "dataset": dataset.name,
        "weights": weights,
        "classes": tuple(classes),
        "strategy": strategy,
    }, trust
