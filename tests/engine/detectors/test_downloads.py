# SPDX-License-Identifier: AGPL-3.0-only
"""Downloads are announced, keep standard output free, and fail in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.detectors.downloads import fetch
from engine.errors import DatasetError, DetectorError


def test_a_download_is_announced_and_its_bar_is_not_a_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "net.pt"

    def download() -> None:
        print("a progress bar")
        target.touch()

    assert fetch("net.pt", target, target, download, DetectorError) == target
    assert f"Downloading net.pt to {target}" in caplog.text
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("error_type", [DetectorError, DatasetError])
def test_what_goes_wrong_is_one_line(tmp_path: Path, error_type: type[Exception]) -> None:
    def no_network() -> None:
        raise ConnectionError("cannot reach\nthe server")

    with pytest.raises(error_type, match="got ConnectionError: cannot reach the server; connect") as caught:
        fetch("net.pt", tmp_path, tmp_path / "net.pt", no_network, error_type)
    assert len(str(caught.value).splitlines()) == 1


def test_a_download_that_brings_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="found nothing"):
        fetch("net.pt", tmp_path, tmp_path / "net.pt", lambda: None, DetectorError)
