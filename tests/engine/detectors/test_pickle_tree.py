# SPDX-License-Identifier: AGPL-3.0-only
"""Pickles of every protocol are read as inert trees."""

from __future__ import annotations

import pickle
import time
from collections import OrderedDict
from contextlib import suppress

import pytest

from engine.detectors.pickle_tree import (
    MAX_OPCODES,
    Call,
    Global,
    Pairs,
    Persistent,
    Set,
    children,
    read_pickles,
)
from tests.engine.detectors.pickles import canary, hostile, named, text


class Slotted:
    """Pickles as an instance with a state."""

    def __init__(self) -> None:
        self.name = "state"


def shown(node):
    """A tree as tuples and lists that can be compared."""
    if isinstance(node, Pairs):
        return {shown(key): shown(value) for key, value in node.pairs}
    if isinstance(node, Set):
        return set(map(shown, node.members))
    if isinstance(node, Global):
        return f"<{node}>"
    if isinstance(node, Persistent):
        return ("stored", shown(node.key))
    if isinstance(node, Call):
        extra = [shown(each) for each in (node.states, node.items) if each]
        kind = "new" if node.makes_instance else "call"
        more = [{shown(key): shown(value) for key, value in node.pairs}] if node.pairs else []
        return (kind, shown(node.function), shown(node.arguments), *extra, *more)
    return type(node)(map(shown, node)) if isinstance(node, list | tuple) else node


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value",
    [
        None,
        (),
        [],
        {},
        True,
        False,
        0,
        -1,
        255,
        65536,
        2**80,
        1.5,
        "text",
        "한글",
        (1,),
        (1, 2, 3, 4),
        [1, [2, ()]],
        {"a": {"b": [1]}, 2: None},
    ],
    ids=repr,
)
def test_plain_values_are_themselves(protocol, value):
    (tree,) = read_pickles(pickle.dumps(value, protocol))
    assert shown(tree) == value


@pytest.mark.parametrize("value", [set(), {1, 2}, frozenset({"a"}), b"bytes", bytearray(b"x")], ids=repr)
def test_later_protocols_have_opcodes_for_more_kinds(value):
    (tree,) = read_pickles(pickle.dumps(value, 5))
    assert shown(tree) == value


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (named("os", "system"), "<os.system>"),
        (text("os") + text("system") + b"\x93", "<os.system>"),
        (named("os", "system") + text("true") + b"\x85R", ("call", "<os.system>", ("true",))),
        (b"(" + text("true") + b"ios\nsystem\n", ("call", "<os.system>", ("true",))),
        (b"(" + named("os", "system") + text("true") + b"o", ("call", "<os.system>", ("true",))),
        (named("a", "b") + b")\x81", ("new", "<a.b>", ())),
        (named("a", "b") + b")}\x92", ("new", "<a.b>", ((), {}))),
        (named("a", "b") + b")\x81K\x01b", ("new", "<a.b>", (), [1])),
        (named("a", "b") + b")RK\x01a", ("call", "<a.b>", (), [1])),
        (named("a", "b") + b")R(K\x01K\x02e", ("call", "<a.b>", (), [1, 2])),
        (named("a", "b") + b")RK\x01K\x02s", ("call", "<a.b>", (), {1: 2})),
        (b"K\x01Q", ("stored", 1)),
        (b"Pname\n", ("stored", "name")),
        (b"\x82\x07", "<copyreg.extension 7>"),
        (b"K\x012", 1),
        (b"K\x01(K\x021", 1),
        (b"K\x01(0", 1),
        (b"K\x01q\x000h\x00", 1),
        (b"K\x01\x940h\x00", 1),
    ],
)
def test_what_would_act_is_only_noted(code, expected):
    with canary() as ran:
        (tree,) = read_pickles(hostile(code, 4))
    assert shown(tree) == expected
    assert ran == []


def test_objects_and_their_states_are_noted():
    (tree,) = read_pickles(pickle.dumps([OrderedDict(a=1), Slotted()], 2))
    ordered, own = map(shown, tree)
    assert ordered == ("call", "<collections.OrderedDict>", (), {"a": 1})
    assert own == ("new", "<tests.engine.detectors.test_pickle_tree.Slotted>", (), [{"name": "state"}])


@pytest.mark.parametrize(
    "code",
    [
        b"",
        b"\x80",
        b"\x80\x02",
        b"not a pickle",
        hostile(b""),
        hostile(b"(0"),
        hostile(b"R"),
        hostile(b"("),
        hostile(b"e"),
        hostile(b"K\x01(K\x02e"),
        hostile(b"K\x01K\x02K\x03s"),
        hostile(b"}(K\x01u"),
        hostile(b"h\x05"),
        hostile(b"K\x01K\x02\x93"),
        hostile(b"(R"),
        hostile(named("a", "b") + b"Nb"),
        hostile(b"]}b"),
        hostile(b"X\xff\xff\xff\x7f"),
        hostile(b"\x8b\xff\xff\xff\xff"),
    ],
    ids=repr,
)
def test_damaged_pickles_are_value_errors(code):
    with pytest.raises(ValueError, match=r".") as caught:
        read_pickles(code)
    assert len(str(caught.value).splitlines()) == 1


def test_a_pickle_that_never_ends_is_given_up():
    with pytest.raises(ValueError, match=f"more than {MAX_OPCODES} opcodes"):
        read_pickles(hostile(b"N0" * (MAX_OPCODES // 2 + 2)))


@pytest.mark.parametrize("code", [b"]" * 50_000, b"(" * 50_000, b")" + b"\x85" * 100_000, b"(N" * 50_000])
def test_nesting_costs_time_in_proportion(code):
    before = time.process_time()
    with suppress(ValueError):
        read_pickles(hostile(code + b"t" * code.count(b"(")))
    assert time.process_time() - before < 20  # quadratic work would take minutes


def test_several_pickles_in_a_row():
    data = pickle.dumps(1, 2) + pickle.dumps("two", 2) + b"\0\1\2 bytes of storages"
    assert read_pickles(data, many=True) == [1, "two"]
    assert read_pickles(data) == [1]


def test_children_are_all_that_a_node_holds():
    (tree,) = read_pickles(hostile(named("a", "b") + b")R(K\x01eK\x02K\x03sK\x04b"))
    assert [str(each) for each in children(tree)] == ["a.b", "()", "4", "1", "2", "3"]
    assert children(Set([1])) == [1]
    assert children(Persistent("x")) == ["x"]
    assert children("text") == []
