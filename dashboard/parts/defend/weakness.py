# SPDX-License-Identifier: AGPL-3.0-only
"""What is to be protected, and the strongest patch that is known against it."""

from __future__ import annotations

from dashboard import formats
from dashboard.components import controls, empty_state, go_to, score_table
from dashboard.drawing import Markdown, st
from dashboard.i18n import _
from dashboard.parts.class_choice import choose_classes, choose_detector_class
from dashboard.parts.dataset_choice import choose_dataset
from dashboard.parts.detector_choice import choose_detector
from dashboard.parts.run_names import run_name
from dashboard.services import defences, defend
from dashboard.services.defend import DefendedSubject, KnownAttack
from engine.store.datasets import DatasetSummary


def choose_subject(found: list[DatasetSummary]) -> tuple[DatasetSummary, DefendedSubject | None]:
    """Detector, dataset and classes; None for the subject while a class must still be chosen."""
    with controls("defend-subject"):
        first, second, third, fourth = st.columns(4)
        with second:
            dataset = choose_dataset(found, _("The images to attack it on."))
        with first:
            weights = choose_detector("f.weights", _("The detector to protect."), dataset=dataset.name)
        with third:
            classes = choose_classes(
                "f.class", dataset.class_names, meaning=_("The objects that carry the patches.")
            )
        with fourth:
            detector_class = choose_detector_class("f.detector_class", weights, classes)
    if not classes or detector_class is None:
        return dataset, None
    subject = DefendedSubject(
        dataset=dataset.name, weights=weights, class_name=tuple(classes), detector_class=detector_class
    )
    return dataset, subject


def weakness(attacks: list[KnownAttack]) -> KnownAttack | None:
    """The strongest patch on record against the undefended detector, beside its controls."""
    st.subheader(_("Weakness"), anchor=False)
    worst = defend.strongest(each for each in attacks if each.defence == defences.NONE)
    if worst is None:
        empty_state(
            _("No patch has been scored on this detector and dataset yet, so its weakness is unknown."),
            page="generate",
            label=_("Generate a patch"),
        )
        return None
    knowing = _("made on this detector") if worst.adaptive else _("made on another detector")
    text = _("The strongest known patch is **{name}** ({origin}): AP50 falls from {clean} to {ap50}.")
    clean = worst.evaluation["controls"].get("clean", {})
    st.markdown(
        Markdown(text).format(
            name=run_name(worst.name),
            origin=knowing,
            ap50=formats.number(worst.left),
            clean=formats.number(clean.get("ap50")),
        )
    )
    score_table(worst.evaluation)
    if worst.patch is not None:
        go_to("patches", _("View the patch"), patch=worst.patch)
    return worst
