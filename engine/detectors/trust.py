# SPDX-License-Identifier: AGPL-3.0-only
"""Which weight files may be opened: a .pt file is a pickle, and a pickle can run any code it names.

A file in a trusted folder is opened as it is. Any other is read once into memory, every global that its
pickles name is compared with an allowlist before anything is unpickled, and those same bytes are then
unpickled by an unpickler that holds to the same allowlist, so that reading and loading cannot disagree.
"""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from engine.config import home_folder
from engine.detectors.pickle_rules import ALIASES, RestrictedUnpickler, allowed, refuse_planted_code
from engine.detectors.pickle_scan import named_globals
from engine.detectors.weight_classes import PACKAGED_WEIGHTS
from engine.errors import DetectorError, UntrustedWeightsError

__all__ = ["is_trusted", "load_checkpoint", "trusted_folders"]

HOW_TO_TRUST = "to open it anyway pass --trust-weights or put it into a folder named in PATCHBENCH_TRUSTED"


def trusted_folders() -> list[Path]:
    """The package's own weights, `weights` in our home, and the folders in PATCHBENCH_TRUSTED."""
    named = [Path(entry) for entry in os.environ.get("PATCHBENCH_TRUSTED", "").split(os.pathsep) if entry]
    return [folder.expanduser().resolve() for folder in (PACKAGED_WEIGHTS, home_folder() / "weights", *named)]


def is_trusted(path: Path) -> bool:
    """Whether the file that the path leads to, links followed, lies in a trusted folder."""
    resolved = path.resolve()
    return any(resolved.is_relative_to(folder) for folder in trusted_folders())


def load_checkpoint(path: Path, *, trust: bool = False) -> Any:
    """What `torch.save` wrote into the file, on the CPU.

    Args:
        path: the weight file.
        trust: open it whatever it names, as if it lay in a trusted folder.

    Raises:
        DetectorError: the file cannot be read or is not a weight file.
        UntrustedWeightsError: it names a global that is not on the allowlist; nothing in it was run.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DetectorError(
            f"weights: expected a readable file, got {path}: {error.strerror or error}"
        ) from error
    if trust or is_trusted(path):
        return _unpickled(data, TrustingUnpickler, path)
    checkpoint = _unpickled(_checked(data, path), RestrictedUnpickler, path)
    try:
        refuse_planted_code(checkpoint)
    except UntrustedWeightsError as error:
        raise UntrustedWeightsError(f"weights {path}: {error}; {HOW_TO_TRUST}") from error
    return checkpoint


def _unpickled(data: bytes, unpickler: type[Any], path: Path) -> Any:
    """What torch reads of the bytes with that unpickler."""
    pickle_module = _pickle_module(unpickler)
    try:
        return torch.load(
            io.BytesIO(data), map_location="cpu", weights_only=False, pickle_module=pickle_module
        )
    except UntrustedWeightsError as error:
        raise UntrustedWeightsError(f"weights {path}: {error}; {HOW_TO_TRUST}") from error
    except Exception as error:  # a damaged pickle fails in any way there is
        reason = str(error).splitlines()[0][:200] if str(error) else ""
        raise DetectorError(
            f"weights: expected a checkpoint written by Ultralytics, got {path}, which cannot be read "
            f"({type(error).__name__}: {reason}); fetch or export it again"
        ) from error


class TrustingUnpickler(pickle.Unpickler):
    """Python's own unpickler, which finds what Ultralytics has renamed since."""

    def find_class(self, module_name: str, name: str) -> Any:
        """The object of that name, or of what it is called now."""
        return super().find_class(*ALIASES.get((module_name, name), (module_name, name)))


def _checked(data: bytes, path: Path) -> bytes:
    """The archive's bytes, written anew, after every pickle in it was found to name only what is allowed.

    torch and zipfile read damaged archives differently (names that occur twice, say), so torch gets a new
    archive that holds exactly what was checked.
    """
    if not data.startswith(b"PK\x03\x04"):
        _refuse_unknown(named_globals(data, many=True), path)
        raise DetectorError(
            f"weights: expected a zip archive as torch.save writes, got {path}, which is none; "
            f"save it again with torch 1.6 or newer; {HOW_TO_TRUST}"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise DetectorError(
            f"weights: expected a whole zip archive, got {path}, which is damaged ({error}); fetch it again"
        ) from error
    names = [name.lower() for name, _ in members]
    for name, content in members:
        if name.lower().endswith(".pkl"):
            _refuse_unknown(named_globals(content), path)
    if len(set(names)) != len(names) or any(name.endswith("constants.pkl") for name in names):
        raise DetectorError(
            f"weights: expected a checkpoint of Ultralytics, got {path}, "
            "which is a TorchScript or damaged archive; use the .pt file that it was exported from"
        )
    fresh = io.BytesIO()
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return fresh.getvalue()


def _refuse_unknown(names: list[tuple[str, str]], path: Path) -> None:
    """Raise `UntrustedWeightsError` for the first name that is not allowed."""
    for module_name, name in names:
        if not allowed(module_name, name):
            raise UntrustedWeightsError(
                f"weights {path}: expected only names that a detector needs, got {module_name}.{name}, "
                f"which could run code; nothing was run; {HOW_TO_TRUST}"
            )


def _pickle_module(unpickler: type[Any]) -> ModuleType:
    """The pickle module with another unpickler, as torch.load wants it."""
    module = ModuleType("engine_pickle")
    module.__dict__.update(
        Unpickler=unpickler,
        load=lambda file, **options: unpickler(file, **options).load(),
        UnpicklingError=pickle.UnpicklingError,
    )
    return module
