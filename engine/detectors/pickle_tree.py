# SPDX-License-Identifier: AGPL-3.0-only
"""Parses a pickle into an inert tree, without importing, constructing or calling anything that it names.

This is pickle's stack machine (https://docs.python.org/3/library/pickletools.html) on our own nodes. An
opcode that would call a function or set a state only records this in a `Call`; therefore no sequence of
opcodes has side effects. Standard library only.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MAX_OPCODES = 500_000  # takes about a second; a detector saved with its optimizer has a fifth of this
Node = Any
"""None, bool, int, float, str, bytes, a list or tuple of nodes, or one of the classes below."""


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """A class or function by its name."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False, repr=False)
class Pairs:
    """A dict as (key, value) pairs in order; the last of equal keys counts."""

    pairs: list[tuple[Node, Node]] = field(default_factory=list)


@dataclass(slots=True, eq=False, repr=False)
class Set:
    """A set or frozenset as a list."""

    members: list[Node] = field(default_factory=list)


@dataclass(slots=True, eq=False, repr=False)
class Persistent:
    """A reference to something outside the pickle, in torch's files a storage."""

    key: Node


@dataclass(slots=True, eq=False, repr=False)
class Call:
    """`function(*arguments)`, and the operations that the pickle would apply to the result.

    Attributes:
        function: a `Global` in a valid file.
        arguments: a tuple in a valid file.
        makes_instance: whether `function.__new__` would be called instead of `function`.
        states: successive states of the instance.
        items, pairs: items that would be appended, or stored under a key.
    """

    function: Node
    arguments: Node
    makes_instance: bool = False
    states: list[Node] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[Node, Node]] = field(default_factory=list)


def children(node: Node) -> list[Node]:
    """The direct children of a node."""
    if isinstance(node, list | tuple):
        return list(node)
    if isinstance(node, Pairs):
        return [each for pair in node.pairs for each in pair]
    if isinstance(node, Set):
        return node.members
    if isinstance(node, Persistent):
        return [node.key]
    if isinstance(node, Call):
        pairs = [each for pair in node.pairs for each in pair]
        return [node.function, node.arguments, *node.states, *node.items, *pairs]
    return []


def entries(node: Node) -> dict[str, Node]:
    """The entries with text keys of a dict, an OrderedDict or a namespace; empty for anything else."""
    pairs: list[tuple[Node, Node]] = []
    if isinstance(node, Pairs):
        pairs = node.pairs
    elif isinstance(node, Call):
        states = [pair for state in node.states if isinstance(state, Pairs) for pair in state.pairs]
        pairs = node.pairs or states  # an OrderedDict may have attributes besides its entries
    return {key: value for key, value in pairs if isinstance(key, str)}


def read_pickles(data: bytes, *, many: bool = False) -> list[Node]:
    """Parse a pickle, or a sequence of pickles as in torch's format before 1.6.

    Args:
        data: pickles of any protocol; bytes after the last STOP are ignored.
        many: whether to continue after the first.

    Raises:
        ValueError: the data is not a pickle, is damaged, or has more opcodes than any detector needs.
    """
    stream = io.BytesIO(data)
    trees = [_Machine().run(stream)]
    while many and stream.tell() < len(data):
        try:
            trees.append(_Machine().run(stream))
        except ValueError:
            break  # the storages' bytes follow the last pickle
    return trees


def read_sequence(data: bytes, count: int) -> tuple[list[Node], int]:
    """Parse the first `count` pickles of a sequence; also the position after them.

    Raises:
        ValueError: see `read_pickles`.
    """
    stream = io.BytesIO(data)
    return [_Machine().run(stream) for _ in range(count)], stream.tell()


class _Machine:
    """The state of the stack machine: stack, positions of marks, and memo."""

    def __init__(self) -> None:
        self.stack: list[Node] = []
        self.marks: list[int] = []
        self.memo: dict[int, Node] = {}

    def run(self, stream: io.BytesIO) -> Node:
        """Parse up to STOP, and return the tree on the stack."""
        try:
            for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
                if count > MAX_OPCODES:
                    raise ValueError(f"more than {MAX_OPCODES} opcodes")
                action = _ACTIONS.get(opcode.name)
                if action is not None:
                    action(self, argument)
                else:  # an opcode that pushes its argument
                    self.stack.append(argument)
            return self.pop()
        except (IndexError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError) as error:
            raise ValueError(f"a damaged pickle, {type(error).__name__}") from error

    def pop(self) -> Node:
        """Pop the topmost node."""
        if self.marks and self.marks[-1] == len(self.stack):
            raise ValueError("a damaged pickle, a mark where a value is expected")
        return self.stack.pop()

    def discard(self) -> None:
        """Drop the topmost node or mark."""
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()

    def since_mark(self) -> list[Node]:
        """Pop the topmost mark and the nodes above it, and return the nodes."""
        start = self.marks.pop()
        nodes = self.stack[start:]
        del self.stack[start:]
        return nodes

    def call(self, *, instance: bool) -> None:
        """Record a call of the node below the arguments."""
        arguments, function = self.pop(), self.pop()
        self.stack.append(Call(function, arguments, makes_instance=instance))

    def call_since_mark(self, function: Node, arguments: list[Node]) -> None:
        """Record a call by the instance opcodes of protocols 0 and 1."""
        self.stack.append(Call(function, tuple(arguments)))

    def add_state(self) -> None:
        """Record a state of the topmost node, which must be the result of a call."""
        state, target = self.pop(), self.stack[-1]
        if not isinstance(target, Call):
            raise ValueError("a damaged pickle, a state for something that no call created")
        target.states.append(state)

    def extend(self, nodes: list[Node]) -> None:
        """Append to the topmost list, set or result of a call."""
        target = self.stack[-1]
        if isinstance(target, Call):
            target.items.extend(nodes)
        elif isinstance(target, Set):
            target.members.extend(nodes)
        elif isinstance(target, list):
            target.extend(nodes)
        else:
            raise ValueError("a damaged pickle, items for something that is not a container")

    def store(self, nodes: list[Node]) -> None:
        """Store alternating keys and values in the topmost dict or result of a call."""
        target = self.stack[-1]
        if not isinstance(target, Pairs | Call) or len(nodes) % 2:
            raise ValueError("a damaged pickle, keys for something that is not a dict")
        target.pairs.extend(zip(nodes[::2], nodes[1::2], strict=True))


