# SPDX-License-Identifier: AGPL-3.0-only
"""A story's scenes as pictures of one image, from the warm process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard import interactive
from dashboard.components import controls, guarded, live, refusal
from dashboard.drawing import Markdown, st
from dashboard.i18n import _
from dashboard.page_state import presenting
from dashboard.parts.before_after import Ask, legend
from dashboard.parts.defend.story import attacker, figures, title
from dashboard.parts.lists import page_number
from dashboard.parts.slides import story_slides
from dashboard.services import datasets, marks, patches
from dashboard.services.stories import Scene
from engine.store.datasets import DatasetSummary


def defended_images(
    dataset: DatasetSummary, class_name: Sequence[str], asks: Sequence[Ask], scenes: Sequence[Scene]
) -> None:
    """One image of the dataset at a time, in two to four pictures.

    Args:
        dataset: as it is imported.
        class_name: of the dataset.
        asks: ask what the patch changes in each scene but the first, which is the first of these before it;
            see `Ask`.
        scenes: clean, attacked, and what follows.
    """
    ids = datasets.class_ids(dataset, class_name)
    counts = datasets.object_counts(dataset.name, dataset.imported_at, ids)
    places = [place for place, count in enumerate(counts) if count]
    if not places:
        st.info(_("No image in this dataset contains objects of this class. Choose another class."))
        return
    with controls("defend-images"):
        number = page_number("defend.image", len(places))
    with guarded():
        _answered(asks, [places[number - 1]], scenes)


def _answered(asks: Sequence[Ask], indices: list[int], scenes: Sequence[Scene]) -> None:
    previews = [ask(indices=indices) for ask in asks]
    failed = next((each for each in previews if each.state == "failed"), None)
    if failed is not None:
        refusal(failed.error or "")
        with controls("defend-again"):
            if st.button(_("Try again"), icon=":material/refresh:", key="defend-again"):
                for ask, each in zip(asks, previews, strict=True):
                    ask(indices=indices, again=each.state == "failed")
                st.rerun()
    elif all(each.answer is not None for each in previews):
        _pictures([each.answer["images"][0] for each in previews if each.answer], scenes)
    else:
        live(_wait, every_s=0.5)(asks, indices)


def _wait(asks: Sequence[Ask], indices: list[int]) -> None:
    """Look again and again, then draw the whole page anew."""
    if all(ask(indices=indices).state in ("done", "failed") for ask in asks):
        st.rerun()
    text = _(
        "Running the detector on the images. The first time takes up to a minute, later about two seconds."
    )
    st.info(text, icon=":material/hourglass_top:")


def _pictures(images: Sequence[dict[str, Any]], scenes: Sequence[Scene]) -> None:
    sides = [(images[0], "before"), *((image, "after") for image in images)]
    wide = 2 if presenting() else len(sides)  # so that they are seen from afar
    places = [column for _row in range(0, len(sides), wide) for column in st.columns(wide)]
    for column, (image, side), scene in zip(places, sides, scenes, strict=False):
        found = sum(bool(each[side]) for each in image["objects"])
        text = _("{scene}: {number} detected").format(scene=title(scene), number=found)
        picture = patches.file_bytes(image[side]["path"])
        with column:
            st.image(
                marks.marked(picture, marks.marks_of(image, side), scores=marks.scores_of(image, side)),
                caption=text,
                alt=text,
                width="stretch",
            )
            st.markdown(
                Markdown("**{figures}**  \n{attacker}").format(
                    figures=figures(scene), attacker=attacker(scene)
                )
            )
    legend()
    with controls("defend-slides"):
        interactive.slides(story_slides(scenes, images), key="defend-slides")
    st.caption(_("Detections are for this image; ASR and AP50 for all scored images, where available."))
