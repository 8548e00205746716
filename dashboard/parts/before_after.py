# SPDX-License-Identifier: AGPL-3.0-only
"""Images before and after a patch, one over the other, with what a detector finds on either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from dashboard import formats, interactive
from dashboard.components import controls, guarded, live, refusal
from dashboard.drawing import st
from dashboard.i18n import N_, _
from dashboard.page_state import kept, presenting
from dashboard.parts.lists import page_number
from dashboard.parts.outcome import image_badge
from dashboard.services import datasets, hidden, marks, patches, seen
from engine.records import ImageOutcome
from engine.store.datasets import DatasetSummary
from engine.store.previews import Preview

SHOWN = 2  # images at a time: four pictures, which a CPU answers within two seconds
LEGEND = {
    "found": N_("detected"),
    "missed": N_("never detected"),
    "vanished": N_("hidden (× below the box)"),  # noqa: RUF001
    "appeared": N_("new (+ below the box)"),
}
ORDERS = {"worst": N_("Strongest effect first"), "dataset": N_("Dataset order")}
WANTED = {
    "": N_("All images"),
    "hidden": N_("With hidden objects"),
    "survived": N_("With objects still detected"),
    "appeared": N_("With new detections"),
}
RAMP = "linear-gradient(to right, #000004, #57106e, #bc3754, #f98e09, #fcffa4)"  # as the pictures have it
Ask = Callable[..., Preview]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of the images before they are drawn.

    Attributes:
        seen: the places of those that the run saw; None where that is not known.
        scored: from which score on an object counts as found, and what became of each; None without a record.
        scores: asks for the pictures of the class's score; see `Ask`; None for none.
    """

    seen: frozenset[int] | None = None
    scored: tuple[float, list[ImageOutcome]] | None = None
    scores: Ask | None = None


