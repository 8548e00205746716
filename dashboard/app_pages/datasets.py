# SPDX-License-Identifier: AGPL-3.0-only
"""Datasets: import them, see what is in them, and how batches of them would look."""

from __future__ import annotations

from dashboard.components import controls, empty_state, go_to, guarded, page_title
from dashboard.drawing import st
from dashboard.i18n import N_, _, ngettext
from dashboard.page_state import kept
from dashboard.parts.dataset_choice import choose_dataset
from dashboard.parts.datasets.batches import batch_planner
from dashboard.parts.datasets.imports import import_forms, running_imports
from dashboard.parts.datasets.views import class_view, object_view, repair_view
from dashboard.services import datasets
from engine.store.datasets import DatasetSummary

VIEWS = {
    "objects": N_("Objects per image"),
    "boxes": N_("Classes and boxes"),
    "repairs": N_("Repairs"),
    "batches": N_("Batch planner"),
}
DRAWN = {"objects": object_view, "boxes": class_view, "repairs": repair_view, "batches": batch_planner}


def shown_dataset(found: list[DatasetSummary]) -> DatasetSummary:
    """The dataset to look at, and the way to be rid of it."""
    with controls("datasets-choice"), st.container(horizontal=True, vertical_alignment="bottom"):
        dataset = choose_dataset(found, _("The imported dataset that the rest of this page shows."))
        forget(dataset)
    return dataset


def forget(dataset: DatasetSummary) -> None:
    """Remove a dataset, asked twice."""
    with st.popover(_("Remove"), icon=":material/delete:"):
        st.markdown(_("Forget this dataset? Its image files stay; jobs that need it will fail."))
        if st.button(_("Remove it"), type="primary", key="datasets-remove"):
            with guarded():
                datasets.delete(dataset.name)
                st.rerun()


def facts(dataset: DatasetSummary) -> None:
    """A dataset in four figures, and where it came from."""
    images, objects, classes, repaired = st.columns(4)
    images.metric(_("Images"), f"{dataset.images:,}", border=True)
    objects.metric(_("Objects"), f"{dataset.objects:,}", border=True)
    named, used = sum(map(bool, dataset.class_names)), len(datasets.classes_with_objects(dataset))
    text = _("{used} of {named}").format(used=used, named=named) if used < named else str(named)
    classes.metric(_("Classes"), text, help=_("Classes that have objects, of all."), border=True)
    repaired.metric(_("Repairs"), f"{dataset.repairs:,}", border=True)
    st.text(_("Imported from {source}").format(source=dataset.source))
    if dataset.synthetic:
        st.info(
            _("These scenes are drawn by code: good for a first look, they say nothing about photographs.")
        )


def page() -> None:
    """The whole page."""
    page_title(_("Datasets"), _("The images that patches are made and scored on, as the engine sees them."))
    found = datasets.summaries()
    with (
        controls("datasets-import"),
        st.expander(
            _("Import a dataset"),
            icon=":material/add:",
            expanded=not found or "datasets.from" in st.query_params,  # what a link holds is seen
        ),
    ):
        import_forms({each.name for each in found})
    running_imports()
    if not found:
        empty_state(_("No dataset is here yet. Import one above; the demo needs no files and no network."))
        return
    dataset = shown_dataset(found)
    text = ngettext("{number} image", "{number} images", dataset.images)
    st.subheader(f"{dataset.name} · {text.format(number=f'{dataset.images:,}')}", anchor=False)
    facts(dataset)
    with controls("datasets-view"):
        view = st.segmented_control(
            _("Show"),
            list(VIEWS),
            format_func=lambda each: _(VIEWS[each]),
            required=True,
            label_visibility="collapsed",
            **kept("datasets.view", "objects", allowed=VIEWS),
        )
    DRAWN[view](dataset)
    go_to("generate", _("Generate a patch on this dataset"), dataset=dataset.name)


page()
