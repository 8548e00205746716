# SPDX-License-Identifier: AGPL-3.0-only
"""Generate: choose what is attacked and how, see what it costs and where the patch lies, and launch."""

from __future__ import annotations

from typing import Any

from dashboard import formats
from dashboard.components import controls, empty_state, goes_on, launch_button, page_title
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.navigation import page_of
from dashboard.page_state import choose, reference
from dashboard.parts.detector_choice import trusted
from dashboard.parts.generate.advanced import advanced
from dashboard.parts.generate.previews import cost_measurement, detector_check, placement_preview
from dashboard.parts.generate.settings import choose_preset, choose_start, choose_subject, prefill
from dashboard.parts.node_needs import node_needs
from dashboard.services import datasets, generate
from engine.config import RunConfig
from engine.errors import SettingsError
from engine.records import Job


def settings() -> tuple[RunConfig | None, bool, Any]:
    """All choices: the settings (None while they are not whole), and whether to trust the file.

    Returns:
        And a place for what is to be seen without scrolling, above the advanced settings.
    """
    found = datasets.summaries()
    with controls("generate-subject"):
        st.subheader(_("Target"), anchor=False)
        values: dict[str, Any] = choose_subject(found)
        trust = trusted([values["weights"], *values["further_weights"]], "g-trust")
    with controls("generate-settings"):
        st.subheader(_("Method"), anchor=False)
        preset, start = st.container(), st.container()
        with start:
            values["initial"] = choose_start()
    above = st.container()
    with controls("generate-advanced"):
        st.subheader(_("Advanced"), anchor=False)
        st.caption(_("You can leave these as they are; the defaults were chosen by measurement."))
        values |= advanced(values)
        with preset:
            values["iterations"] = choose_preset(values)
    if "class_name" not in values:
        return None, trust, above
    try:
        return generate.held(generate.built(values)), trust, above
    except SettingsError as error:
        above.error(str(error), icon=":material/error:")
        return None, trust, above


def estimates(config: RunConfig, trust: bool) -> None:
    """Estimated time, memory and disk on this device."""
    found = generate.estimate(config)
    if found is None:
        st.caption(_("No time estimate yet: the first run with these settings on this machine measures it."))
        with controls("generate-measure"):
            cost_measurement(config, trust)
        return
    time, memory, disk = st.columns(3)
    time.metric(_("Estimated time"), formats.duration(found.elapsed_s), border=True)
    time.caption(
        _("{low} to {high}").format(low=formats.duration(found.low_s), high=formats.duration(found.high_s))
    )
    memory.metric(_("Memory"), formats.bytes_text(found.peak_memory_bytes), border=True)
    disk.metric(_("Disk"), formats.bytes_text(found.disk_bytes), border=True)
    if not found.exact:
        st.caption(_("Estimated from other settings with this detector, so the range is wide."))
        with controls("generate-measure"):
            cost_measurement(config, trust)


def launch(config: RunConfig, trust: bool, origin: int | None) -> int | None:
    """The last choices and the button; the number of the job, if there is one."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    label = left.text_input(
        _("Label (optional)"),
        help=_("Name of the run in lists. By default it is derived from the target."),
        key="g-label",
    )
    with right:
        score = st.toggle(
            _("Score the patch when done"),
            value=True,
            help=_("Compares it with no patch, a grey patch and a noise patch."),
            key="g-score",
        )
        again = goes_on("g-resume")
    needs = node_needs("g-need")

    def submit() -> Job:
        job = generate.submit(
            config,
            trust=trust,
            evaluate_after=score,
            auto_resume=again,
            label=label,
            origin=origin,
            needs=needs,
        )
        choose("g.origin", None)
        return job

    return launch_button(_("Generate the patch"), "g-launch", submit)


def follow(number: int | None) -> None:
    """Right after the launch, go to the job."""
    if number and st.session_state.get("g-followed") != number:
        st.session_state["g-followed"] = number
        st.switch_page(page_of("jobs"), query_params=reference(job=number))


def page() -> None:
    """The whole page."""
    page_title(
        _("Generate"), _("Generate an adversarial patch for a detector and see how it affects detection.")
    )
    origin = prefill()
    if not datasets.summaries():
        empty_state(
            _("You need a dataset to generate a patch. Import one first."),
            page="datasets",
            label=_("Import a dataset"),
        )
        return
    if origin is not None:
        st.info(_("These are the settings of job {job}. Change them as needed.").format(job=origin))
    config, trust, above = settings()
    if config is None:
        return
    with above:
        st.subheader(_("Estimate"), anchor=False)
        estimates(config, trust)
        with controls("generate-launch"):
            number = launch(config, trust, origin)
        placement_preview(config)
        with controls("generate-check"):
            detector_check(config, trust)
    follow(number)


page()
