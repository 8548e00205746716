# SPDX-License-Identifier: AGPL-3.0-only
"""Detectors: the weights on record with what they come from, and the training and hardening of new ones."""

from __future__ import annotations

from typing import Any

from dashboard import formats
from dashboard.components import controls, empty_state, folded, go_to, page_title, table
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import kept, linked
from dashboard.parts.detector_choice import write_weights
from dashboard.parts.detectors.form import STRATEGIES, training_form
from dashboard.parts.detectors.harden_form import hardening_form
from dashboard.services import datasets, trainings
from engine.records import WeightRecord
from engine.store.datasets import DatasetSummary


def row(record: WeightRecord) -> dict[str, Any]:
    """A line of the list: a dash where weights were not trained here."""
    origin = record.origin
    strategy = STRATEGIES.get(origin.get("strategy", ""))
    return {
        _("Name"): record.name,
        _("Classes"): ", ".join(record.classes) or formats.DASH,
        _("Family"): record.family,
        _("AP50"): formats.number(origin.get("ap50"), 3),
        _("Trained part"): _(strategy) if strategy else formats.DASH,
        _("Dataset"): origin.get("dataset", formats.DASH),
        _("Images"): f"{origin['images']:,}" if "images" in origin else formats.DASH,
        _("Epochs"): f"{origin['epochs']:,}" if "epochs" in origin else formats.DASH,
        _("Added"): formats.moment(record.created_at),
    }


def detectors(found: list[WeightRecord]) -> None:
    """The weights on record, and the ways on from one of them."""
    table([row(each) for each in found])
    st.caption(_("AP50 is the mean over classes, on held-out images of the same dataset."))
    by_number = {str(each.id): each for each in found}
    with controls("detectors-choice"), st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            _("Detector"),
            list(by_number),
            format_func=lambda each: by_number[each].name,
            help=_("The detector that the adjacent links apply to."),
            **kept("number", str(found[0].id), allowed=by_number),
        )
        record = by_number[number]
        weights, dataset = write_weights(record.path), record.origin.get("dataset")
        go_to("generate", _("Attack it"), detector=weights, dataset=dataset)
        if "job_id" in record.origin:
            go_to("jobs", _("Training history"), job=record.origin["job_id"])


def train(images: list[DatasetSummary]) -> None:
    """The form of a training, or the way to the dataset that it needs."""
    if images:
        training_form(images)
    else:
        empty_state(
            _("You need a dataset to train a detector. Import one first."),
            page="datasets",
            label=_("Import a dataset"),
        )


def page() -> None:
    """The whole page."""
    page_title(
        _("Detectors"),
        _("Your detectors and the data they were trained on. Train or harden more below."),
    )
    found, images = trainings.known(), datasets.summaries()
    hardening = linked("h.", "h-")  # a link leads to its form
    with controls("detectors-train"):
        training = linked("t.", "t-") or not (found or hardening)
        if box := folded(
            _("Train a detector"), ":material/model_training:", key="train-form", expanded=training
        ):
            with box:
                train(images)
    if images:
        with controls("detectors-harden"):
            if box := folded(
                _("Harden a detector"), ":material/shield:", key="harden-form", expanded=hardening
            ):
                with box:
                    hardening_form(images)
    if found:
        detectors(found)
    else:
        st.caption(_("No detectors yet. Detectors that you train or attack appear here."))


page()
