# SPDX-License-Identifier: AGPL-3.0-only
"""Pictures on the Generate page: where the patch lies, and what the detector finds."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from dashboard import formats
from dashboard.components import controls, guarded, live, refusal
from dashboard.drawing import Markdown, st
from dashboard.i18n import _, ngettext
from dashboard.page_state import kept
from dashboard.services import datasets, generate, thumbnails
from engine.config import RunConfig
from engine.store.previews import Preview

SHOWN = 3
EVERY_S = 1.0


def placement_preview(config: RunConfig) -> None:
    """The patch on a few images of the dataset, as a step of the run would draw it."""
    with controls("generate-preview"), st.container(horizontal=True, vertical_alignment="center"):
        wanted = st.toggle(
            _("Preview the placement"),
            help=_("Draws the patch on images from your dataset; the first result takes a few seconds."),
            **kept("g.preview", False, parse=lambda text: text == "True"),
        )
        if wanted and st.button(_("Other images"), icon=":material/shuffle:", key="g-shuffle"):
            st.session_state["g-shuffled"] = st.session_state.get("g-shuffled", 0) + 1
    if not wanted:
        return
    places = _some_images(config, st.session_state.get("g-shuffled", 0))
    if not places:
        st.info(_("No image in this dataset contains an object of this class."))
        return
    _follow("placement", lambda again: generate.placement_preview(config, places, again=again), _placed)


def detector_check(config: RunConfig, trust: bool) -> None:
    """Open the detector in a process of its own and show what it finds on one image."""
    wanted = st.toggle(
        _("Check the detector"),
        help=_("Opens the weights with all safety checks and shows the detections on one of your images."),
        **kept("g.check", False, parse=lambda text: text == "True"),
    )
    places = _some_images(config, 0)[:1]
    if wanted and places:
        with guarded():
            _follow(
                "detector",
                lambda again: generate.detection_preview(config, places[0], trust=trust, again=again),
                lambda answer: _found(answer, config),
            )


def cost_measurement(config: RunConfig, trust: bool) -> None:
    """Take a few real steps, so that time and memory can be told."""
    settings = config.to_json()
    if st.button(
        _("Measure it now"),
        icon=":material/timer:",
        help=_("Runs a few steps on this device, which can take up to a minute."),
        key="g-measure",
    ):
        st.session_state["g-measured"] = settings
    if st.session_state.get("g-measured") == settings:
        with guarded():
            _follow("costs", lambda again: generate.measure(config, trust=trust, again=again), _measured)


def _measured(answer: dict[str, Any]) -> None:
    text = _("Measured: {rate} images/s.")
    st.success(text.format(rate=formats.number(answer["images_per_s"], 1)), icon=":material/check:")


def _some_images(config: RunConfig, number: int) -> list[int]:
    """A few images with objects of the class; others for another number."""
    dataset = next(each for each in datasets.summaries() if each.name == config.dataset)
    ids = datasets.class_ids(dataset, config.class_names)
    counts = datasets.object_counts(dataset.name, dataset.imported_at, ids)
    filled = [place for place, count in enumerate(counts) if count]
    return sorted(random.Random(number).sample(filled, min(SHOWN, len(filled))))


def _follow(name: str, ask: Callable[[bool], Preview], show: Callable[[dict[str, Any]], None]) -> None:
    """Show an answer once it is there, looking again each second until then."""
    preview = ask(False)
    waits = preview.state in ("queued", "running")

    def look() -> None:
        now = ask(False) if waits else preview
        if now.state == "done" and now.answer is not None:
            show(now.answer)
            if waits:
                st.rerun()  # ends the looking
        elif now.state == "failed":
            refusal(now.error or _("No response."))
            if st.button(_("Try again"), key=f"g-again-{name}"):
                ask(True)
                st.rerun()
        else:
            text = _("Working; the first result takes a few seconds …")
            st.caption(Markdown(":material/hourglass: {text}").format(text=text))

    live(look, every_s=EVERY_S if waits else None)()


def _placed(answer: dict[str, Any]) -> None:
    for column, image in zip(st.columns(SHOWN), answer["images"], strict=False):
        number = len(image["objects"])
        text = ngettext("{number} object", "{number} objects", number).format(number=number)
        column.image(image["path"], width="stretch", alt=_("The patch on an image: {text}").format(text=text))
        column.caption(text)


def _found(answer: dict[str, Any], config: RunConfig) -> None:
    (image,) = answer["images"]
    text = _("Works: it detects {found} of class {name} on an image labelled with {objects}.")
    st.success(
        text.format(
            found=len(image["found"]),
            name=config.detector_class or ", ".join(config.class_names),
            objects=len(image["objects"]),
        ),
        icon=":material/check:",
    )
    boxes = [each["box"] for each in image["found"]]
    picture = thumbnails.drawn(image["path"], image["width"], boxes, [0] * len(boxes))
    st.image(picture, width=480, alt=_("The image used to check the detector."))
