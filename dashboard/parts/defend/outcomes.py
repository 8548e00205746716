# SPDX-License-Identifier: AGPL-3.0-only
"""The table by attacker: what each defence costs and what each attacker leaves."""

from __future__ import annotations

from typing import Any

from dashboard import formats
from dashboard.components import go_to, table
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.parts.defence_choice import chain_name
from dashboard.parts.run_names import run_name
from dashboard.services import defences, defend
from dashboard.services.defend import DefenceOutcome, DefendedSubject, KnownAttack


def outcome_table(attacks: list[KnownAttack], subject: DefendedSubject, chain: str) -> None:
    """All that is on record, the defence that leaves most under the adaptive attacker first.

    Args:
        attacks: on the subject, behind any defence.
        subject: for the link to a matrix.
        chain: the defence chosen, that a matrix would try.
    """
    st.subheader(_("What helps, and against which attacker"), anchor=False)
    found = defend.outcomes(attacks)
    if not found:
        st.caption(_("No scores yet. Scored patches appear here by attacker."))
        return
    table([_row(each) for each in found])
    untried = [each.defence for each in found if each.adaptive is None]
    if untried:
        st.warning(
            _("Tested only against attackers who did not know of it, which proves nothing: {names}.").format(
                names=", ".join(untried)
            ),
            icon=":material/warning:",
        )
    st.caption(
        _(
            "AP50 of the attacked class with its 95% interval. Unaware: the strongest patch not "
            "made for this detector and defence. Adaptive: the strongest patch made on this "
            "detector through this defence. Grey and noise: non-adversarial patches with the same "
            "placement."
        )
    )
    numbers = ",".join(dict.fromkeys(str(each.patch) for each in attacks if each.patch is not None))
    go_to(
        "transfer",
        _("Score all patches with several defences"),
        **{
            "t.patches": numbers or None,
            "t.detectors": subject.weights,
            "t.datasets": subject.dataset,
            "t.defences": f"{defences.NONE},{chain}" if chain != defences.NONE else None,
        },
    )


def _row(outcome: DefenceOutcome) -> dict[str, Any]:
    controls = outcome.controls
    return {
        _("Defence"): chain_name(outcome.defence),
        _("Clean"): _left(controls.get("clean")),
        _("Unaware attacker"): _attacked(outcome.unaware),
        _("Adaptive attacker"): _attacked(outcome.adaptive),
        _("Grey patch"): _left(controls.get("grey")),
        _("Noise patch"): _left(controls.get("noise")),
        _("ms per image"): _milliseconds(outcome),
    }


def _attacked(attack: KnownAttack | None) -> str:
    if attack is None:
        return _("not tested")
    return f"{_left(attack.evaluation['patch'])} · {run_name(attack.name)}"


def _left(scores: dict[str, Any] | None) -> str:
    return formats.DASH if scores is None else formats.score(scores, "ap50")


def _milliseconds(outcome: DefenceOutcome) -> str:
    with_it, without = outcome.ms_per_image, outcome.undefended_ms_per_image
    if with_it is None:
        return formats.DASH
    return f"{with_it:.1f}" if without in (None, with_it) else f"{with_it:.1f} ({with_it - without:+.1f})"
