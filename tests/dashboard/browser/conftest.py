# SPDX-License-Identifier: AGPL-3.0-only
"""A browser and a served dashboard; skipped where Chromium is not installed, which in CI is a failure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboard.browser.serving import browsing, chromium, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if chromium() or os.environ.get("CI"):
        return
    skip = pytest.mark.skip(reason="Chromium is not installed: apt-get install chromium fonts-noto-cjk")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard over a filled home, without a worker."""
    from engine.store.repository import Repository
    from tests.dashboard.homes import add_running, fill

    home = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATCHBENCH_HOME", str(home))
        with Repository() as repository:
            fill(repository)
            add_running(repository)
    with serving(home) as url:
        yield url
