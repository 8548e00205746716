# SPDX-License-Identifier: AGPL-3.0-only
"""What a job asks of a cluster's node: no field without a cluster."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.services import hardware


def shown() -> None:
    import streamlit

    from dashboard.parts.node_needs import node_needs

    streamlit.text(str(node_needs("x")))


def test_only_what_is_written_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    app = AppTest.from_function(shown).run()
    assert (list(app.number_input), app.text[0].value) == ([], "{}")
    monkeypatch.setattr(hardware, "cluster_nodes", lambda: ["a node"])
    app.run()
    assert [field.label for field in app.number_input] == ["GPUs", "Processors", "Memory (GiB)"]
    app.number_input(key="x-gpus").set_value(0.5)
    app.number_input(key="x-cpus").set_value(4).run()
    assert app.text[0].value == "{'gpus': 0.5, 'cpus': 4}"
