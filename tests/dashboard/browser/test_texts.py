# SPDX-License-Identifier: AGPL-3.0-only
"""Names and texts from elsewhere in a real browser: they stand there as they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from engine.store.repository import Repository
from tests.dashboard.browser.serving import go, page_at, serving
from tests.dashboard.hostile import LONG, NAME, VIEWS, fill_hostile, link

# What Markdown and HTML would make of the names; `strong` and `code` of our own hold other words.
MADE = (
    'a[href*="e.test"], img[src*="e.test"], svg a, .katex, [style*="red"] >> text="r"',
    'strong >> text="b"',
    'code >> text="c"',
    'b >> text="h"',
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATCHBENCH_HOME", str(home))
        with Repository() as repository:
            fill_hostile(repository)
    with serving(home) as url:
        yield url


def shown(tab: Page) -> str:
    """What can be read on the page."""
    return tab.locator('[data-testid="stMain"]').inner_text().replace("\N{WORD JOINER}", "")


# One view of each page: all of them are opened without a browser, where it takes a tenth of the time.
OPENED = {page: (page, query) for page, query in VIEWS}
READ: list[tuple[str, dict[str, object], tuple[str, ...]]] = [
    # Where names are read as they were written, and in which elements; each has another heading than the
    # one before it.
    ("datasets", {"dataset": LONG}, ("h3",)),
    ("jobs", {"job": 1}, ("h1", '[class*="stMarkdownBadge"]')),
    ("jobs", {}, ('[data-testid="stPageLink"]',)),
    ("jobs", {"job": 5}, ('[data-testid="stAlertContainer"]',)),
    ("compare", {"runs": "1,2"}, ('[data-testid="stCaptionContainer"]',)),
    ("patches", {"patch": 1}, ("h1",)),
]
ELSE = [(*view, ()) for view in OPENED.values() if view not in [each[:2] for each in READ]]


def test_a_name_is_no_markdown_and_read_as_it_was_written(browser: Browser, hostile: str) -> None:
    first, *others = [(link(page, query, False), kinds) for page, query, kinds in READ + ELSE]
    with page_at(browser, hostile + first[0]) as (tab, errors):
        for address, kinds in (first, *others):
            if address != first[0]:
                go(tab, address)
            assert [text for made in MADE for text in tab.locator(made).all_inner_texts()] == [], address
            assert "Something went wrong" not in shown(tab), address
            assert [error for error in errors if "e.test" in error] == [], address
            for kind in kinds:
                texts = [text.replace("\N{WORD JOINER}", "") for text in tab.locator(kind).all_inner_texts()]
                assert any(NAME in text for text in texts), (address, kind, texts)


def test_notes_have_emphasis_and_show_where_links_lead(browser: Browser, hostile: str) -> None:
    with page_at(browser, f"{hostile}/patches?patch=1") as (tab, _errors):
        assert tab.locator("em", has_text="my own").count() == 1
        links = tab.locator('a[href*="note.test"]')
        assert links.count() == 2
        assert all(text.startswith("http://note.test") for text in links.all_inner_texts())
        assert tab.locator('img[src*="note.test"]').count() == 0
        assert "<b>h</b>" in shown(tab)
