# SPDX-License-Identifier: AGPL-3.0-only
"""A patch's story in five slides, and that of a defence or a hardening in one for each scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard import formats
from dashboard.components import CONDITIONS, behind
from dashboard.i18n import _
from dashboard.interactive import Bar, Picture, Slide, data_uri
from dashboard.parts.defend.story import attacker, figures, title
from dashboard.parts.outcome import SEEN, VERDICTS, ending, sentence
from dashboard.parts.patches.hidden import labels
from dashboard.parts.run_names import run_name
from dashboard.services import films, hidden, marks, outcomes, patches
from dashboard.services.stories import Scene
from engine.records import PatchRecord, ScoreRecord

Image = Mapping[str, Any]


def patch_slides(patch: PatchRecord, image: Image | None, told: Sequence[Sequence[Scene]]) -> list[Slide]:
    """What it does, how it formed, one image before and after, who is hidden, and what helps.

    Args:
        patch: the patch.
        image: one of the answer of `engine.previews.requests.before_after`; None while there is none.
        told: the stories of its detector that go on after the attack.
    """
    return [_what(patch), _formed(patch), _changed(image), _who(patch.score), _helps(told)]


def _what(patch: PatchRecord) -> Slide:
    picture = Picture(
        source=_png(patch), alt=_("The patch {name}.").format(name=run_name(patch.name)), sharp=True
    )
    score = patch.score
    if score is None or score.asr is None:
        return Slide(title=run_name(patch.name), lines=[_("Not scored yet")], pictures=[picture])
    grey = score.evaluation["controls"].get("grey", {}).get("asr")
    verdict = outcomes.verdict(score.evaluation)
    lines = [
        f"{score.class_name} · {behind(score.detector, score.defences)} · {score.dataset}",
        *([_(VERDICTS[verdict])] if verdict else []),
        *([_(SEEN[score.held_out])] if score.held_out is not None else []),
    ]
    return Slide(title=sentence(score.asr, grey, score.class_name), lines=lines, pictures=[picture])


def _formed(patch: PatchRecord) -> Slide:
    moments = [] if patch.job_id is None else films.moments(patch.job_id)
    frames = [data_uri(moment.picture, "webp") for moment in moments]
    picture = Picture(
        frames=frames or [_png(patch)],
        alt=_("The patch {name}.").format(name=run_name(patch.name)),
        sharp=True,
    )
    ended = ending(patch.summary)
    return Slide(title=_("Evolution"), lines=[ended] if ended else [], pictures=[picture])


def _changed(image: Image | None) -> Slide:
    heading = _("The same image without and with the patch")
    if image is None:
        return Slide(
            title=heading, lines=[_("No images have been rendered yet. View one on the patch's page first.")]
        )
    was, gone, new = marks.changes([dict(image)])
    text = _("Objects detected on clean images: {number} · hidden: {gone} · new detections: {new}")
    words = {"before": _("clean"), "after": _("with the patch")}
    return Slide(
        title=heading,
        lines=[text.format(number=was, gone=gone, new=new)],
        pictures=[_side(image, side, word) for side, word in words.items()],
    )


def _who(score: ScoreRecord | None) -> Slide:
    """The share that is hidden by size, or, where that is not on record, beside the controls."""
    shares = [] if score is None else hidden.bars(score.job_id, score.detector, "size")
    if any(each.found for each in shares):
        bars = [
            Bar(name=name, value=each.hidden, low=each.low, high=each.high, text=formats.percent(each.hidden))
            for name, each in zip(labels("size"), shares, strict=True)
            if each.found
        ]
        return Slide(
            title=_("Which objects are hidden?"),
            lines=[_("Percentage of objects hidden by their size in the image, with 95% intervals.")],
            bars=bars,
        )
    return Slide(
        title=_("Is it the pattern?"),
        lines=[_("Percentage of objects hidden (ASR), with 95% intervals.")],
        bars=[] if score is None else _controls(score.evaluation),
    )


def _controls(evaluation: Mapping[str, Any]) -> list[Bar]:
    conditions = {"patch": evaluation["patch"], **evaluation["controls"]}
    bars = []
    for name, scores in conditions.items():
        low, high = scores.get("ci95", {}).get("asr", (None, None))
        if name != "clean" and scores.get("asr") is not None:
            text = formats.percent(scores["asr"])
            bars.append(
                Bar(name=_(CONDITIONS.get(name, name)), value=scores["asr"], low=low, high=high, text=text)
            )
    return bars


def _helps(told: Sequence[Sequence[Scene]]) -> Slide:
    scenes = next(iter(told), [])
    lines = [f"{title(scene)}: {figures(scene)} ({attacker(scene)})" for scene in scenes]
    missing = _("No defence has been tested against it yet. The Defend page shows the options.")
    return Slide(title=_("What helps?"), lines=lines or [missing])


def story_slides(scenes: Sequence[Scene], images: Sequence[Image]) -> list[Slide]:
    """A slide for each scene of a story, and one with all of them.

    Args:
        scenes: clean, attacked, and what follows.
        images: one image as each scene but the first shows it.
    """
    sides = [(images[0], "before"), *((image, "after") for image in images)] if images else []
    shown = []
    for scene, (image, side) in zip(scenes, sides, strict=False):
        found = sum(bool(each[side]) for each in image["objects"])
        text = _("{scene}: {number} detected").format(scene=title(scene), number=found)
        lines = [f"{figures(scene)} · {attacker(scene)}"]
        shown.append(Slide(title=text, lines=lines, pictures=[_side(image, side, title(scene))]))
    pictures = [each.pictures[0] for each in shown]
    lines = [f"{title(scene)}: {figures(scene)} ({attacker(scene)})" for scene in scenes]
    return [*shown, Slide(title=_("What helps?"), lines=lines, pictures=pictures)]


def _side(image: Image, side: str, caption: str) -> Picture:
    """One side of an image with its marks and scores."""
    whole = dict(image)
    drawn = marks.marked(
        patches.file_bytes(image[side]["path"]),
        marks.marks_of(whole, side),
        scores=marks.scores_of(whole, side),
    )
    return Picture(source=data_uri(drawn, "jpeg"), alt=caption, caption=caption)


def _png(patch: PatchRecord) -> str:
    return data_uri(patches.file_bytes(patch.image), "png")
