# SPDX-License-Identifier: AGPL-3.0-only
"""A database in memory for the tests of the store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.store.repository import Repository


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository(":memory:") as opened:
        yield opened
