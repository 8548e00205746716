# SPDX-License-Identifier: AGPL-3.0-only
"""A home whose names and texts try to be drawn as Markdown or HTML, and a look for those that were."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from dashboard.navigation import PAGES
from engine.config import home_folder
from engine.records import Repair
from engine.store.repository import Repository
from tests.dashboard.homes import add_matrix, add_running, fill, make_dataset
from tests.dashboard.measured import add_benchmark, against, row

NAME = "**b** [x](http://e.test) $y$"  # short, as some places cut names off
LONG = NAME + " ![i](http://e.test/i.png) :red[r] `c` <b>h</b> <img src=http://e.test/h.png> :smile:"
NOTES = "*my own* [x](http://note.test) ![i](http://note.test/i.png) <b>h</b> $y$"
# What is left of these once escaped signs are taken out was drawn; a joiner in an address makes it no link.
DRAWN = ("**b**", "[x]", "![i]", "$y$", ":red[r", ":redr", "`c`", "<b>", "<img", "http://e", ":smile:")
_HTML = re.compile(r"<(?!br>|extra>|/extra>)[a-z/]")  # in charts, which know no Markdown
# Fields that the browser shows as plain text or not at all, by kind of element.
PLAIN = {
    **dict.fromkeys(("selectbox", "multiselect"), ("options", "default", "raw_value", "raw_values")),
    **dict.fromkeys(("text_input", "text_area"), ("default", "value")),
    "text": ("body",),
    "bidi_component": ("json",),  # ours set texts as textContent alone, which a test holds
    "code": ("code_text",),
    "page_link": ("query_string",),
    **dict.fromkeys(("image", "imgs"), ("alt", "url")),
    "vega_lite_chart": ("alt",),
    "plotly_chart": ("alt",),
    "arrow_data_frame": ("data",),
}

# Every page with what it shows of one record, and its parts that are opened by a choice.
VIEWS: list[tuple[str, dict[str, object]]] = [
    *((page, {}) for page in PAGES),
    *(
        ("datasets", {"dataset": LONG, "datasets.view": view, "datasets.bucket": "1"})
        for view in ("objects", "boxes", "repairs", "batches")
    ),
    ("generate", {"dataset": LONG, "g.start": "patch"}),
    *(("jobs", {"job": number}) for number in range(1, 6)),
    ("patches", {"patch": 1}),
    ("transfer", {"matrix": 1}),
    ("benchmarks", {"suite": "loader"}),
    ("compare", {"runs": "1,2"}),
]


def link(page: str, query: dict[str, object], present: bool) -> str:
    """A view's address below the dashboard's."""
    path = "" if page == "overview" else page
    return f"/{path}?{urlencode(query | {'present': present})}"


def fill_hostile(repository: Repository) -> None:
    """Datasets, jobs of all states, patches, scores and benchmark runs under such names."""
    patches = fill(repository, runs=2)
    repairs = (Repair(kind=NAME, file=f"/{LONG}", line=1, action=LONG),)
    dataset = make_dataset(home_folder() / "pictures")
    images = tuple(replace(each, path=each.path + LONG.replace("/", "")) for each in dataset.images)
    names = (LONG, NAME)
    repository.datasets.save(
        replace(dataset, name=LONG, source=f"/{LONG}", class_names=names, images=images, repairs=repairs)
    )
    for version in (NAME, LONG):
        sides = {"": LONG, "batch_size": NAME}, {NAME: NAME}
        rows = [row(sides[0], 1.0, LONG), row(sides[1], 2.0), against(*sides, (1.0, 2.0, 3.0), LONG)]
        add_benchmark(
            repository, rows, version=version, answer=LONG, left_out=(LONG,), detector=LONG, dataset=NAME
        )
    named = [replace(each, name=LONG) for each in patches]
    add_matrix(repository, named, ("demo", LONG, "broken"), error=LONG, dataset=NAME)
    add_running(repository, LONG)
    with repository.connection.transaction():
        for table in ("jobs", "patches"):
            repository.connection.rows(f"UPDATE {table} SET notes = ?", [NOTES])
        repository.connection.rows("UPDATE jobs SET label = ?, tags = json(?)", [LONG, json.dumps([NAME])])
        repository.connection.rows(
            "UPDATE patches SET name = ?, dataset = ?, detector = ?, class_name = ?", [LONG] * 4
        )
        repository.connection.rows(
            "UPDATE scores SET subject = json_object('dataset', ?1, 'detector', ?1, 'class_name', ?1)", [LONG]
        )
        repository.connection.rows("UPDATE matrices SET label = ?", [LONG])
        repository.connection.rows("UPDATE workers SET device = ?", [LONG])
    for state in ("queued", "failed"):
        added = repository.jobs.add(kind="import", label=LONG, request={"source": LONG})
        with repository.connection.transaction():
            repository.connection.rows(
                "UPDATE jobs SET state = ?, error = ?, finished_at = unixepoch() WHERE id = ?",
                [state, LONG, added.id],
            )


def drawn(page: AppTest) -> list[str]:
    """The texts on a page of which something is drawn as Markdown or HTML that is but a name."""
    return [f"{where}: {text}" for where, text in _texts(page) if any(part in _bare(text) for part in DRAWN)]


def sent(page: AppTest) -> bool:
    """Whether the page shows such a name at all."""
    return any("e.test" in text for _where, text in _texts(page))


def _bare(text: str) -> str:
    return re.sub(r"\\.", "", text)


def _texts(page: AppTest) -> Iterator[tuple[str, str]]:
    """Every text that is sent to the browser, but for those that it shows as they are."""
    for node in page._tree:
        proto = getattr(node, "proto", None)
        if node.type == "table":
            cells = node.value.to_dict("list")
            yield from ((node.type, str(each)) for name, column in cells.items() for each in (name, *column))
        elif node.type == "plotly_chart":
            figure = json.loads(proto.spec)
            yield from ((node.type, each) for each in _strings(figure) if _HTML.search(each))
        elif node.type == "html":  # no Markdown, and ours is made of spans
            body = re.sub(r"</?span[^>]*>", "", proto.body)
            yield from ((node.type, each) for each in [body] if _HTML.search(each))
        elif isinstance(proto, Message):
            yield from _fields(node.type, proto)


def _fields(kind: str, message: Message) -> Iterator[tuple[str, str]]:
    for field, value in message.ListFields():
        if field.name in PLAIN.get(kind, ()) or field.name in ("id", "form_id", "element_hash"):
            continue
        for each in value if field.is_repeated else [value]:
            if isinstance(each, Message):
                yield from _fields(kind, each)
            elif isinstance(each, str):
                yield f"{kind}.{field.name}", _heads(each) if field.name == "columns" else each


def _heads(columns: str) -> str:
    """The columns of a table without the options of their cells, such as tags: they are plain text."""
    shown = json.loads(columns)
    for each in shown.values():
        each.get("type_config", {}).pop("options", None)
    return json.dumps(shown)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
