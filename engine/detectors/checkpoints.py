# SPDX-License-Identifier: AGPL-3.0-only
"""Opens weight files without running anything in them: parses, checks the whole, and only then builds.

A `.pt` file is a pickle, and unpickling can run any code. Here it is parsed into an inert tree
(`pickle_tree`), the tree is checked (`checkpoint_rules`), and the model is built by our own code
(`checkpoint_model`). Trusted files for which this is not sufficient are opened with torch's own loader.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import safetensors.torch
import torch
from torch import nn

from engine.config import home_folder
from engine.detectors.checkpoint_model import ModelBuilder, kind_of
from engine.detectors.checkpoint_rules import ALIASES, check_tree
from engine.detectors.pickle_tree import Call, Global, Pairs, entries, read_pickles
from engine.detectors.ultralytics_layouts import model_of
from engine.detectors.ultralytics_model import OTHER_MODELS
from engine.detectors.weight_archive import WeightArchive, model_node
from engine.detectors.weight_classes import PACKAGED_WEIGHTS
from engine.detectors.weight_files import MAX_BYTES, TORCH_ZIP, is_safetensors, other_kind
from engine.errors import DetectorError, UntrustedWeightsError
from engine.excerpts import short_line

HOW_TO_TRUST = "to open it anyway, pass --trust-weights or move it to a folder listed in PATCHBENCH_TRUSTED"

_NO_MODEL = (
    "expected an Ultralytics checkpoint that contains a model, got {}; save it with Ultralytics' model.save()"
)


Opened = TypeVar("Opened")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The content of a weight file.

    Attributes:
        model: the averaged model (`ema`) of an unfinished training, else `model`; on the CPU, as saved.
        train_args: the training's settings; empty if missing.
    """

    model: nn.Module
    train_args: dict[str, Any]


def trusted_folders() -> list[Path]:
    """The package's own weights, `weights` in our home, and the folders in PATCHBENCH_TRUSTED."""
    named = [Path(entry) for entry in os.environ.get("PATCHBENCH_TRUSTED", "").split(os.pathsep) if entry]
    return [folder.expanduser().resolve() for folder in (PACKAGED_WEIGHTS, home_folder() / "weights", *named)]


def is_trusted(path: Path) -> bool:
    """Whether a file, after resolving links, is in a trusted folder."""
    resolved = path.resolve()
    return any(resolved.is_relative_to(folder) for folder in trusted_folders())


def load_checkpoint(path: Path, *, trust: bool = False) -> Checkpoint:
    """Load the model from a weight file.

    Args:
        path: the weight file.
        trust: let torch unpickle the file if our own reader does not support it, like a file in a trusted
            folder; this may run any code in it.

    Raises:
        DetectorError: the file cannot be read or is not a weight file.
        UntrustedWeightsError: the file contains names that detectors do not need; nothing in it was run.
    """
    return open_weights(path, _parsed, _of_content, trust=trust)


def open_weights(
    path: Path, parsed: Callable[[bytes], Opened], of_content: Callable[[Any], Opened], *, trust: bool = False
) -> Opened:
    """Open a weight file by our own reader or, if it is trusted and needs it, by torch's loader.

    Args:
        path: the weight file.
        parsed: our own reader, for the file's bytes; runs nothing in them, and raises like `load_checkpoint`
            but without the path, and ValueError for a damaged file.
        of_content: takes what torch's loader returned.
        trust: see `load_checkpoint`.

    Raises:
        DetectorError, UntrustedWeightsError: see `load_checkpoint`.
    """
    data = _bytes(path)
    kind = other_kind(path, data)
    if kind:
        raise DetectorError(f"weights: expected a .pt file written by torch.save, got {path}: {kind}")
    try:
        return parsed(data)
    except (DetectorError, ValueError) as error:
        needs_trust = isinstance(error, UntrustedWeightsError) or not data.startswith(TORCH_ZIP)
        if needs_trust and (trust or is_trusted(path)):
            content = _unpickled(data, path)
            try:
                return of_content(content)
            except DetectorError as wrong:
                raise DetectorError(f"weights {path}: {wrong}") from wrong
        if isinstance(error, UntrustedWeightsError):
            raise UntrustedWeightsError(f"weights {path}: {error}; {HOW_TO_TRUST}") from error
        if isinstance(error, DetectorError):
            raise DetectorError(f"weights {path}: {error}") from error
        raise DetectorError(
            f"weights: expected a complete file written by torch.save, got {path}, "
            f"which is damaged ({error}); download or export it again"
        ) from error


