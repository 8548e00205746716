# SPDX-License-Identifier: AGPL-3.0-only
"""What goes wrong, as pages show it: without commands, with the page to go to, or by an id in the log."""

from __future__ import annotations

import logging
import re
import uuid

from engine.errors import (
    ClusterError,
    DatasetError,
    DetectorError,
    DeviceError,
    JobError,
    PatchFileError,
)

_LOG = logging.getLogger("dashboard")
_PLACES = {  # the noun of a command that a message names, or a message's first word → page
    "dataset": "datasets",
    "datasets": "datasets",
    "weights": "detectors",
    "detector": "detectors",
    "detectors": "detectors",
    "job": "jobs",
    "jobs": "jobs",
    "storage": "jobs",
    "patch": "patches",
    "matrix": "transfer",
    "sweep": "sweeps",
    "benchmark": "benchmarks",
    "device": "hardware",
    "ray": "hardware",
}
_KINDS = {
    DatasetError: "datasets",
    DetectorError: "detectors",
    PatchFileError: "patches",
    JobError: "jobs",
    DeviceError: "hardware",
    ClusterError: "hardware",
}
_COMMAND = re.compile(r"(?:see|try|with|run): (?:python -m engine )?([a-z]+)(?: [\w./-]+)*$")
_SEE = re.compile(r"; (?:see|try): (?:python -m engine )?[a-z]+(?: [\w./-]+)*$")


def logged(error: Exception) -> str:
    """Log an exception with its traceback; returns the id to find it by."""
    failure = uuid.uuid4().hex[:8]
    _LOG.log(logging.ERROR, "failure %s", failure, exc_info=error)
    return failure


def for_pages(message: str) -> str:
    """An engine's message without the command that it names at its end: a page has no prompt."""
    return _SEE.sub("", message)


def way_out(message: str, error: Exception | None = None) -> str | None:
    """The page where a reader can look further: by the command that the message names, its subject, its kind.

    Args:
        message: an engine's, as it was raised or as a job keeps it.
        error: what was raised, if that is known.

    Returns:
        A script of `app_pages`; None where no page is nearer than the one that shows the message.
    """
    named, subject = _COMMAND.search(message), re.match(r"[a-z_]+", message)
    for word in (named and named[1], subject and subject[0]):
        if word in _PLACES:
            return _PLACES[word]
    return next((page for kind, page in _KINDS.items() if isinstance(error, kind)), None)
