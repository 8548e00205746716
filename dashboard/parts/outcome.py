# SPDX-License-Identifier: AGPL-3.0-only
"""What came of a patch, in words: a headline with its verdict, and how the run ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard import formats
from dashboard.components import MEANINGS
from dashboard.drawing import Markdown, st
from dashboard.i18n import N_, _, ngettext
from dashboard.services import outcomes

VERDICTS = {
    "stronger": N_(
        "It is stronger than a grey patch of the same size, and the ASR intervals do not overlap."
    ),
    "unclear": N_("It is stronger than a grey patch of the same size, but the ASR intervals overlap."),
    "weaker": N_(
        "It is no stronger than a grey patch of the same size, so it shows occlusion, not an attack."
    ),
    "few": N_(
        "Too few objects to distinguish it from a grey patch of the same size. Score it on more images."
    ),
}
SEEN = {True: N_("on images the run did not use"), False: N_("on the images it was made on")}
ENDINGS = {
    "iterations": N_("It completed all {asked} iterations."),
    "time limit": N_("The time limit ended it after {done} of {asked} iterations."),
    "early stop": N_("It stopped early after {done} of {asked} iterations, with no further improvement."),
}


def headline(evaluation: Mapping[str, Any], classes: str, held_out: bool | None) -> None:
    """The share that a patch hides, and what that is worth; nothing where no object was found without it.

    Args:
        evaluation: what `Evaluation.to_json` gives.
        classes: of the objects, in words.
        held_out: whether the images were new to the patch; None where that is not known.
    """
    verdict = outcomes.verdict(evaluation)
    if evaluation["patch"].get("asr") is None:
        return
    grey = evaluation["controls"].get("grey", {}).get("asr")
    with st.container(border=True, gap="small"):
        st.markdown(
            Markdown("### {text}").format(text=sentence(evaluation["patch"]["asr"], grey, classes)),
            help=_(MEANINGS),
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            seen_badge(held_out)
            if images := evaluation.get("settings", {}).get("images"):
                text = ngettext("{number} image", "{number} images", images)
                st.caption(text.format(number=f"{images:,}"), width="content")
        if verdict:
            icon = ":material/check_circle:" if verdict == "stronger" else ":material/info:"
            (st.success if verdict == "stronger" else st.warning)(_(VERDICTS[verdict]), icon=icon)


def sentence(asr: float, grey: float | None, classes: str) -> str:
    """The share that a patch hides, beside that of a grey one where it is known."""
    if grey is None:
        text = _("Hides {asr} of the tested objects ({classes}).")
        return text.format(asr=formats.percent(asr), classes=classes)
    text = _("Hides {asr} of the tested objects ({classes}; grey patch: {grey}).")
    return text.format(asr=formats.percent(asr), classes=classes, grey=formats.percent(grey))


def seen_badge(held_out: bool | None) -> None:
    """Whether a score is of images that the patch was made on; nothing where that is not known."""
    if held_out:
        st.badge(_(SEEN[True]), icon=":material/visibility_off:", color="green")
    elif held_out is False:
        st.badge(
            _(SEEN[False]),
            icon=":material/warning:",
            color="orange",
            help=_("It may be weaker on other images."),
        )


def image_badge(seen: bool) -> None:
    """Whether the run saw an image."""
    if seen:
        st.badge(_("used by the run"), icon=":material/warning:", color="orange")
    else:
        st.badge(_("not used by the run"), icon=":material/visibility_off:", color="green")


def ending(facts: Mapping[str, Any]) -> str:
    """How a run ended and how far it came, as a sentence; empty where it is not on record.

    Args:
        facts: what `run.json` holds.
    """
    ended = outcomes.ended(facts)
    if ended is None:
        return ""
    return _(ENDINGS[ended.how]).format(done=f"{ended.done:,}", asked=f"{ended.asked:,}")
