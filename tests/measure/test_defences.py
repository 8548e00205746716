# SPDX-License-Identifier: AGPL-3.0-only
"""The cost of each defence, on images of a few pixels."""

from __future__ import annotations

import pytest

from tests.measure import defences


def test_each_defence_has_a_row_of_milliseconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(defences, "SIDES", (32,))
    monkeypatch.setattr(defences, "ROUNDS", 1)
    monkeypatch.setattr(defences.torch, "set_num_threads", lambda number: None)
    defences.main()
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines() if line}
    assert {"jpeg", "lgs", "art:JpegCompression"} <= set(rows)
    assert all(float(each) >= 0 for each in rows["jpeg"])
