# SPDX-License-Identifier: AGPL-3.0-only
"""Defend: a detector's weakness, a defence tried on it, and the attack on the result by who knows of it."""

from __future__ import annotations

from functools import partial

from dashboard.components import controls, empty_state, go_to, guarded, page_title
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import kept
from dashboard.parts.defence_choice import choose_chain
from dashboard.parts.defend.launch import launches
from dashboard.parts.defend.outcomes import outcome_table
from dashboard.parts.defend.pictures import defended_images
from dashboard.parts.defend.weakness import choose_subject, weakness
from dashboard.parts.run_names import run_name
from dashboard.services import datasets, defences, defend, matrices, stories
from dashboard.services.defend import DefendedSubject, KnownAttack
from engine.store.datasets import DatasetSummary


def choose_trial(worst: KnownAttack | None, attacks: list[KnownAttack]) -> tuple[str | None, int | None]:
    """The defence to try, with what it does and the paper that it follows, and the patch to try it on."""
    with controls("defend-defence"):
        st.subheader(_("Try a defence"), anchor=False)
        left, right = st.columns(2)
        with left:
            chain = choose_chain("f.defence")
        with right:
            patch = choose_patch(worst, attacks)
    for meaning, source in [] if chain is None else defences.about(chain):
        st.caption(f"{_(meaning)} {source}".strip())
    return chain, patch


def choose_patch(worst: KnownAttack | None, attacks: list[KnownAttack]) -> int | None:
    """The patch to look at: the strongest, or another; None without one on record."""
    known = matrices.patch_options()
    scored = {each.patch: each.name for each in attacks if each.patch is not None}
    offered = {number: known.get(number, name) for number, name in scored.items()} | known
    if not offered:
        return None
    first = worst.patch if worst is not None and worst.patch in offered else next(iter(offered))
    return st.selectbox(
        _("Patch"),
        list(offered),
        format_func=lambda number: f"{number} {run_name(offered.get(number, ''))}",
        help=_("By default, the strongest known patch."),
        **kept("f.patch", first, allowed=offered, parse=int),
    )


def story(
    dataset: DatasetSummary, subject: DefendedSubject, attacks: list[KnownAttack], patch: int, chain: str
) -> None:
    """One image clean, attacked, defended or hardened, and attacked again, as far as it has come."""
    scenes = stories.told(attacks, subject, patch, chain)
    shown = [scene for scene in scenes if scene.kind == "clean" or scene.patch is not None]
    asks = [partial(stories.asked, scene, subject) for scene in shown[1:]]
    defended_images(dataset, subject.class_name, asks, shown)
    found = stories.hardened(subject)
    if found is not None:
        go_to("jobs", _("Effect of hardening"), job=found.job)


def page() -> None:
    """The whole page."""
    page_title(
        _("Defend"),
        _(
            "Find out what weakens a detector, try a defence, and attack the result again with "
            "knowledge of it. A defence tested only against existing patches proves nothing."
        ),
    )
    found = datasets.summaries()
    if not found:
        empty_state(_("No datasets yet."), page="datasets", label=_("Import a dataset"))
        return
    dataset, subject = choose_subject(found)
    if subject is None:
        return
    with guarded():
        attacks = defend.attacks(subject)
        worst = weakness(attacks)
        chain, patch = choose_trial(worst, attacks)
        if chain is None:
            return
        if patch is not None:
            story(dataset, subject, attacks, patch, chain)
        launches(subject, worst, chain)
        outcome_table(attacks, subject, chain)


page()
