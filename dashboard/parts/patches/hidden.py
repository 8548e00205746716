# SPDX-License-Identifier: AGPL-3.0-only
"""Who is hidden: the share of the objects of each kind that a patch hides, and those objects themselves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from dashboard import formats
from dashboard.charts.hidden import hidden_bars
from dashboard.components import chart, controls, guarded, look
from dashboard.drawing import st
from dashboard.i18n import N_, _, ngettext
from dashboard.page_state import choose, kept
from dashboard.parts.lists import page_number
from dashboard.services import hidden, thumbnails
from dashboard.services.hidden import CROWDS, SCORES, SIZES, ObjectOutcome, Share
from engine.records import ScoreRecord
from engine.store.datasets import DatasetSummary

A_PAGE = 12
BY = {
    "size": N_("Size in the image"),
    "crowd": N_("Objects in the image"),
    "score": N_("Score without the patch"),
    "place": N_("Place in the image"),
}
PLACES = (
    *(N_("top left"), N_("top"), N_("top right")),
    *(N_("left"), N_("middle"), N_("right")),
    *(N_("bottom left"), N_("bottom"), N_("bottom right")),
)
CHART = "hidden-chart"


def who_is_hidden(score: ScoreRecord, dataset: DatasetSummary | None) -> None:
    """The bars of one score, and the objects of the bar that is chosen.

    Args:
        score: whose objects they are; nothing is shown where it has no record of them.
        dataset: that it is of, as it is imported; None where it is gone, and with it the pictures.
    """
    known = hidden.of_score(score)
    if known is None:
        st.caption(_("Per-object outcomes are not available. Score the patch again to record them."))
        return
    found = hidden.objects(*known)
    if not found:
        return
    st.subheader(_("Which objects are hidden?"), anchor=False)
    with controls("hidden-by"):
        by = st.segmented_control(
            _("By"),
            list(BY),
            format_func=lambda each: _(BY[each]),
            required=True,
            **kept("patches.by", "size", allowed=BY),
        )
    bar = _bars(hidden.bars(score.job_id, score.detector, by), by)
    if bar is not None and dataset is not None:
        _gallery(hidden.of_bar(found, by, bar), dataset)


def _bars(bars: Sequence[Share], by: str) -> int | None:
    """The chart, and the number of the bar that is chosen."""
    names = labels(by)
    slot = st.container()
    filled = [place for place, each in enumerate(bars) if each.found]
    with controls("hidden-bar"):
        name = f"patches.by.{by}"
        bar: int | None = st.selectbox(
            _("Show objects from"),
            filled,
            format_func=names.__getitem__,
            placeholder=_("Click a bar, or choose here"),
            **{"index": None, **kept(name, None, allowed=[None, *filled], parse=int)},
        )
    figure = hidden_bars(
        [(each.found, each.hidden, each.low, each.high) for each in bars],
        names,
        title=_("Percentage of objects hidden, with 95% intervals"),
        x_title=_(BY[by]),
        y_title=_("Hidden"),
        number=_("of {number}"),
        chosen=bar,
        **look(),
    )
    most = max(filled, key=lambda place: bars[place].hidden)
    alt = _("Bar chart of the percentage hidden; the highest is {share} in {label}.")
    with slot:
        chart(
            figure,
            alt=alt.format(share=formats.percent(bars[most].hidden), label=names[most]),
            key=CHART,
            on_select=partial(_clicked, name),
            selection_mode="points",
        )
    return bar


def _clicked(name: str) -> None:
    """A click on a bar chooses its objects; a second click on it shows none."""
    points = st.session_state[CHART].selection.points
    bar = points[0]["point_index"] if points else None
    st.session_state[f"widget.{name}"] = bar
    choose(name, bar)


def labels(by: str) -> list[str]:
    """What the bars of a kind are called."""
    if by == "place":
        return [_(each) for each in PLACES]
    if by == "crowd":
        return _ranges([str(each) for each in CROWDS], ["1", *_whole(CROWDS)])
    if by == "score":
        return _ranges(
            [f"{each:g}" for each in SCORES],
            [_("below {limit}").format(limit=f"{SCORES[0]:g}"), *_between(SCORES)],
        )
    names = [_("below {limit} px").format(limit=SIZES[0]), *_between(SIZES)]
    found = _ranges([str(each) for each in SIZES], names)
    small, medium = SIZES.index(32), SIZES.index(96)
    coco = (
        [_("small")] * (small + 1) + [_("medium")] * (medium - small) + [_("large")] * (len(SIZES) - medium)
    )
    return [f"{text} ({word})" for text, word in zip(found, coco, strict=True)]


def _ranges(limits: Sequence[str], names: Sequence[str]) -> list[str]:
    return [*names, _("{limit} or more").format(limit=limits[-1])]


def _between(limits: Sequence[float]) -> list[str]:
    return [_("{low} to {high}").format(low=f"{low:g}", high=f"{high:g}") for low, high in pairwise(limits)]


def _whole(limits: Sequence[int]) -> list[str]:
    """Ranges of whole numbers, of which the upper limit is no part."""
    pairs = pairwise(limits)
    return [
        str(low) if high - low == 1 else _("{low} to {high}").format(low=low, high=high - 1)
        for low, high in pairs
    ]


def _gallery(found: Sequence[ObjectOutcome], dataset: DatasetSummary) -> None:
    """Objects cut out of their images, without the patch, a page at a time."""
    gone = sum(each.hidden for each in found)
    text = ngettext("{number} object, {gone} hidden", "{number} objects, {gone} hidden", len(found))
    st.markdown(text.format(number=f"{len(found):,}", gone=f"{gone:,}"))
    with controls("hidden-page"):
        number = page_number("patches.by.page", -(-len(found) // A_PAGE))
    with st.container(horizontal=True), guarded():
        for each in found[(number - 1) * A_PAGE : number * A_PAGE]:
            picture = thumbnails.cut_out(dataset.name, dataset.imported_at, each.image, each.box_xyxy_px)
            text = (
                _("hidden: {clean} → {patched}") if each.hidden else _("still detected: {clean} → {patched}")
            ).format(clean=formats.number(each.clean), patched=formats.number(each.patched))
            with st.container(width=140):
                if picture is None:
                    st.caption(_("This image cannot be shown."))
                else:
                    st.image(picture, alt=text, width="stretch")
                st.caption(text)
    st.caption(_("Detection scores of each object, without and with the patch."))
