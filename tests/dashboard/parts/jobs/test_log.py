# SPDX-License-Identifier: AGPL-3.0-only
"""A job's log on its page: none, its end, the lines that are searched."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from engine.jobs import queue
from tests.dashboard.reading import texts


def page() -> None:
    from dashboard.parts.jobs.log import log

    log(1)


def test_a_log_is_read_and_searched(own_home: object) -> None:
    app = AppTest.from_function(page).run()
    assert "The log is empty." in texts(app)
    assert not app.get("code")
    path = queue.log_path(1)
    path.parent.mkdir(parents=True)
    path.write_text("one\nTwo **b**\n" + "more\n" * 400)
    app.run()
    assert app.get("code")[0].value.count("more") == 300
    app.text_input[0].input("two").run()
    assert app.get("code")[0].value == "Two **b**"
    assert "1 line" in texts(app)
    app.text_input[0].input("nothing").run()
    assert "0 lines" in texts(app)
    assert not app.exception
