# SPDX-License-Identifier: AGPL-3.0-only
"""Failures that nobody foresaw: logged with an id that a page can show."""

from __future__ import annotations

import logging
import uuid

_LOG = logging.getLogger("dashboard")


def logged(error: Exception) -> str:
    """Log an exception with its traceback; returns the id to find it by."""
    failure = uuid.uuid4().hex[:8]
    _LOG.log(logging.ERROR, "failure %s", failure, exc_info=error)
    return failure
