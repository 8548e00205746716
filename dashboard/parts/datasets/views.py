# SPDX-License-Identifier: AGPL-3.0-only
"""What is in a dataset: objects per image with a gallery, classes and boxes, repairs."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from dashboard import formats
from dashboard.charts import datasets as charts
from dashboard.charts.theme import colour
from dashboard.components import chart, controls, look
from dashboard.drawing import Markdown, st, went_back
from dashboard.i18n import _, ngettext
from dashboard.page_state import changed, choose, kept, reset
from dashboard.services import datasets, thumbnails
from engine.store.datasets import DatasetSummary

ALL = "all"
A_PAGE = 12
MOST_CLASSES = 30


def class_filter(dataset: DatasetSummary) -> int | None:
    """The class looked at, shared by the views; None for all."""
    counts = datasets.class_counts(dataset.name, dataset.imported_at)
    names = {dataset.class_names[each]: each for each in sorted(counts, key=lambda each: -counts[each])}
    offered = [ALL, *names]
    name = st.selectbox(
        _("Class"),
        offered,
        format_func=lambda each: _("All classes") if each == ALL else each,
        help=_("Count only objects of this class."),
        **kept("datasets.class", ALL, allowed=offered),
    )
    return None if name == ALL else names[name]


def object_view(dataset: DatasetSummary) -> None:
    """The histogram of objects per image; a click on a bar opens its images."""
    with controls("datasets-objects"):
        left, middle, right = st.columns([2, 2, 2], vertical_alignment="bottom")
        with left:
            class_id = class_filter(dataset)
        counts = datasets.object_counts(dataset.name, dataset.imported_at, class_id)
        if changed("datasets.counted", (dataset.name, class_id)) and not went_back():
            reset("datasets.limit")  # what was chosen for other counts does not fit these
        limit = middle.slider(
            _("Last bar"),
            *datasets.LIMITS,
            help=_("The last bar covers images with at least this many objects."),
            **kept("datasets.limit", datasets.last_bucket(counts), parse=_limit),
        )
        with right:
            log = st.toggle(
                _("Logarithmic axis"),
                help=_("Makes small bars visible next to large ones."),
                **_switch("datasets.log"),
            )
            share = st.toggle(
                _("Percentages"),
                help=_("Show percentages of all images instead of counts."),
                **_switch("datasets.share"),
            )
    images = datasets.histogram(counts, limit)
    labels = [*map(str, range(limit)), _("{limit} or more").format(limit=limit)]
    slot = st.container()
    bucket = _bucket(images, labels)
    figure = charts.object_histogram(
        images,
        labels,
        title=_("Images by number of objects"),
        x_title=_("Objects in an image"),
        y_title=_("Percentage of images") if share else _("Images"),
        log=log,
        share=share,
        chosen=bucket,
        **look(),
    )
    most = max(range(len(images)), key=images.__getitem__)
    alt = _("Histogram of images by number of objects; most images ({number}) have {label}.")
    with slot:
        chart(
            figure,
            alt=alt.format(number=images[most], label=labels[most]),
            key="objects-chart",
            on_select=_clicked,
            selection_mode="points",
        )
    if bucket is not None:
        gallery(dataset, datasets.positions(counts, bucket, limit), class_id)


def _limit(text: str) -> int:
    number = int(text)
    if not datasets.LIMITS[0] <= number <= datasets.LIMITS[1]:
        raise ValueError
    return number


def _switch(name: str) -> dict[str, Any]:
    return kept(name, False, parse=lambda text: text == "True")


def _clicked() -> None:
    """A click on a bar chooses its images; a second click on it shows none."""
    points = st.session_state["objects-chart"].selection.points
    bucket = points[0]["point_index"] if points else None
    st.session_state["widget.datasets.bucket"] = bucket
    choose("datasets.bucket", bucket)
    reset("datasets.page")


def _bucket(images: list[int], labels: list[str]) -> int | None:
    """The bar whose images are shown; the way without a mouse."""
    filled = [place for place, number in enumerate(images) if number]
    with controls("datasets-bucket"):
        return st.selectbox(
            _("Show images by object count"),
            filled,
            format_func=labels.__getitem__,
            placeholder=_("Click a bar, or choose here"),
            help=_("Shows the images of one bar with their boxes."),
            **_optional("datasets.bucket", filled),
        )


def _optional(name: str, allowed: list[int]) -> dict[str, Any]:
    return {"index": None, **kept(name, None, allowed=[None, *allowed], parse=int)}


def gallery(dataset: DatasetSummary, places: list[int], class_id: int | None) -> None:
    """Some images with their boxes, a page at a time."""
    pages = max(-(-len(places) // A_PAGE), 1)
    text = ngettext("{number} image", "{number} images", len(places))
    st.markdown(Markdown("**{text}**").format(text=text.format(number=f"{len(places):,}")))
    number = 1
    if pages > 1:
        with controls("datasets-gallery"):
            number = st.number_input(
                _("Page of {pages}").format(pages=pages),
                1,
                pages,
                help=_("Twelve images per page."),
                width=160,
                **kept("datasets.page", 1, allowed=range(1, pages + 1), parse=int),
            )
    shown = places[(number - 1) * A_PAGE : number * A_PAGE]
    for start in range(0, len(shown), 4):
        for column, place in zip(st.columns(4), shown[start : start + 4], strict=False):
            with column:
                _tile(dataset, place, class_id)
    _legend(dataset, shown, class_id)


def _legend(dataset: DatasetSummary, shown: list[int], class_id: int | None) -> None:
    """The classes of the boxes in sight, each with the colour of its boxes."""
    found = {
        int(each)
        for place in shown
        for each in datasets.image(dataset.name, dataset.imported_at, place).class_ids
        if class_id is None or each == class_id
    }
    st.html(
        " ".join(
            f'<span style="display: inline-block; margin-right: 1em"><span style="display: inline-block; '
            f'width: 0.8em; height: 0.8em; background: {colour(each)}"></span> '
            f"{escape(dataset.class_names[each])}</span>"
            for each in sorted(found)
        )
    )


def _tile(dataset: DatasetSummary, place: int, class_id: int | None) -> None:
    record = datasets.image(dataset.name, dataset.imported_at, place)
    name, objects = Path(record.path).name, record.count(class_id)
    picture = thumbnails.thumbnail(dataset.name, dataset.imported_at, place, class_id)
    text = ngettext("{number} object", "{number} objects", objects).format(number=objects)
    if picture is None:
        st.warning(_("This image cannot be shown: the file was moved, is damaged or is too large."))
    else:
        st.image(picture, width="stretch", alt=f"{name}: {text}")
    st.text(f"{name} · {text}")


def class_view(dataset: DatasetSummary) -> None:
    """Objects of each class, sizes and places of boxes."""
    counts = datasets.class_counts(dataset.name, dataset.imported_at)
    if not counts:
        st.info(_("No image in this dataset contains an object."))
        return
    order = sorted(counts, key=lambda each: -counts[each])
    named = {dataset.class_names[each]: counts[each] for each in order[:MOST_CLASSES]}
    figure = charts.class_bars(named, title=_("Objects of each class"), x_title=_("Objects"), **look())
    first = next(iter(named))
    alt = _("Bar chart of objects by class; the most frequent is {name} ({number}).").format(
        name=first, number=named[first]
    )
    chart(figure, alt=alt, key="classes")
    if len(order) > MOST_CLASSES:
        st.caption(
            _("The {shown} most frequent of {all} classes.").format(shown=MOST_CLASSES, all=len(order))
        )
    with controls("datasets-boxes"):
        class_id = class_filter(dataset)
    _box_charts(dataset, class_id)


def _box_charts(dataset: DatasetSummary, class_id: int | None) -> None:
    figures = datasets.box_figures(dataset.name, dataset.imported_at, class_id)
    left, right = st.columns(2)
    sizes = charts.box_sizes(
        figures.sizes,
        title=_("Box sizes"),
        x_title=_("Side of the box relative to the side of the image"),
        y_title=_("Boxes"),
        **look(),
    )
    centres = charts.box_centres(
        figures.centres,
        title=_("Box positions in the image"),
        legend=_("Boxes"),
        x_title=_("Distance from the left, fraction of the width"),
        y_title=_("Distance from the top, fraction of the height"),
        **look(),
    )
    small = sum(figures.sizes[:2]) / max(sum(figures.sizes), 1)
    with left:
        alt = _("Histogram of box sizes; {share} are smaller than a tenth of the image side.")
        chart(sizes, alt=alt.format(share=f"{small:.0%}"), key="sizes")
    with right:
        chart(centres, alt=_("Heat map of box centres."), key="centres")


def repair_view(dataset: DatasetSummary) -> None:
    """What was put right or left out at import."""
    counts = datasets.repair_counts(dataset.name, dataset.imported_at)
    if not counts:
        st.success(_("No repairs were needed."))
        return
    st.markdown(_("Corrected or skipped during import. The files themselves were not changed."))
    rows = [
        {_("Repair"): _(datasets.repair_words(kind)), _("Count"): times, _("Meaning"): _meaning(kind)}
        for kind, times in counts.items()
    ]
    st.dataframe(rows, hide_index=True)
    with controls("datasets-repairs"):
        kind = st.selectbox(
            _("Type"),
            [ALL, *counts],
            format_func=lambda each: _("All types") if each == ALL else _(datasets.repair_words(each)),
            help=_("Show only repairs of this type."),
            **kept("datasets.repair", ALL, allowed=[ALL, *counts]),
        )
    found = datasets.repairs(dataset.name, dataset.imported_at, None if kind == ALL else kind)
    listed = [
        {
            _("File"): Path(each.file).name,
            _("Line"): formats.DASH if each.line is None else str(each.line),
            _("Repair"): _(datasets.repair_words(each.kind)),
            _("Details"): each.action,
            _("Count"): each.times,
            _("Folder"): str(Path(each.file).parent),
        }
        for each in found
    ]
    st.dataframe(listed, hide_index=True)
    if len(found) == 200:
        st.caption(Markdown(_("The first 200 repairs. `python -m engine dataset show` lists all of them.")))


def _meaning(kind: str) -> str:
    """The sentence that explains a kind; none for a kind that only another version knows."""
    return _(datasets.REPAIR_KINDS[kind].help) if kind in datasets.REPAIR_KINDS else ""
