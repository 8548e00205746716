# SPDX-License-Identifier: AGPL-3.0-only
"""The form that starts a hardening."""

from __future__ import annotations

from typing import Any

from dashboard import formats
from dashboard.components import goes_on, guarded, launch_button
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import kept
from dashboard.parts.class_choice import read_classes, write_classes
from dashboard.parts.dataset_choice import choose_dataset
from dashboard.parts.detector_choice import choose_detector, other_weights, trusted
from dashboard.parts.run_names import run_name
from dashboard.parts.setting_rows import setting_rows
from dashboard.services import datasets, hardenings, trainings
from dashboard.services.settings import HARDENING
from engine.config import HardeningConfig
from engine.store.datasets import DatasetSummary

COURSE = ("time_limit_s", "image_size", "trial")
MORE = (
    *("patched_share", "object_share", "texture_share", "renew_every", "renew_images", "pool_size"),
    *(
        "distillation",
        "patch_size",
        "placement.scale",
        "placement.rise",
        "strategy",
        "max_images",
        "include_empty",
    ),
    *("validation_share", "batch_size", "learning_rate", "optimizer", "epochs", "trial_time_s"),
    *("precision", "device", "seed", "transfer_weights"),
)


def hardening_form(found: list[DatasetSummary]) -> None:
    """Choose which detector is hardened on what, and start it.

    Args:
        found: the datasets, at least one.
    """
    values, trust = _subject(found)
    values |= setting_rows("h", COURSE, HARDENING)
    with st.expander(_("More settings"), icon=":material/tune:"):
        values |= setting_rows("h", MORE, HARDENING)
    with guarded():
        _launch(trainings.built("harden", values), trust)


def _subject(found: list[DatasetSummary]) -> tuple[dict[str, Any], bool]:
    left, right = st.columns(2)
    with left:
        dataset = choose_dataset(found, _("The images used to harden the detector."), name="h-dataset")
        names = datasets.classes_with_objects(dataset)
        class_name = st.selectbox(
            _("Class"),
            names,
            help=_(HARDENING["class_name"].help),
            **kept("h-class", "person" if "person" in names else next(iter(names), ""), allowed=names),
        )
    with right:
        meaning = _("The detector to harden. The original remains unchanged.")
        weights = choose_detector("h-detector", meaning, dataset=dataset.name)
        other_weights("h-detector")
        trust = trusted([weights], "h-trust")
    by_number = {str(each.id): each for each in hardenings.patches()}
    patches = st.multiselect(
        _("Initial patches"),
        list(by_number),
        format_func=lambda number: f"{run_name(by_number[number].name)} ({number})",
        placeholder=_("None: generate the first one against this detector"),
        help=_("Patches for the pool. The first one serves as the old patch in the trial."),
        **kept("h-patches", [], allowed=by_number, parse=read_classes, write=write_classes),
    )
    named = {"dataset": dataset.name, "weights": weights, "class_name": class_name or ""}
    return {**named, "patches": tuple(patches)}, trust


def _launch(config: HardeningConfig, trust: bool) -> None:
    again = goes_on("h-resume")
    st.caption(
        _(
            "Ends within the time limit. It finishes with a trial: a new patch attacks the "
            "hardened weights with the same budget as one that attacks the original weights."
        )
    )
    if config.time_limit_s:
        st.caption(_("Up to {time}.").format(time=formats.duration(config.time_limit_s)))
    launch_button(
        _("Harden the detector"),
        "h-launch",
        lambda: trainings.submit("harden", config, trust=trust, auto_resume=again),
        icon=":material/shield:",
    )
