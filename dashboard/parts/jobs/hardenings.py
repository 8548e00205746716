# SPDX-License-Identifier: AGPL-3.0-only
"""The trial of a hardening on its job's page: one sentence and the table before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard import formats
from dashboard.components import table
from dashboard.drawing import Markdown, st
from dashboard.i18n import N_, _

PLAIN = "equal budget"
ATTACKS = {
    PLAIN: N_("equal budget"),
    "another seed": N_("another seed"),
    "five times the budget": N_("five times the budget"),
    "start from noise": N_("start from noise"),
    "another loss": N_("another loss"),
    "another placement": N_("another placement"),
    "twice the side": N_("twice the side"),
    "transferred from another detector": N_("transferred from another detector"),
}


def tried(trial: Mapping[str, Any]) -> None:
    """What a hardening gave and what it cost.

    Args:
        trial: as `hardening.json` has it.
    """
    st.markdown(Markdown("**{headline}**").format(headline=headline(trial)))
    table([trial_row(_("Before"), trial["before"]), trial_row(_("After"), trial["after"])])
    st.caption(
        _(
            "AP50 with ASR in brackets and its 95% bootstrap interval over {images} images with "
            "{objects} objects."
        ).format(images=f"{trial['images']:,}", objects=f"{trial['objects']:,}")
    )
    if len(trial["battery"]) > 1:
        st.markdown(_("New patches that attack the hardened weights. The strongest is in the table above."))
        table(
            [
                {_("Attack"): _(ATTACKS.get(name, name)), _("New patch"): cell(scores)}
                for name, scores in trial["battery"].items()
            ]
        )


def headline(trial: Mapping[str, Any]) -> str:
    """What the trial found, in one sentence that names the attacker."""
    before, after = trial["before"], trial["after"]
    figures = {
        "old": formats.number(before["new_patch"]["asr"], 2),
        "new": formats.number(after["new_patch"]["asr"], 2),
        "was": formats.number(before["clean"]["ap50"], 2),
        "now": formats.number(after["clean"]["ap50"], 2),
    }
    if trial["attack"] == PLAIN:
        text = _("ASR under a new patch with the same budget: {old} → {new}. Clean AP50: {was} → {now}.")
        return text.format(**figures)
    text = _(
        "ASR under the strongest of {count} new attacks ({attack}): {old} → {new}. Clean AP50: {was} → {now}."
    )
    attack = _(ATTACKS.get(trial["attack"], trial["attack"]))
    return text.format(count=len(trial["battery"]), attack=attack, **figures)


def trial_row(name: str, row: Mapping[str, Any]) -> dict[str, str]:
    """A line of the table: clean, under the old patch, under a new one, under noise and grey."""
    return {
        "": name,
        _("Clean"): formats.number(row["clean"]["ap50"], 3),
        _("Old patch"): cell(row["old_patch"]),
        _("New patch"): cell(row["new_patch"]),
        _("Noise / grey"): f"{cell(row['noise'])}, {cell(row['grey'])}",
    }


def cell(scores: Mapping[str, Any]) -> str:
    """AP50, and in brackets ASR with its interval."""
    asr, (low, high) = scores["asr"], scores["ci95"]["asr"]
    rate = formats.number(asr, 3)
    if asr is not None and low is not None and high is not None:
        rate = f"{rate}, {formats.number(low, 3)}–{formats.number(high, 3)}"  # noqa: RUF001
    return f"{formats.number(scores['ap50'], 3)} ({rate})"
