# SPDX-License-Identifier: AGPL-3.0-only
"""The comparison of texts and translations."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard import catalogue
from engine.benchmark import wording

ENTRY = 'msgid "Old"\nmsgstr "옛"\n'


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(catalogue, "SOURCES", tmp_path / "code")
    monkeypatch.setattr(catalogue, "LOCALE", tmp_path / "locale")
    monkeypatch.setattr(wording, "texts", lambda: ["{holds}: {effect}."])
    monkeypatch.setattr(catalogue, "meanings", list)
    monkeypatch.setattr(catalogue, "repair_texts", list)
    monkeypatch.setattr(catalogue, "setting_texts", list)
    monkeypatch.setattr(catalogue, "kind_texts", list)
    (tmp_path / "code").mkdir()
    (tmp_path / "locale/ko/LC_MESSAGES").mkdir(parents=True)
    return tmp_path


def test_without_code_and_catalogues_the_engines_texts_are_missing(small: Path) -> None:
    assert catalogue.missing("ko") == {"{holds}: {effect}.": "services/benchmarks.py"}
    assert catalogue.unused("ko") == []


def test_missing_and_unused_texts_are_printed(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small / "code/page.py").write_text("_('New')\nN_('Marked')\nngettext('one', 'many', n)\n_(computed)\n")
    (small / "locale/ko/LC_MESSAGES/page.po").write_text(ENTRY, encoding="utf-8")
    expected = {"New": "page.py", "Marked": "page.py", "one": "page.py"}
    expected["{holds}: {effect}."] = "services/benchmarks.py"
    assert catalogue.missing("ko") == expected
    catalogue.main()
    printed = capsys.readouterr().out
    assert 'msgid "New"' in printed
    assert "no longer used: Old" in printed
