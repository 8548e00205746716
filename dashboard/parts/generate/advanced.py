# SPDX-License-Identifier: AGPL-3.0-only
"""The advanced settings of a run, in groups or as found by a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import choose, chosen
from dashboard.parts.class_choice import write_classes
from dashboard.parts.generate.fields import GROUPS, Field, fields_of
from dashboard.parts.generate.settings import query
from dashboard.parts.setting_names import choice_name, named_value, zero_word
from dashboard.parts.setting_widgets import bounded, parser, setting_widget
from dashboard.services import generate
from dashboard.services.generate import DEFAULTS

CHANGED = "● "  # before the name of what is not as by default
_GROUP, _WRONG = "g-group-", "g-wrong"
_MILESTONES = DEFAULTS["schedule.milestones"]


def advanced(subject: Mapping[str, Any]) -> dict[str, Any]:
    """All other settings in their groups, each with what is wrong with it.

    Args:
        subject: the flat settings chosen so far.

    Returns:
        Those of the groups; settings that do not matter keep their defaults.
    """
    fields = {name: fields_of(name) for name in GROUPS}
    now = {field.key: _current(field) for group in fields.values() for field in group}
    keys = {name: [field.key for field in group] for name, group in fields.items()}
    _changes([field for group in fields.values() for field in group if field.matters(now)], now)
    wrong = generate.faults({**subject, **now}, keys)
    values: dict[str, Any] = {}
    sought = st.text_input(
        _("Find a setting"),
        placeholder=_("A word from its name or description"),
        icon=":material/search:",
        key="g-find",
    )
    if sought.strip():
        values = _found(sought, [field for group in fields.values() for field in group], now, wrong)
    else:
        _open_wrong(set(wrong))
        for name in GROUPS:
            matter = [field for field in fields[name] if field.matters(now)]
            values |= _group(name, matter, now, wrong.get(name))
    return values | {"schedule.milestones": chosen("g.schedule.milestones", _MILESTONES, parse=_milestones)}


def _group(name: str, fields: Sequence[Field], now: Mapping[str, Any], trouble: str | None) -> dict[str, Any]:
    """A group, whose widgets are drawn once it is opened: most of them are never looked at.

    Args:
        name: of `GROUPS`.
        fields: its settings that matter.
        now: the values of all.
        trouble: what is wrong in it.
    """
    title, icon = GROUPS[name]
    group = st.expander(_(title), icon=icon, key=f"{_GROUP}{name}", on_change="rerun")
    with group:
        if trouble:
            st.error(trouble, icon=":material/error:")
        if group.open:
            return _rows(fields, now)
    for field in fields:
        if now[field.key] != field.kind(DEFAULTS[field.key]):
            write = write_classes if field.kind is tuple else str
            choose(query(field.key), now[field.key], write=write)  # the link holds what is closed too
    return {field.key: now[field.key] for field in fields}


def _open_wrong(wrong: set[str]) -> None:
    """Open the groups in which something has just become wrong; they stay open."""
    before = st.session_state.get(_WRONG, set())
    for name in wrong:
        if name not in before or f"{_GROUP}{name}" not in st.session_state:
            st.session_state[f"{_GROUP}{name}"] = True
    st.session_state[_WRONG] = wrong


def _found(
    sought: str, fields: Sequence[Field], now: Mapping[str, Any], wrong: Mapping[str, str]
) -> dict[str, Any]:
    """The settings that a text is found in, whatever their groups; those not shown stay as they are."""
    for text in dict.fromkeys(wrong.values()):
        st.error(text, icon=":material/error:")
    words = sought.casefold().split()
    matter = [field for field in fields if field.matters(now)]
    found = [
        field
        for field in matter
        if all(word in f"{field.name} {field.meaning} {field.key}".casefold() for word in words)
    ]
    if not found:
        st.caption(_("No setting has these words in its name or description."))
    return {field.key: now[field.key] for field in matter} | _rows(found, now)


def _rows(fields: Sequence[Field], now: Mapping[str, Any]) -> dict[str, Any]:
    """The widgets of settings, three in a row; their values by key."""
    values: dict[str, Any] = {}
    for start in range(0, len(fields), 3):  # a row at a time: switches are lower than numbers
        columns = st.columns(3, vertical_alignment="bottom")
        for column, field in zip(columns, fields[start : start + 3], strict=False):
            with column:
                values[field.key] = _widget(field, now[field.key])
    return values


def _changes(fields: Sequence[Field], now: Mapping[str, Any]) -> None:
    """What is not as by default, also where its group is closed."""
    changed = [field for field in fields if now[field.key] != field.kind(DEFAULTS[field.key])]
    if changed:
        words = _("{name}: {value} (default: {default})")
        texts = [
            words.format(
                name=field.name,
                value=named_value(field.key, now[field.key]),
                default=named_value(field.key, DEFAULTS[field.key]),
            )
            for field in changed
        ]
        st.caption(_("Changed: {settings}").format(settings="; ".join(texts)))


def _milestones(text: str) -> tuple[float, ...]:
    """Shares of the run, as an earlier job or a link gives them."""
    return tuple(bounded(float(part), 0, 1) for part in text.split(","))


def _current(field: Field) -> Any:
    """A setting's value before its widget is drawn."""
    name, default = query(field.key), field.kind(DEFAULTS[field.key])
    value = st.session_state.get(f"widget.{name}", chosen(name, default, parse=parser(default, field.bounds)))
    return default if field.kind is str and field.options and value not in field.options else value


def _widget(field: Field, now: Any) -> Any:
    """The widget of a setting; its value.

    Args:
        field: the setting.
        now: its value before the widget is drawn.
    """
    default = field.kind(DEFAULTS[field.key])
    return setting_widget(
        query(field.key),
        default,
        label=_label(field, now),
        meaning=field.meaning,
        options=field.options,
        bounds=field.bounds,
        step=_step(default) if field.kind is float else 1,
        wording=partial(choice_name, field.key),
    )


def _label(field: Field, now: Any) -> str:
    """A setting's name, marked where it is not as by default, with the word for its 0."""
    mark = CHANGED if now != field.kind(DEFAULTS[field.key]) else ""
    word = zero_word(field.key) if now == 0 and field.kind in (int, float) else ""
    return f"{mark}{field.name} · {word}" if word else f"{mark}{field.name}"


def _step(default: float) -> float:
    """A tenth of the default, at least a hundredth, but half of a default that is itself no more."""
    return default / 2 if 0 < default <= 0.01 else max(default / 10, 0.01)
