# SPDX-License-Identifier: AGPL-3.0-only
"""Opens weight files: parsed, checked as a whole and only then rebuilt, so that nothing in them can run.

A `.pt` file is a pickle, and unpickling runs whatever it names. Here it is read into an inert tree
(`pickle_tree`), the tree is held to rules (`checkpoint_rules`), and the model is built from it by our own
code (`checkpoint_model`). A file that needs more, and that the user trusts, is left to torch's own loader.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from engine.config import home_folder
from engine.detectors.checkpoint_model import ModelBuilder, entries, kind_of
from engine.detectors.checkpoint_rules import ALIASES, check_tree
from engine.detectors.pickle_tree import Call, Global, Node, Pairs, read_pickles
from engine.detectors.ultralytics_model import OTHER_MODELS
from engine.detectors.weight_files import MAX_BYTES, TORCH_ZIP, other_kind
from engine.errors import DetectorError, UntrustedWeightsError
from engine.excerpts import short_line

__all__ = ["PACKAGED_WEIGHTS", "Checkpoint", "is_trusted", "load_checkpoint", "trusted_folders"]

PACKAGED_WEIGHTS = Path(__file__).resolve().parent / "weights"
HOW_TO_TRUST = "to open it anyway pass --trust-weights or put it into a folder named in PATCHBENCH_TRUSTED"

_MAX_DIRECTORY_BYTES = 4 * 2**20  # of a zip archive: some 50,000 members, where a detector has a thousand
_MAX_PICKLE_BYTES = 64 * 2**20
_NO_MODEL = (
    "expected an Ultralytics checkpoint that holds a model, got {}; save it with Ultralytics' model.save()"
)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a detector needs of a weight file.

    Attributes:
        model: the averaged model (`ema`) of an unfinished training, else `model`; on the CPU, as saved.
        train_args: the training's settings, empty where the file has none.
    """

    model: nn.Module
    train_args: dict[str, Any]


def trusted_folders() -> list[Path]:
    """The package's own weights, `weights` in our home, and the folders in PATCHBENCH_TRUSTED."""
    named = [Path(entry) for entry in os.environ.get("PATCHBENCH_TRUSTED", "").split(os.pathsep) if entry]
    return [folder.expanduser().resolve() for folder in (PACKAGED_WEIGHTS, home_folder() / "weights", *named)]


def is_trusted(path: Path) -> bool:
    """Whether the file that the path leads to, links followed, lies in a trusted folder."""
    resolved = path.resolve()
    return any(resolved.is_relative_to(folder) for folder in trusted_folders())


def load_checkpoint(path: Path, *, trust: bool = False) -> Checkpoint:
    """The model in a weight file.

    Args:
        path: the weight file.
        trust: let torch unpickle it if it needs more than our own reader builds, as if it lay in a trusted
            folder; whatever the file names may then run.

    Raises:
        DetectorError: the file cannot be read or is not a weight file.
        UntrustedWeightsError: it names what no detector needs; nothing in it was run.
    """
    data = _bytes(path)
    kind = other_kind(path, data)
    if kind:
        raise DetectorError(f"weights: expected a .pt file as torch.save writes, got {path}: {kind}")
    try:
        return _parsed(data)
    except (DetectorError, ValueError) as error:
        needs_trust = isinstance(error, UntrustedWeightsError) or not data.startswith(TORCH_ZIP)
        if needs_trust and (trust or is_trusted(path)):
            return _unpickled(data, path)
        if isinstance(error, UntrustedWeightsError):
            raise UntrustedWeightsError(f"weights {path}: {error}; {HOW_TO_TRUST}") from error
        if isinstance(error, DetectorError):
            raise DetectorError(f"weights {path}: {error}") from error
        raise DetectorError(
            f"weights: expected a whole file as torch.save writes, got {path}, which is damaged ({error}); "
            "fetch or export it again"
        ) from error


