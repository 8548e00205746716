# SPDX-License-Identifier: AGPL-3.0-only
"""The form that starts a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard import formats
from dashboard.components import controls, empty_state, folded, guarded
from dashboard.drawing import st
from dashboard.i18n import _, ngettext
from dashboard.page_state import choose, kept, linked, reset
from dashboard.parts.class_choice import (
    choose_classes,
    choose_detector_class,
    read_classes,
    write_classes,
)
from dashboard.parts.defence_choice import choose_chains
from dashboard.parts.detector_choice import detector_name
from dashboard.parts.run_names import run_name
from dashboard.parts.setting_rows import setting_field
from dashboard.services import datasets, detectors, matrices, patches
from dashboard.services.settings import RUN
from engine.store.datasets import DatasetSummary


def start_form(*, first: bool) -> None:
    """Choose patches, detectors, defences and datasets, and queue their matrix.

    Args:
        first: there is no matrix yet, so the form is open.
    """
    offered, known = matrices.patch_options(), {each.name: each for each in datasets.summaries()}
    if not offered:
        empty_state(_("No patches yet."), page="generate", label=_("Generate a patch"))
        return
    if not known:
        empty_state(_("No datasets yet."), page="datasets", label=_("Import a dataset"))
        return
    with controls("start-matrix"):
        if box := folded(
            _("Start a matrix"),
            ":material/play_arrow:",
            key="matrix-form",
            expanded=first or linked("t."),
        ):
            with box:
                _form(offered, known)


def _form(offered: dict[int, str], known: dict[str, DatasetSummary]) -> None:
    chosen = _patches(offered)
    left, right = st.columns(2)
    with left:
        weights = _several(
            "t.detectors",
            _("Detectors"),
            detectors.detectors(),
            ["demo"],
            help=_("Each patch is scored on each detector. Published models are downloaded first."),
            format_func=detector_name,
        )
    with right:
        data = _several(
            "t.datasets",
            _("Datasets"),
            list(known),
            [next(iter(known))],
            help=_("The images that carry the patches."),
        )
    chains = choose_chains("t.defences")
    if not (chosen and weights and data):
        st.caption(_("Choose at least one patch, detector and dataset."))
        return
    if chains is not None:
        _subject(chosen, weights, data, chains, [known[each].class_names for each in data])


def _patches(offered: dict[int, str]) -> list[int]:
    found: list[int] = st.multiselect(
        _("Patches"),
        list(offered),
        format_func=lambda each: f"{each} {run_name(offered.get(each, ''))}",
        placeholder=_("Choose one or more patches"),
        help=_("Stored patches. Type to search by number or name."),
        **kept(
            "t.patches",
            [],
            allowed=offered,
            parse=lambda text: [int(part) for part in text.split(",") if int(part) in offered],
            write=lambda numbers: ",".join(map(str, numbers)),
        ),
    )
    if not found:
        st.button(_("Select the latest five"), key="latest-five", on_click=_take_latest)
    return found


def _take_latest() -> None:
    reset("t.patches")
    latest = list(matrices.patch_options())[:5]
    choose("t.patches", latest, write=lambda numbers: ",".join(map(str, numbers)))


def _several(name: str, label: str, offered: list[str], usual: list[str], **how: Any) -> list[str]:
    return st.multiselect(
        label,
        offered,
        placeholder=_("Choose one or more"),
        **how,
        **kept(name, usual, allowed=offered, parse=read_classes, write=write_classes),
    )


def _subject(
    chosen: list[int],
    weights: list[str],
    data: list[str],
    chains: list[str],
    classes_of: list[Sequence[str]],
) -> None:
    """The settings that all cells share, what they cost, and the button."""
    common = [
        each for each in dict.fromkeys(classes_of[0]) if each and all(each in own for own in classes_of)
    ]
    if not common:
        st.warning(_("These datasets have no classes in common. Choose others."), icon=":material/warning:")
        return
    own, target, size, most = st.columns(4)
    with own:
        classes = choose_classes("t.class", common, meaning=_("The objects that carry the patches."))
    with target:
        detector_class = choose_detector_class("t.detector_class", weights[0], classes)
    with size:
        image_size = setting_field("t", "image_size", RUN, first=_made_at(chosen[0]))
    with most:
        meaning = _("Maximum number of images to use from each dataset. 0 uses all.")
        max_images = setting_field("t", "max_images", RUN, meaning=meaning)
    if not classes or detector_class is None:
        return
    with guarded():
        request = matrices.request_of(
            patches=chosen,
            detectors_=weights,
            datasets_=data,
            defences_=chains,
            class_name=classes,
            detector_class=detector_class,
            image_size=image_size,
            max_images=max_images,
        )
        st.caption(_cost(len(chosen) * len(weights) * len(data) * len(chains), matrices.estimate(request)))
        if st.button(_("Start"), type="primary", key="start-matrix", icon=":material/play_arrow:"):
            job = matrices.start(request)
            st.toast(_("The matrix is queued as job {job}.").format(job=job.id))


def _made_at(patch_id: int) -> int:
    """The image size that a patch was made at."""
    made = patches.get(patch_id).summary.get("config", {})
    return int(made.get("image_size", RUN["image_size"].default))


def _cost(cells: int, elapsed_s: float | None) -> str:
    text = ngettext("{number} cell", "{number} cells", cells).format(number=f"{cells:,}")
    if elapsed_s is None:
        return _("{cells}, each with clean images, a grey patch and noise as controls.").format(cells=text)
    return _("{cells}, each with clean images, a grey patch and noise as controls; about {time}.").format(
        cells=text, time=formats.duration(elapsed_s)
    )
