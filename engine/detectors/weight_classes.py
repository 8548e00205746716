# SPDX-License-Identifier: AGPL-3.0-only
"""Which classes a weight file names, read without torch and without running anything in it.

For choices on pages only: what a detector really has is known once it is loaded.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

__all__ = ["LARGEST_PICKLE", "PACKAGED_WEIGHTS", "classes_in"]

PACKAGED_WEIGHTS = Path(__file__).resolve().parent / "weights"
LARGEST_PICKLE = 16 * 2**20  # bytes; a detector's has about 100 thousand: its tensors lie beside it
MOST_CLASSES = 100_000


def classes_in(path: Path) -> tuple[str, ...]:
    """The classes of the model in an Ultralytics checkpoint, by index; one without a name by its number.

    Args:
        path: what `torch.save` wrote. It may come from anywhere: every global that its pickle names is taken
            for an empty stand-in, so that nothing is imported or called.

    Returns:
        None of them where the file cannot be read so; whoever loads it says why.
    """
    try:
        state = _model_state(_Reader(io.BytesIO(_main_pickle(path))).load())
        names, layout = state["names"], state.get("yaml")
        known = dict(names if isinstance(names, dict) else enumerate(names))
        known = {int(index): str(name) for index, name in known.items()}
        count = layout.get("nc") if isinstance(layout, dict) else None
        count = count if isinstance(count, int) else max(known, default=-1) + 1
    except Exception:  # a damaged or hostile pickle fails in any way there is
        return ()
    return tuple(known.get(index, str(index)) for index in range(min(count, MOST_CLASSES)))


def _main_pickle(path: Path) -> bytes:
    """The pickle that says what the archive holds.

    Raises:
        ValueError: there is none, or it is too large for a detector's.
    """
    with zipfile.ZipFile(path) as archive:
        (member,) = (each for each in archive.infolist() if each.filename.endswith("data.pkl"))
        with archive.open(member) as file:
            data = file.read(LARGEST_PICKLE + 1)
    if len(data) > LARGEST_PICKLE:
        raise ValueError("pickle is too large")
    return data


def _model_state(checkpoint: Any) -> dict[str, Any]:
    """The attributes of the checkpoint's model, as `load_detector` chooses it."""
    model = checkpoint.get("ema")
    if model is None:
        model = checkpoint["model"]
    state = model.state
    assert isinstance(state, dict)
    return state


class _StandIn(dict[Any, Any]):
    """Stands for any object of a pickle, and for any class or function: takes whatever it is given."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # objects may be keys

    def __init__(self, *_given: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def append(self, item: Any) -> None:
        """Leave it out."""

    def extend(self, items: Any) -> None:
        """Leave them out."""

    def add(self, item: Any) -> None:
        """Leave it out."""


class _Reader(pickle._Unpickler):
    """Python's own unpickler in its Python form, whose memory grows with the file alone, without globals."""

    # A bytearray is made as large as the file says before its bytes are read, and copyreg's registry finds
    # globals by number; no checkpoint of a detector has either.
    dispatch = {  # noqa: RUF012  (as the base class has it)
        code: load
        for code, load in pickle._Unpickler.dispatch.items()
        if code not in (*pickle.BYTEARRAY8, *pickle.EXT1, *pickle.EXT2, *pickle.EXT4)
    }

    def find_class(self, module_name: str, name: str) -> type[_StandIn]:
        """A stand-in for any name."""
        return _StandIn

    def persistent_load(self, pid: Any) -> _StandIn:
        """A stand-in for a tensor's numbers."""
        return _StandIn()
