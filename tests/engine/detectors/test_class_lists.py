# SPDX-License-Identifier: AGPL-3.0-only
"""Class names are read from lines, JSON and YAML; anything else is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.detectors.class_lists import read_class_list, without_background
from engine.errors import DetectorError


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("one.txt", "person", ("person",)),
        ("lines.txt", "\ufeffperson\r\ntraffic light\n\n", ("person", "traffic light")),
        ("gaps.names", "person\n\ncar\n", ("person", "", "car")),
        ("list.json", '["person", "car"]', ("person", "car")),
        ("index.json", '{"1": "car", "0": "person"}', ("person", "car")),
        ("data.yaml", "path: .\nnames: [person, car]", ("person", "car")),
        ("data.YML", "names:\n  0: person\n  1: 7", ("person", "7")),
    ],
)
def test_forms(tmp_path: Path, name: str, text: str, found: tuple[str, ...]) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    assert read_class_list(tmp_path / name) == found


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "no names"),
        ("empty.json", b"[]", "no names"),
        ("gap.json", b'{"0": "person", "2": "car"}', "no names"),
        ("other.json", b'{"names": 3}', "no names"),
        ("inner.yaml", b"names: [[person]]", "no names"),
        ("broken.json", b"[", "Expecting value"),
        ("broken.yaml", b"names: [", "flow"),
        ("deep.json", b"[" * 100_000, "recursion"),
        ("binary.txt", b"\xff\xfe\x00", "text that is not UTF-8"),
        ("long.txt", b"x" * 2**20 + b"x", "more than 1 MiB"),
    ],
)
def test_what_is_no_list_is_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DetectorError, match=rf"^detector classes: .*, got .*: .*{message}") as caught:
        read_class_list(tmp_path / name)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"got .*none.txt: No such file"):
        read_class_list(tmp_path / "none.txt")
    with pytest.raises(DetectorError, match="got "):
        read_class_list(tmp_path)


@pytest.mark.parametrize(
    ("names", "count", "left"),
    [
        ((), 0, ()),
        (("a",), 1, ("a",)),
        (("__background__", "a"), 1, ("a",)),
        (("Background", "a"), 1, ("a",)),
        (("__background__", "a"), 2, ("__background__", "a")),
        (("a", "b"), 1, ("a", "b")),
    ],
)
def test_the_background_is_left_out_where_it_is_one_too_many(
    names: tuple[str, ...], count: int, left: tuple[str, ...]
) -> None:
    assert without_background(names, count) == left
