# SPDX-License-Identifier: AGPL-3.0-only
"""The batch planner: what sequential, grouped and ragged batches of a dataset would be."""

from __future__ import annotations

from functools import partial

from dashboard import formats
from dashboard.charts.datasets import batch_sizes
from dashboard.components import chart, controls, look
from dashboard.drawing import st
from dashboard.i18n import N_, _
from dashboard.page_state import kept
from dashboard.parts.class_choice import choose_classes
from dashboard.parts.detector_choice import choose_detector
from dashboard.parts.setting_names import choice_name
from dashboard.services import batch_plans, costs, datasets
from dashboard.services.batch_plans import BatchPlan
from dashboard.services.costs import PassCost
from engine.config import SAMPLINGS, RunConfig
from engine.store.datasets import DatasetSummary

STRATEGIES = {
    "sequential": N_("Sequential: one image at a time"),
    "grouped": N_("Grouped: images with the same object count"),
    "ragged": N_("Ragged: any images together"),
}


def batch_planner(dataset: DatasetSummary) -> None:
    """Choose limit and class; see what each strategy makes of them."""
    if not datasets.class_counts(dataset.name, dataset.imported_at):
        st.info(_("No image in this dataset contains an object."))
        return
    st.markdown(_("Does grouping images by object count help on this data? Find out before you start a run."))
    with controls("datasets-batches"):
        left, middle, right, last = st.columns(4, vertical_alignment="bottom")
        with left:
            names = datasets.classes_with_objects(dataset)
            classes = choose_classes("class", names, meaning=_("Count only objects of these classes."))
        limit = middle.number_input(
            _("Maximum images per batch"),
            1,
            256,
            help=_("The batch size of the run."),
            **kept("datasets.batch", 8, allowed=range(1, 257), parse=int),
        )
        sampling = right.selectbox(
            _("Sampling"),
            SAMPLINGS,
            format_func=partial(choice_name, "sampling"),
            help=_(
                "How images are drawn in a pass: each one once, or so that rare object counts "
                "appear as often as common ones."
            ),
            **kept("datasets.sampling", "uniform", allowed=SAMPLINGS),
        )
        with last:
            weights = choose_detector("detector", _("The detector used for the time estimate."))
    if not classes:
        return
    ids = datasets.class_ids(dataset, classes)
    plans = batch_plans.plans(dataset.name, dataset.imported_at, ids, limit, sampling, False)
    config = RunConfig(dataset=dataset.name, weights=weights, batch_size=limit)
    found = {plan.strategy: costs.cost_of_pass(config, plan.sizes, limit) for plan in plans}
    _answer({plan.strategy: plan for plan in plans})
    _table(plans, found)
    _sizes(plans)


def _answer(plans: dict[str, BatchPlan]) -> None:
    """The planner's sentence."""
    grouped, ragged = plans["grouped"], plans["ragged"]
    if grouped.batches == ragged.batches:
        text = _("On this data grouping costs nothing: both methods need {batches} batches per pass.")
        st.success(text.format(batches=ragged.batches))
        return
    text = _(
        "Per pass, grouping needs {grouped} batches and ragged batching {ragged}. Grouped batches "
        "hold {mean} images on average, ragged batches {full}."
    )
    st.info(
        text.format(
            grouped=f"{grouped.batches:,}",
            ragged=f"{ragged.batches:,}",
            mean=formats.number(grouped.mean, 1),
            full=formats.number(ragged.mean, 1),
        )
    )


def _table(plans: list[BatchPlan], found: dict[str, PassCost | None]) -> None:
    rows = [
        {
            _("Strategy"): _(STRATEGIES[plan.strategy]),
            _("Batches per pass"): plan.batches,
            _("Smallest"): min(plan.sizes),
            _("Median"): plan.median,
            _("Largest"): max(plan.sizes),
            _("Mean"): round(plan.mean, 1),
            **(_estimated(found[plan.strategy]) if any(found.values()) else {}),
        }
        for plan in plans
    ]
    st.dataframe(rows, hide_index=True)
    st.caption(
        _(
            "A pass uses every image once. A grouped batch holds only images with the same number "
            "of objects, so many are small; ragged batches hold any images and are full."
        )
    )
    known = sorted({size for cost in found.values() if cost for size in cost.measured})
    if known:
        sizes = ", ".join(map(str, known))
        st.caption(
            _("Times are estimated from batch sizes measured on this device: {sizes}.").format(sizes=sizes)
        )
    else:
        st.caption(_("Times and memory appear after a run with this detector has finished on this device."))


def _estimated(cost: PassCost | None) -> dict[str, str]:
    return {
        _("Time per pass"): formats.duration(cost.elapsed_s) if cost else formats.DASH,
        _("Memory"): formats.bytes_text(cost.peak_memory_bytes) if cost else formats.DASH,
    }


def _sizes(plans: list[BatchPlan]) -> None:
    figure = batch_sizes(
        {
            _(STRATEGIES[plan.strategy]): plan.sizes
            for plan in plans
            if plan.strategy != "sequential"  # its one bar of single images would flatten the others
        },
        title=_("Batch sizes"),
        x_title=_("Images per batch"),
        y_title=_("Batches"),
        **look(),
    )
    chart(figure, alt=_("Histogram of the sizes of grouped and ragged batches."), key="batch-sizes")