def _bytes(path: Path) -> bytes:
    """The file, read once, so that what is checked is what is opened."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DetectorError(
                f"weights: expected at most {MAX_BYTES / 2**30:.0f} GiB, got {path} of "
                f"{size / 2**30:.1f} GiB; name the weights of a detector"
            )
        return path.read_bytes()
    except OSError as error:
        raise DetectorError(
            f"weights: expected a readable file, got {path}: {error.strerror or error}"
        ) from error


def _parsed(data: bytes) -> Checkpoint:
    """The model in the file's bytes, built without running anything.

    Raises:
        DetectorError: not a checkpoint of a detector.
        UntrustedWeightsError: see `check_tree`.
        ValueError: damaged.
    """
    if not data.startswith(TORCH_ZIP):
        _refuse_without_archive(data)
    archive = _Archive(data)
    (root,) = read_pickles(archive.pickle)
    model, found = _model_node(root), entries(root)
    if isinstance(model, Call) and isinstance(model.function, Global):
        other = OTHER_MODELS.get(model.function.name)
        if other:
            raise DetectorError(other)
    check_tree(root)
    builder = ModelBuilder(archive.storage, most_bytes=4 * len(data))
    if not (isinstance(model, Call) and model.makes_instance):
        is_dict = isinstance(root, Pairs) or bool(found)
        raise DetectorError(_NO_MODEL.format("a state dict without a model" if is_dict else kind_of(root)))
    train_args = builder.plain(found.get("train_args"))
    return Checkpoint(
        model=builder.layer(model), train_args=train_args if isinstance(train_args, dict) else {}
    )


def _model_node(root: Node) -> Node:
    """Where the model stands: all of the file, the averaged one of an unfinished training, or `model`."""
    found = entries(root)
    if isinstance(root, Call) and root.makes_instance:
        return root
    return found.get("ema") or found.get("model")


def _refuse_without_archive(data: bytes) -> None:
    """Say what is wrong with a file that is no archive; one of torch before 1.6 is pickles in a row."""
    try:
        trees = read_pickles(data, many=True)
    except ValueError:
        trees = []
    for tree in trees:
        check_tree(tree)
    raise DetectorError(
        "expected a zip archive as torch.save writes, got "
        + ("the format of torch before 1.6" if len(trees) > 1 else "none")
        + f"; save it again with torch 1.6 or newer; {HOW_TO_TRUST}"
    )


class _Archive:
    """The zip archive that torch.save writes: one pickle and the storages it refers to, all uncompressed."""

    def __init__(self, data: bytes) -> None:
        """Look at what it holds.

        Raises:
            DetectorError: an archive of something else.
            ValueError: damaged, or larger unpacked than it is.
        """
        _require_small_directory(data)
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, OSError, NotImplementedError, struct.error) as error:
            raise ValueError(str(error)) from error
        members = self._archive.infolist()
        names = [member.filename.lower() for member in members]
        pickles = [member for member in members if member.filename.lower().endswith(".pkl")]
        if any(name.endswith("constants.pkl") for name in names):
            raise DetectorError(
                "expected a checkpoint of Ultralytics, got a TorchScript model, an export without gradients, "
                "which an attack needs; use the .pt file that it was exported from"
            )
        if not any(member.filename.endswith("/data.pkl") for member in pickles):
            raise DetectorError(
                "expected a checkpoint of Ultralytics, got a zip archive of something else; "
                "use the .pt file that Ultralytics' model.save() writes"
            )
        if len(pickles) > 1 or len(set(names)) < len(names):
            raise ValueError("two members of one name, or two pickles")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("compressed members, where torch.save compresses none")
        if sum(member.file_size for member in members) > len(data):
            raise ValueError("members that are larger than the file")
        if pickles[0].file_size > _MAX_PICKLE_BYTES:
            raise ValueError(f"a pickle of {pickles[0].file_size / 2**20:.0f} MiB")
        self._prefix = pickles[0].filename.removesuffix("data.pkl")
        if self._member("byteorder", missing=b"little") != b"little":
            raise ValueError("numbers in big-endian order")
        self.pickle = self._member("data.pkl")

    def storage(self, name: str) -> bytes:
        """The bytes of a storage."""
        return self._member(f"data/{name}")

    def _member(self, name: str, missing: bytes | None = None) -> bytes:
        try:
            return self._archive.read(self._prefix + name)
        except KeyError as error:
            if missing is not None:
                return missing
            raise ValueError(f"no member {short_line(name)}") from error
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
            raise ValueError(short_line(error)) from error


def _require_small_directory(data: bytes) -> None:
    """Refuse an archive with a huge table of contents before zipfile makes an object of each entry."""
    end = data.rfind(b"PK\x05\x06", max(len(data) - 65557, 0))
    if end < 0 or end + 22 > len(data):
        raise ValueError("a zip archive without its end")
    size = struct.unpack_from("<I", data, end + 12)[0]
    if end >= 76 and data[end - 20 : end - 16] == b"PK\x06\x07":
        size = struct.unpack_from("<Q", data, end - 76 + 40)[0]
        if struct.unpack_from("<Q", data, end - 20 + 8)[0] != end - 76:
            raise ValueError("a zip archive with two ends")
    if size > _MAX_DIRECTORY_BYTES:
        raise ValueError(f"a table of contents of {size} bytes")


def _unpickled(data: bytes, path: Path) -> Checkpoint:
    """The model in a file that is trusted, by torch's own loader: whatever the file names may run."""
    pickle_module = ModuleType("engine_pickle")
    pickle_module.__dict__.update(
        Unpickler=_RenamingUnpickler,
        load=lambda file, **options: _RenamingUnpickler(file, **options).load(),
        UnpicklingError=pickle.UnpicklingError,
    )
    try:
        content = torch.load(
            io.BytesIO(data), map_location="cpu", weights_only=False, pickle_module=pickle_module
        )
    except Exception as error:  # a damaged pickle fails in any way there is
        reason = short_line(error)
        raise DetectorError(
            f"weights: expected a checkpoint written by Ultralytics, got {path}, which cannot be read "
            f"({type(error).__name__}: {reason}); fetch or export it again"
        ) from error
    found = content if isinstance(content, dict) else {"model": content}
    model, train_args = found.get("ema") or found.get("model"), found.get("train_args")
    if not isinstance(model, nn.Module):
        got = "a state dict without a model" if isinstance(content, dict) else type(content).__name__
        raise DetectorError(f"weights {path}: {_NO_MODEL.format(got)}")
    return Checkpoint(model=model, train_args=train_args if isinstance(train_args, dict) else {})


class _RenamingUnpickler(pickle.Unpickler):
    """Python's own unpickler, which finds what Ultralytics has renamed since."""

    def find_class(self, module_name: str, name: str) -> Any:
        """The object of that name, or of what it is called now."""
        return super().find_class(*ALIASES.get((module_name, name), (module_name, name)))
