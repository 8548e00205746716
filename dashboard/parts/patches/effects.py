# SPDX-License-Identifier: AGPL-3.0-only
"""What a patch does to images of any dataset, before and after; and its scoring elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dashboard.components import controls, empty_state, folded, go_to, guarded
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import kept, linked
from dashboard.parts.before_after import Known, changed_images
from dashboard.parts.class_choice import choose_classes, choose_detector_class
from dashboard.parts.detector_choice import choose_detector
from dashboard.services import datasets, hidden, patches, seen
from engine.records import PatchRecord
from engine.store.datasets import DatasetSummary


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The subject that a patch is tried on; the fields as those of `RunConfig`."""

    dataset: DatasetSummary
    weights: str
    class_name: tuple[str, ...]
    detector_class: str

    @property
    def asked(self) -> dict[str, Any]:
        """Arguments of `services.patches`."""
        return vars(self) | {"dataset": self.dataset.name}


def subject(patch: PatchRecord, name: str) -> Subject | None:
    """Dataset, detector and classes as chosen; None while they are not whole.

    Args:
        patch: whose own ones are the first choice.
        name: what the query parameters begin with.
    """
    known = {each.name: each for each in datasets.summaries()}
    if not known:
        empty_state(_("No datasets yet."), page="datasets", label=_("Import a dataset"))
        return None
    data, detector = st.columns(2)
    first = patch.dataset if patch.dataset in known else next(iter(known))
    dataset = known[
        data.selectbox(
            _("Dataset"),
            list(known),
            help=_("Choose any imported dataset."),
            **kept(f"{name}.dataset", first, allowed=known),
        )
    ]
    with detector:
        weights = choose_detector(
            f"{name}.detector",
            _("The detector to run on the images."),
            first=patch.summary.get("config", {}).get("weights", "demo"),
        )
    own, target = st.columns(2)
    made = patch.summary.get("classes", {"dataset": [patch.class_name], "detector": ""})
    offered = list(dict.fromkeys(filter(None, dataset.class_names)))
    with own:
        classes = choose_classes(
            f"{name}.class",
            offered,
            meaning=_("The objects that carry the patch."),
            first=[each for each in made["dataset"] if each in offered],
        )
    with target:
        detector_class = choose_detector_class(
            f"{name}.detector_class", weights, classes, first=made["detector"]
        )
    if not classes or detector_class is None:
        return None
    return Subject(dataset=dataset, weights=weights, class_name=tuple(classes), detector_class=detector_class)


def before_after(patch: PatchRecord) -> list[dict[str, Any]]:
    """Images clean and patched, with what is found on either; gives back those that are drawn."""
    st.subheader(_("Before and after"), anchor=False)
    with controls("patch-before-after"):
        found = subject(patch, "patches")
    if found is None:
        return []
    known = Known(
        seen=seen.seen(patch.summary, found.dataset),
        scored=hidden.of_patch(patch.id, found.dataset.name, Path(found.weights).stem),
        scores=partial(patches.confidence, patch, **found.asked),
    )
    ask = partial(patches.before_after, patch, **found.asked)
    return changed_images(found.dataset, found.class_name, ask, "patches.image", known)


def score_elsewhere(patch: PatchRecord) -> None:
    """Score the patch on another dataset or detector, as a job."""
    title = _("Score it on another dataset or detector")
    if box := folded(title, ":material/fact_check:", key="score-form", expanded=linked("patches.score")):
        with box:
            _score_form(patch)


def _score_form(patch: PatchRecord) -> None:
    found = subject(patch, "patches.score")
    if found is None:
        return
    st.caption(
        _(
            "Scored with its original placement, together with the controls, on all images that "
            "contain the class."
        )
    )
    if st.button(_("Score it"), type="primary", icon=":material/play_arrow:", key="patch-score"):
        with guarded():
            job = patches.score_on(patch, **found.asked)
            st.session_state["patches.scoring"] = (patch.id, job.id)
    if (scoring := st.session_state.get("patches.scoring")) and scoring[0] == patch.id:
        st.success(_("The evaluation is queued as job {job}.").format(job=scoring[1]))
        go_to("jobs", _("View progress"), job=scoring[1])
