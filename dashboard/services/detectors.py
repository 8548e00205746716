# SPDX-License-Identifier: AGPL-3.0-only
"""Which detectors can be named: those embedded, files kept here, those used before, well-known names."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from dashboard.services.paths import file_within_roots, within_roots
from dashboard.services.storage import cached, opened
from engine.classes import detector_class_id
from engine.config import home_folder
from engine.detectors.demo_weights import EMBEDDED, embedded_detectors
from engine.detectors.families import class_names_in, family_of, published_classes
from engine.detectors.weight_classes import possible_files
from engine.detectors.weight_files import TORCH_ZIP, is_safetensors, other_kind
from engine.disk import why_unwritable
from engine.errors import DetectorError, EngineError, StorageError
from engine.excerpts import short_repr
from engine.jobs.kinds import KINDS
from engine.registries import DETECTORS

# Names that are downloaded when they are first used; any other works as a path.
KNOWN = tuple(name for family in DETECTORS.things() for name in family.offered)
SUFFIXES = (".pt", ".pth", ".safetensors")
"""Of weight files that can be opened; their content decides."""


@cached(ttl_s=5, max_entries=4)
def detectors() -> list[str]:
    """Names and paths: those embedded, files kept here, those of the latest runs, well-known names."""
    kept = [path for folder in _folders() for path in sorted(folder.glob("*.*")) if path.suffix in SUFFIXES]
    used = [weights for _dataset, weights in _latest()]
    return list(
        dict.fromkeys([*embedded_detectors(), *map(str, kept), *map(str, _kept_folders()), *used, *KNOWN])
    )


@cached(ttl_s=5, max_entries=16)
def last_used(dataset: str) -> str:
    """The detector of the latest job on a dataset; the demo's if there is none."""
    return next((weights for known, weights in _latest() if known == dataset), "demo")


def _latest() -> list[tuple[str, str]]:
    """Dataset and detector of the latest jobs, newest first, without files that are gone."""
    kinds = [kind.name for kind in KINDS.things() if kind.has_config]
    with opened() as repository:
        jobs = repository.jobs.find(kinds=kinds, limit=50)
    asked = [job.request.get("config", {}) for job in jobs]
    used = [(str(each.get("dataset", "demo")), str(each.get("weights", "demo"))) for each in asked]
    return [(dataset, weights) for dataset, weights in used if "/" not in weights or Path(weights).exists()]


def is_embedded(weights: str) -> bool:
    """Whether weights are named by the name of an embedded detector."""
    return weights in EMBEDDED


def _kept_folders() -> list[Path]:
    """The detectors kept as folders, which are called as on the hub that they come from."""
    return sorted(path for path in (home_folder() / "weights").glob("*/*/") if family_of(path) is not None)


def usable(weights: str) -> str:
    """A detector as pages may use it, wherever its name came from: a link can hold any path.

    Args:
        weights: one of `detectors`, another name, or a path.

    Raises:
        SettingsError: it is a path that `weight_file` refuses.
    """
    is_name = len(possible_files(weights)) > 1 and not Path(weights).exists()
    return weights if is_name or weights in detectors() else weight_file(weights)


def class_names(weights: str) -> tuple[str, ...]:
    """The classes of a detector by index, read from its file without opening the detector.

    Args:
        weights: as of `usable`.

    Returns:
        None of them where they cannot be read so, or while the file is not here, unless all that is
        published has the same.

    Raises:
        SettingsError, DetectorError, StorageError: as of `usable`.
    """
    for path in possible_files(usable(weights)):
        if family_of(path) is not None:
            return _classes_in(str(path), path.stat().st_mtime_ns)
    return published_classes(weights)


def known_class_names(weights: str) -> tuple[str, ...]:
    """As `class_names`, but none of a detector that cannot be used: whoever uses it says what is wrong."""
    with suppress(EngineError):
        return class_names(weights)
    return ()


def can_be_trained(weights: str) -> bool:
    """Whether there is a trainer for a detector's family, by its file or, where there is none yet, its name.

    Args:
        weights: as of `usable`.

    Raises:
        SettingsError: as of `usable`.
    """
    for path in possible_files(usable(weights)):
        if (family := family_of(path)) is not None:
            return family.trainer is not None
    return any(weights in each.offered and each.trainer is not None for each in DETECTORS.things())


@cached(ttl_s=3600, max_entries=32)
def _classes_in(path: str, changed_ns: int) -> tuple[str, ...]:
    return class_names_in(Path(path))


def namesake(names: Sequence[str], classes: Sequence[str]) -> str | None:
    """The detector's class that is called like a dataset's only class; None for several, or without one.

    Args:
        names: the detector's classes by index.
        classes: the dataset's.
    """
    if len(classes) == 1:
        with suppress(DetectorError):
            return names[detector_class_id(names, classes[0], given=False)]
    return None


def weight_file(written: str) -> str:
    """A weight file on the server, or a detector's folder.

    Raises:
        SettingsError: it or a file in the folder lies outside the allowed folders, nothing is there, or it is
            neither.
    """
    path = within_roots(written)
    if path.is_file() or family_of(path) is None:
        return str(file_within_roots(written, "weights"))
    for file in path.iterdir():
        within_roots(str(file))
    return str(path)


def usable_classes(written: str) -> str:
    """A file with a detector's classes on the server; empty for none.

    Raises:
        SettingsError: as of `weight_file`.
    """
    return str(file_within_roots(written, "detector classes")) if written else ""


def store_weights(file: BinaryIO, filename: str) -> str:
    """Keep an uploaded weight file, where it is not trusted: the engine checks it before it opens it.

    Raises:
        DetectorError: it is not what torch.save or safetensors writes.
        StorageError: it cannot be written.
    """
    file.seek(0)
    data, named = file.read(), Path(filename)
    kind = other_kind(named, data)
    if kind or not (data.startswith(TORCH_ZIP) or is_safetensors(data)):
        got = f"{short_repr(filename)}: {kind}" if kind else short_repr(filename)
        raise DetectorError(f"weights: expected a .pt file written by torch.save, got {got}")
    stem = re.sub(r"[^\w.-]+", "-", named.stem).strip(".-")[:40] or "weights"
    suffix = named.suffix.lower() if named.suffix.lower() in SUFFIXES else ".pt"
    path = _uploaded() / f"{stem}-{hashlib.sha256(data).hexdigest()[:8]}{suffix}"
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        why = why_unwritable(path, error, "choose another PATCHBENCH_HOME")
        raise StorageError(f"{path}: cannot be written, {why}") from error
    finally:
        temporary.unlink(missing_ok=True)
    detectors.clear()
    return str(path)


def _folders() -> tuple[Path, Path]:
    return home_folder() / "weights", _uploaded()


def _uploaded() -> Path:
    return home_folder() / "uploads" / "weights"