def _bytes(path: Path) -> bytes:
    """Read the file, only once in order to open exactly the checked bytes."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DetectorError(
                f"weights: expected at most {MAX_BYTES / 2**30:.0f} GiB, got {path} of "
                f"{size / 2**30:.1f} GiB; choose the weights of a detector"
            )
        return path.read_bytes()
    except OSError as error:
        raise DetectorError(
            f"weights: expected a readable file, got {path}: {error.strerror or error}"
        ) from error


def _parsed(data: bytes) -> Checkpoint:
    """Build the model from the file's bytes without running anything in them.

    Raises:
        DetectorError: it is not a checkpoint of a detector.
        UntrustedWeightsError: see `check_tree`.
        ValueError: it is damaged.
    """
    if is_safetensors(data):
        return Checkpoint(model=model_of(safe_tensors(data)), train_args={})
    if not data.startswith(TORCH_ZIP):
        _refuse_without_archive(data)
    archive = WeightArchive(io.BytesIO(data))
    (root,) = read_pickles(archive.pickle)
    model, found = model_node(root), entries(root)
    if isinstance(model, Call) and isinstance(model.function, Global):
        other = OTHER_MODELS.get(model.function.name)
        if other:
            raise DetectorError(other)
    check_tree(root)
    builder = ModelBuilder(archive.storage, most_bytes=4 * len(data))
    if not (isinstance(model, Call) and model.makes_instance):
        weights = builder.weights(root)
        if weights is not None:
            return Checkpoint(model=model_of(weights), train_args={})
        is_dict = isinstance(root, Pairs) or bool(found)
        raise DetectorError(_NO_MODEL.format("a state dict without a model" if is_dict else kind_of(root)))
    train_args = builder.plain(found.get("train_args"))
    return Checkpoint(
        model=builder.layer(model), train_args=train_args if isinstance(train_args, dict) else {}
    )


def safe_tensors(data: bytes) -> dict[str, torch.Tensor]:
    """Load a safetensors file (https://huggingface.co/docs/safetensors), which contains only tensors.

    Raises:
        ValueError: it is damaged.
    """
    try:
        return safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise ValueError(short_line(error)) from error


def _refuse_without_archive(data: bytes) -> None:
    """Reject a file that is not an archive, such as the sequence of pickles of torch before 1.6."""
    try:
        trees = read_pickles(data, many=True)
    except ValueError:
        trees = []
    for tree in trees:
        check_tree(tree)
    raise DetectorError(
        "expected a zip archive written by torch.save, got "
        + ("the format of torch before 1.6" if len(trees) > 1 else "none")
        + f"; save it again with torch 1.6 or newer; {HOW_TO_TRUST}"
    )


def _unpickled(data: bytes, path: Path) -> Any:
    """Load the content of a trusted file with torch's own loader, which may run any code in it."""
    pickle_module = ModuleType("engine_pickle")
    pickle_module.__dict__.update(
        Unpickler=_RenamingUnpickler,
        load=lambda file, **options: _RenamingUnpickler(file, **options).load(),
        UnpicklingError=pickle.UnpicklingError,
    )
    try:
        return torch.load(
            io.BytesIO(data), map_location="cpu", weights_only=False, pickle_module=pickle_module
        )
    except Exception as error:  # a damaged pickle can raise anything
        reason = short_line(error)
        raise DetectorError(
            f"weights: expected a checkpoint written by torch.save, got {path}, which cannot be read "
            f"({type(error).__name__}: {reason}); download or export it again"
        ) from error


def _of_content(content: Any) -> Checkpoint:
    """The model in what torch's loader returned."""
    fields = content if isinstance(content, dict) else {"model": content}
    model, train_args = fields.get("ema") or fields.get("model"), fields.get("train_args")
    if not isinstance(model, nn.Module):
        got = "a state dict without a model" if isinstance(content, dict) else type(content).__name__
        raise DetectorError(_NO_MODEL.format(got))
    return Checkpoint(model=model, train_args=train_args if isinstance(train_args, dict) else {})


class _RenamingUnpickler(pickle.Unpickler):
    """Python's unpickler with Ultralytics' renamed classes."""

    def find_class(self, module_name: str, name: str) -> Any:
        """The object by its name, or by its new name."""
        return super().find_class(*ALIASES.get((module_name, name), (module_name, name)))
