# SPDX-License-Identifier: AGPL-3.0-only
"""Images before and after a patch, with what a detector finds on either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from dashboard.components import controls, guarded, live
from dashboard.drawing import st
from dashboard.i18n import N_, _
from dashboard.page_state import kept
from dashboard.parts.lists import page_number
from dashboard.services import datasets, marks, patches
from engine.store.datasets import DatasetSummary
from engine.store.previews import Preview

SHOWN = 2  # images at a time: four pictures, which a CPU answers within two seconds
LEGEND = {
    "found": N_("found"),
    "missed": N_("never found"),
    "vanished": N_("vanished (× below it)"),  # noqa: RUF001
    "appeared": N_("appeared (+ below it)"),
}
Ask = Callable[..., Preview]


def changed_images(dataset: DatasetSummary, class_name: Sequence[str], ask: Ask, parameter: str) -> None:
    """The images of a dataset that have objects of some classes, a few at a time, clean and patched.

    Args:
        dataset: as it is imported.
        class_name: of the dataset.
        ask: asks what the patch changes, with `indices` of images, and `again` to try a failed one again.
        parameter: of the link, for the images that are shown.
    """
    ids = datasets.class_ids(dataset, class_name)
    counts = datasets.object_counts(dataset.name, dataset.imported_at, ids)
    places = [place for place, count in enumerate(counts) if count]
    if not places:
        st.info(_("No image of this dataset has objects of this class. Choose another class."))
        return
    with controls("patch-images"):
        number = page_number(parameter, -(-len(places) // SHOWN))
        zoomed = st.toggle(
            _("Zoom to the objects"),
            help=_("Shows the part of each image around what vanished, or else around its objects."),
            **kept(f"{parameter}.zoom", True, parse=lambda text: text == "True"),
        )
    with guarded():
        _compare(ask, places[(number - 1) * SHOWN : number * SHOWN], dataset, zoomed)


def _compare(ask: Ask, indices: list[int], dataset: DatasetSummary, zoomed: bool) -> None:
    preview = ask(indices=indices)
    if preview.state == "failed":
        st.error(preview.error or "", icon=":material/error:")
        with controls("patch-again"):
            if st.button(_("Try again"), icon=":material/refresh:", key="preview-again"):
                ask(indices=indices, again=True)
                st.rerun()
    elif preview.answer is not None:
        _pictures(preview.answer["images"], dataset, zoomed)
    else:
        live(_wait, every_s=0.7)(ask, indices)


def _wait(ask: Ask, indices: list[int]) -> None:
    """Look again and again, then draw the whole page anew."""
    if ask(indices=indices).state in ("done", "failed"):
        st.rerun()
    text = _("The detector looks at the images. The first time takes up to a minute, then two seconds.")
    st.info(text, icon=":material/hourglass_top:")


def _pictures(images: list[dict[str, Any]], dataset: DatasetSummary, zoomed: bool) -> None:
    was, gone, new = marks.changes(images)
    text = _(
        "Objects found on the clean images: {number} · vanished: {gone} · detections that appeared: {new}"
    )
    st.markdown(text.format(number=was, gone=gone, new=new))
    legend()
    for image in images:
        name = Path(datasets.image(dataset.name, dataset.imported_at, image["index"]).path).name
        part = marks.focus(image) if zoomed else None
        for column, side in zip(st.columns(2), ("before", "after"), strict=True):
            caption = _("{name}, clean") if side == "before" else _("{name}, with the patch")
            text = caption.format(name=name)
            drawn = marks.marks_of(image, side)
            picture = patches.file_bytes(image[side]["path"])
            column.image(marks.marked(picture, drawn, part), caption=text, alt=text, width="stretch")


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