def changed_images(
    dataset: DatasetSummary, class_name: Sequence[str], ask: Ask, parameter: str, known: Known | None = None
) -> list[dict[str, Any]]:
    """The images of a dataset that have objects of some classes, a few at a time, clean and patched.

    Args:
        dataset: as it is imported.
        class_name: of the dataset.
        ask: asks what the patch changes, with `indices` of images, and `again` to try a failed one again.
        parameter: of the link, for the images that are shown.
        known: of the images; decides which come first.

    Returns:
        The images that are drawn, as `engine.previews.requests.before_after` answers; empty until then.
    """
    known = known or Known()
    ids = datasets.class_ids(dataset, class_name)
    counts = datasets.object_counts(dataset.name, dataset.imported_at, ids)
    places = [place for place, count in enumerate(counts) if count]
    if not places:
        st.info(_("No image in this dataset contains objects of this class. Choose another class."))
        return []
    with controls("patch-images"):
        places = _chosen(places, known, parameter)
        number = page_number(parameter, max(-(-len(places) // SHOWN), 1))
        with st.container(horizontal=True):
            zoomed = _switch(
                f"{parameter}.zoom",
                _("Zoom to the objects"),
                _(
                    "Shows the part of each image around hidden objects or, if there are none, around "
                    "all objects."
                ),
                first=True,
            )
            mapped = known.scores is not None and _switch(
                f"{parameter}.scores",
                _("Confidence map"),
                _("Where the detector sees the class and with what confidence, without and with the patch."),
            )
    if not places:
        st.caption(_("No images match. Change the selection."))
        return []
    indices, shown = places[(number - 1) * SHOWN : number * SHOWN], []
    with guarded():
        shown = _answered(ask, indices)
        if shown:
            _pictures(shown, dataset, known, zoomed)
    if mapped and known.scores is not None:
        with guarded():
            _maps(_answered(known.scores, indices), dataset)
    return shown


def _switch(name: str, label: str, meaning: str, *, first: bool = False) -> bool:
    return bool(st.toggle(label, help=meaning, **kept(name, first, parse=lambda text: text == "True")))


def _chosen(places: list[int], known: Known, parameter: str) -> list[int]:
    """The images in the order that is chosen, those that the run did not see first."""
    if known.scored is None:
        return seen.unseen_first(places, known.seen)
    min_score, found = known.scored
    left, right = st.columns(2)
    order = left.selectbox(
        _("Order"),
        list(ORDERS),
        format_func=lambda each: _(ORDERS[each]),
        help=_(
            "Ordered by the number of objects that the patch hides. Images that the run did not use "
            "come first."
        ),
        **kept(f"{parameter}.order", "worst", allowed=ORDERS),
    )
    wanted = right.selectbox(
        _("Images"),
        list(WANTED),
        format_func=lambda each: _(WANTED[each]),
        **kept(f"{parameter}.outcome", "", allowed=WANTED),
    )
    offered = set(places)
    worst = [place for place in hidden.worst_first(found, min_score, wanted) if place in offered]
    if not wanted:
        worst += sorted(offered.difference(worst))
    return seen.unseen_first(worst if order == "worst" else sorted(worst), known.seen)


def _answered(ask: Ask, indices: list[int]) -> list[dict[str, Any]]:
    """The images of an answer; empty while it is awaited, or where it failed, which is shown."""
    preview = ask(indices=indices)
    if preview.answer is not None:
        return list(preview.answer["images"])
    if preview.state == "failed":
        refusal(preview.error or "")
        key = f"preview-again-{preview.request['kind']}"
        with controls(key):
            if st.button(_("Try again"), icon=":material/refresh:", key=key):
                ask(indices=indices, again=True)
                st.rerun()
    else:
        live(_wait, every_s=0.7)(ask, indices)
    return []


def _wait(ask: Ask, indices: list[int]) -> None:
    """Look again and again, then draw the whole page anew."""
    if ask(indices=indices).state in ("done", "failed"):
        st.rerun()
    text = _(
        "Running the detector on the images. The first time takes up to a minute, later about two seconds."
    )
    st.info(text, icon=":material/hourglass_top:")


def _pictures(images: list[dict[str, Any]], dataset: DatasetSummary, known: Known, zoomed: bool) -> None:
    was, gone, new = marks.changes(images)
    text = _("Objects detected on clean images: {number} · hidden: {gone} · new detections: {new}")
    st.markdown(text.format(number=was, gone=gone, new=new))
    legend()
    places = st.columns(1 if presenting() else SHOWN)
    for number, image in enumerate(images):
        with places[number % len(places)]:
            if known.seen is not None:
                image_badge(image["index"] in known.seen)
            one_image(image, name_of(dataset, image["index"]), marks.focus(image) if zoomed else None)


def one_image(image: dict[str, Any], name: str, part: marks.Box | None) -> None:
    """One image under a slider between its two sides.

    Args:
        image: one of the answer of `engine.previews.requests.before_after`.
        name: of its file.
        part: to be enlarged; None for the whole.
    """
    before, after = (
        marks.marked(
            patches.file_bytes(image[side]["path"]),
            marks.marks_of(image, side),
            part,
            marks.scores_of(image, side),
        )
        for side in ("before", "after")
    )
    was, gone, new = marks.changes([image])
    caption = _("{name}: {gone} of {number} hidden, {new} new").format(
        name=name, gone=gone, number=was, new=new
    )
    interactive.wipe(
        before,
        after,
        words=(_("clean"), _("with the patch")),
        caption=caption,
        alt=caption,
        key=f"wipe-{image['index']}",
    )


def name_of(dataset: DatasetSummary, place: int) -> str:
    """The name of an image's file."""
    return Path(datasets.image(dataset.name, dataset.imported_at, place).path).name


def _maps(images: list[dict[str, Any]], dataset: DatasetSummary) -> None:
    """The class's score over each image, clean and patched, side by side."""
    if not images:
        return
    st.html(
        f'<span style="white-space:nowrap">0 <span style="display:inline-block;width:8em;height:0.9em;'
        f'vertical-align:middle;background:{RAMP}"></span> 1</span>'
    )
    st.caption(_("The highest score of the class at each location."))
    for image in images:
        for column, side in zip(st.columns(2), ("before", "after"), strict=True):
            caption = (
                _("{name}, clean: up to {score}")
                if side == "before"
                else _("{name}, with the patch: up to {score}")
            )
            text = caption.format(
                name=name_of(dataset, image["index"]), score=formats.number(image[side]["highest"])
            )
            column.image(patches.file_bytes(image[side]["path"]), caption=text, alt=text, width="stretch")


def legend() -> None:
    """What the frames in the pictures mean."""
    st.html(" &emsp; ".join(_swatch(mark) for mark in marks.MARKS))


def _swatch(mark: str) -> str:
    colour, dash, _sign = marks.MARKS[mark]
    line = "dashed" if dash > 5 else "dotted" if dash else "solid"
    box = (
        f"display:inline-block;width:1.6em;height:1em;vertical-align:middle;background:#444;"
        f"border:2px {line} {colour}"
    )
    return f'<span style="white-space:nowrap"><span style="{box}"></span> {escape(_(LEGEND[mark]))}</span>'
