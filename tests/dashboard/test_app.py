# SPDX-License-Identifier: AGPL-3.0-only
"""Every page from the entry file: empty, filled, with many runs, broken, in both languages; without torch."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.drawing import plain
from dashboard.navigation import FOLDER, PAGES
from engine.store.repository import Repository
from tests.dashboard.homes import fill
from tests.dashboard.hostile import NAME, VIEWS, drawn, fill_hostile, sent

ROOT = Path(__file__).resolve().parents[2]


def opened(app: AppTest, page: str) -> AppTest:
    return app.switch_page(f"app_pages/{page}.py").run()


def test_every_script_is_a_page() -> None:
    assert {path.stem for path in FOLDER.glob("[!_]*.py")} == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("runs", [0, 3])
def test_a_page_opens(app: AppTest, page: str, runs: int) -> None:
    if runs:
        with Repository() as repository:
            fill(repository, runs=runs)
    opened(app, page)
    assert [each.value for each in app.error] == []
    assert not app.exception
    assert app.title


@pytest.mark.parametrize("page", PAGES)
def test_a_page_speaks_korean_and_shows_itself_large(app: AppTest, page: str) -> None:
    app.query_params["lang"], app.query_params["present"] = "ko", "True"
    app.run()
    assert "발표 모드" in [toggle.label for toggle in app.sidebar.toggle]
    opened(app, page)
    assert [each.value for each in app.error] == []
    assert app.toggle(key="widget.present").value is True


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_in_a_line_that_the_database_is_broken(app: AppTest, page: str, own_home: Path) -> None:
    own_home.mkdir()
    (own_home / "patchbench.db").write_bytes(b"no database at all" * 99)
    opened(app, page)
    assert not app.exception
    assert all("expected a usable database" in each.value for each in app.error)
    assert app.error


@pytest.mark.parametrize(("page", "query"), VIEWS)
def test_no_page_draws_a_name_as_markdown(app: AppTest, page: str, query: dict[str, object]) -> None:
    with Repository() as repository:
        fill_hostile(repository)
    app.switch_page(f"app_pages/{page}.py")
    for name, value in query.items():
        app.query_params[name] = str(value)
    app.run()
    for present in (False, True):
        app.toggle(key="widget.present").set_value(present).run()
        assert not app.exception
        assert drawn(app) == []
        assert page == "hardware" or sent(app)


@pytest.mark.parametrize(
    ("body", "found"),
    [("plain", 0), (NAME, 1), (f"**{NAME}**", 1), (plain(NAME), 0), (f"**{plain(NAME)}**", 0)],
)
def test_a_name_that_is_drawn_as_markdown_is_found(body: str, found: int) -> None:
    def draw(body: str) -> None:
        import streamlit

        streamlit.markdown(body)

    app = AppTest.from_function(draw, kwargs={"body": str(body)}).run()
    assert len(drawn(app)) == found


def test_a_thousand_runs_open_within_a_second(app: AppTest) -> None:
    with Repository() as repository:
        fill(repository, runs=1000, steps=5)
    app.run()
    for page in PAGES:
        opened(app, page)  # the first time reads the scripts
        started = time.process_time()  # on the clock a busy machine is slow whatever the page
        app.run()
        assert time.process_time() - started < 1, page
        assert not app.exception


def test_no_page_loads_torch(own_home: Path) -> None:
    """In a process of its own, as other tests may have loaded it here."""
    program = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "from dashboard.navigation import PAGES\n"
        f"app = AppTest.from_file({str(ROOT / 'dashboard/app.py')!r}, default_timeout=60).run()\n"
        "for page in PAGES:\n"
        "    app.switch_page(f'app_pages/{page}.py').run()\n"
        "    assert not app.exception and not app.error\n"
        "print(sorted({'torch', 'ultralytics', 'art'} & set(sys.modules)))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