def _tuple(count: int) -> Callable[[_Machine, Any], None]:
    def action(machine: _Machine, _: Any) -> None:
        nodes = [machine.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(nodes)))

    return action


def _push(make: Callable[[Any], Node]) -> Callable[[_Machine, Any], None]:
    return lambda machine, argument: machine.stack.append(make(argument))


def _named(argument: str) -> Global:
    """Parse the two lines of GLOBAL or INST, which pickletools joins by a space."""
    module, _, name = argument.partition(" ")
    return Global(module, name)


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    if not (isinstance(name, str) and isinstance(module, str)):
        raise ValueError("a damaged pickle, a name that is not text")
    machine.stack.append(Global(module, name))


def _instance_of_stack(machine: _Machine, _: Any) -> None:
    function, *arguments = machine.since_mark()
    machine.call_since_mark(function, arguments)


def _new_with_keywords(machine: _Machine, _: Any) -> None:
    keywords, arguments, function = machine.pop(), machine.pop(), machine.pop()
    machine.stack.append(Call(function, (arguments, keywords), makes_instance=True))


def _one_pair(machine: _Machine, _: Any) -> None:
    value, key = machine.pop(), machine.pop()
    machine.store([key, value])


def _memoize(machine: _Machine, argument: Any) -> None:
    machine.memo[len(machine.memo) if argument is None else int(argument)] = machine.stack[-1]


def _pairs(nodes: list[Node]) -> Pairs:
    return Pairs(list(zip(nodes[::2], nodes[1::2], strict=True)))


def _ignore(machine: _Machine, _: Any) -> None:
    """Opcodes that change neither stack nor memo."""


_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP", "READONLY_BUFFER"), _ignore),
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "POP": lambda machine, _: machine.discard(),
    "POP_MARK": lambda machine, _: machine.since_mark().clear(),
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "NONE": _push(lambda _: None),
    "NEWTRUE": _push(lambda _: True),
    "NEWFALSE": _push(lambda _: False),
    "EMPTY_LIST": _push(lambda _: []),
    "EMPTY_DICT": _push(lambda _: Pairs()),
    "EMPTY_SET": _push(lambda _: Set()),
    **{f"{'EMPTY_TUPLE' if n == 0 else f'TUPLE{n}'}": _tuple(n) for n in range(4)},
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.since_mark())),
    "LIST": lambda machine, _: machine.stack.append(machine.since_mark()),
    "DICT": lambda machine, _: machine.stack.append(_pairs(machine.since_mark())),
    "FROZENSET": lambda machine, _: machine.stack.append(Set(machine.since_mark())),
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.since_mark()),
    "SETITEM": _one_pair,
    "SETITEMS": lambda machine, _: machine.store(machine.since_mark()),
    "GLOBAL": _push(_named),
    "STACK_GLOBAL": _stack_global,
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _push(lambda code: Global("copyreg", f"extension {code}"))),
    "REDUCE": lambda machine, _: machine.call(instance=False),
    "NEWOBJ": lambda machine, _: machine.call(instance=True),
    "NEWOBJ_EX": _new_with_keywords,
    "INST": lambda machine, name: machine.call_since_mark(_named(name), machine.since_mark()),
    "OBJ": _instance_of_stack,
    "BUILD": lambda machine, _: machine.add_state(),
    **dict.fromkeys(("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"), _memoize),
    **dict.fromkeys(
        ("GET", "BINGET", "LONG_BINGET"),
        lambda machine, index: machine.stack.append(machine.memo[int(index)]),
    ),
    "PERSID": _push(Persistent),
    "BINPERSID": lambda machine, _: machine.stack.append(Persistent(machine.pop())),
    "NEXT_BUFFER": _push(lambda _: Persistent("out-of-band buffer")),
}
