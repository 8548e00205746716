# SPDX-License-Identifier: AGPL-3.0-only
"""Overview: what this is, what there is, what runs, and what to do next."""

from __future__ import annotations

from dashboard import formats
from dashboard.components import (
    MEANINGS,
    controls,
    empty_state,
    fact,
    go_to,
    guarded,
    live,
    page_title,
    score_line,
)
from dashboard.drawing import Markdown, st
from dashboard.i18n import _, ngettext
from dashboard.navigation import page_of
from dashboard.page_state import changed, reference
from dashboard.parts.detector_choice import detector_name, write_weights
from dashboard.parts.job_lines import job_line, job_title
from dashboard.parts.jobs.hardenings import headline as trial_headline
from dashboard.parts.outcome import headline
from dashboard.parts.run_names import run_name
from dashboard.services import hardenings, hardware, overview
from dashboard.services.failures import for_pages
from dashboard.services.overview import Overview
from engine.records import Job, PatchRecord


def harden(patch: PatchRecord) -> None:
    """The way to the hardening of what a patch is strong against, where that can be hardened."""
    exposed = hardenings.exposed(patch)
    if exposed is None:
        return
    with controls("harden-it"), st.container(horizontal=True, vertical_alignment="center"):
        if st.button(_("Harden it"), type="primary", icon=":material/shield:", key="harden-it"):
            st.switch_page(
                page_of("detectors"),
                query_params=reference(
                    **{
                        "h-dataset": exposed.dataset,
                        "h-detector": write_weights(exposed.weights),
                        "h-class": exposed.class_name,
                        "h-patches": exposed.patch,
                    }
                ),
            )
        text = _("Fine-tunes {detector} with patches on its objects, then attacks it again.")
        st.caption(text.format(detector=detector_name(exposed.weights)), width="content")


def latest_result(found: Overview) -> None:
    """What came of the hardening that ended last, else of the newest patch that is scored."""
    if found.hardened is not None:
        st.subheader(_("Latest result: {name}").format(name=job_title(found.hardened)), anchor=False)
        with st.container(border=True):
            st.subheader(trial_headline((found.hardened.result or {})["trial"]), anchor=False)
        go_to("jobs", _("Look at the trial"), job=found.hardened.id)
    elif (patch := found.scored) and (score := patch.score):
        st.subheader(_("Latest result: {name}").format(name=run_name(patch.name)), anchor=False)
        headline(score.evaluation, score.class_name, score.held_out)
        go_to("patches", _("View the patch"), patch=patch.id)
        harden(patch)


def facts(found: Overview) -> None:
    """Device, datasets, patches and jobs, in four figures."""
    machine = hardware.snapshot()
    images = sum(dataset.images for dataset in found.datasets)
    device, datasets, done, waiting = st.columns(4)
    if machine.gpus:
        names = ", ".join(gpu.name or _("unknown GPU") for gpu in machine.gpus)
        fact(device, _("Device"), _("GPU"), names)
    else:
        fact(device, _("Device"), _("Apple GPU") if machine.apple_gpu else _("CPU"), machine.cpu_model)
    of_all = ngettext("{number} image", "{number} images", images).format(number=f"{images:,}")
    fact(datasets, _("Datasets"), len(found.datasets), of_all)
    failed = found.jobs.get("failed", 0)
    of_failed = ngettext("{number} failed", "{number} failed", failed).format(number=failed)
    fact(done, _("Finished jobs"), found.jobs.get("succeeded", 0), of_failed)
    paused = found.jobs.get("paused", 0) + found.jobs.get("interrupted", 0)
    of_paused = ngettext("{number} paused", "{number} paused", paused).format(number=paused)
    fact(waiting, _("Queued jobs"), found.jobs.get("queued", 0), of_paused)


def next_step(found: Overview) -> None:
    """One sentence on what to do next, and the way there."""
    step = found.next_step
    if step == "demo":
        with st.container(border=True):
            text = _(
                "**Start with the demo.** It imports synthetic street scenes, generates a patch "
                "for a small detector and scores it. This takes about two minutes on two CPU "
                "cores and needs no network."
            )
            st.markdown(Markdown(text))
            with controls("demo"):
                if st.button(_("Run the demo"), type="primary", icon=":material/play_arrow:", key="run-demo"):
                    with guarded():
                        overview.start_demo()
                        st.rerun()
            go_to("datasets", _("Or import your own dataset"))
    elif step == "failed" and found.failed:
        text = Markdown(_("**The last job failed:** {error}")).format(
            error=for_pages(found.failed.error or "") or job_title(found.failed)
        )
        st.warning(text, icon=":material/error:")
        go_to("jobs", _("View the job"), job=found.failed.id)
    elif step == "trial":
        st.info(Markdown(_("**Next:** see in the trial which attacks the hardened detector withstands.")))
    elif step == "generate":
        st.info(Markdown(_("**Next:** generate a patch and see how much it lowers the detector's scores.")))
        go_to("generate", _("Generate a patch"))
    elif step == "look":
        st.info(Markdown(_("**Next:** see how your patch affects images, before and after.")))
        if not found.scored:  # else the result above leads there
            go_to("patches", _("View the patch"), patch=found.latest[0].id)
    elif step == "compare":
        st.info(Markdown(_("**Next:** compare your patches, or score one on another detector.")))
        go_to("compare", _("Compare runs"))


def job_card(job: Job) -> None:
    """A job with its state and progress."""
    with st.container(border=True):
        job_line(job)
        if job.state == "running":
            go_to("jobs", _("View progress"), job=job.id)


def running() -> None:
    """What runs and what waits, live; the whole page is drawn anew when a job ends."""
    jobs = overview.running_jobs()
    if changed("overview.jobs", [job.id for job in jobs]):
        st.rerun()
    if not jobs:
        st.caption(_("No jobs are running or queued."))
    for job in jobs:
        job_card(job)


def patch_list(patches: list[PatchRecord], empty: str) -> None:
    """Patches with their pictures and scores."""
    if not patches:
        empty_state(empty)
    for patch in patches:
        line = st.container(horizontal=True, vertical_alignment="center")  # columns stack on a phone
        line.image(patch.image, width=56, alt=run_name(patch.name))
        with line.container(gap="xsmall"):
            when = formats.moment(patch.created_at)
            st.markdown(Markdown("**{name}** · {when}").format(name=run_name(patch.name), when=when))
            if patch.score:
                st.caption(score_line(patch.score), help=_(MEANINGS))
            else:
                st.caption(_("Patch {number} · not scored").format(number=patch.id))
            go_to("patches", _("Open"), patch=patch.id)


def page() -> None:
    """The whole page."""
    page_title(
        "PatchBench",
        _(
            "Measure how adversarial patches affect your object detectors, what an attack costs, and "
            "which defences help."
        ),
    )
    found = overview.summary()
    latest_result(found)
    next_step(found)
    facts(found)
    st.subheader(_("Now"), anchor=False)
    live(running)()
    latest, best = st.columns(2) if found.best else (st.container(), None)
    with latest:
        st.subheader(_("Latest patches"), anchor=False)
        patch_list(found.latest, _("No patches yet."))
    if best and (score := found.best[0].score):
        with best:
            text = _("Strongest patches on {dataset}, {detector}")
            st.subheader(text.format(dataset=score.dataset, detector=score.detector), anchor=False)
            patch_list(found.best, "")


page()
