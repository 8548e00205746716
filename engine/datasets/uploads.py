# SPDX-License-Identifier: AGPL-3.0-only
"""Datasets in zip archives: checked for harmful content, and unpacked atomically. No torch."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from engine.config import home_folder
from engine.datasets.archives import is_wanted, member_path, open_archive, path_fault
from engine.datasets.images import IMAGE_SUFFIXES
from engine.datasets.layouts import layout_of
from engine.disk import why_unwritable
from engine.errors import DatasetError, StorageError
from engine.excerpts import short_line, short_repr

MAX_FILES = 200_000
MAX_UNPACKED_BYTES = 4 * 2**30
CHUNK_BYTES = 2**20
# Raised by zipfile for damaged content.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
_DIGITS = 6  # hexadecimal digits of the hashes of path and state of an archive that was not uploaded
# An archive or its unpacked folder, complete or partial.
_OWN_NAME = re.compile(r"\.?(?P<upload>.+-[0-9a-f]{12})(\.zip)?(\.[0-9a-f]{8})?")
_SPECIAL = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
_SPECIAL |= {stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}

Report = Callable[[int, int], object]


def uploads_folder() -> Path:
    """The folder of uploads and unpacked archives. Not created."""
    return home_folder() / "uploads"


def store_upload(file: BinaryIO, name: str) -> Path:
    """Check an uploaded archive and store it under `uploads` atomically.

    Args:
        file: the archive, at any position.
        name: the sender's name of it; only letters, digits, dots, hyphens and underscores are kept.

    Returns:
        The archive's path, which depends on its name and its bytes.

    Raises:
        DatasetError: see `check_zip`.
        StorageError: it cannot be written.
    """
    file.seek(0)
    check_zip(file, name)
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    path = uploads_folder() / f"{_plain(name)}-{digest.hexdigest()[:12]}.zip"
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    file.seek(0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as target:
            shutil.copyfileobj(file, target, CHUNK_BYTES)
        os.replace(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def check_zip(file: str | Path | BinaryIO, name: str | None = None) -> list[zipfile.ZipInfo]:
    """Check an archive by its directory, without unpacking it, and return the members to unpack.

    Args:
        file: the archive.
        name: for messages; by default the path.

    Raises:
        DatasetError: it is not an archive or is damaged; it contains an encrypted file, a link, a path that
            leads outside, two files of one name, too many files or bytes, or no images.
    """
    shown = str(name or file)
    try:
        with open_archive(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DatasetError(
            f"{shown}: expected a zip archive, got a file that is not one or is damaged "
            f"({short_line(error, 100)}); create it again"
        ) from error
    if len(members) > MAX_FILES:
        raise DatasetError(
            f"{shown}: expected at most {MAX_FILES} files, got {len(members)}; import a folder instead"
        )
    for member in members:
        _refuse_harmful(member, shown)
    selected = [member for member in members if is_wanted(member)]
    _refuse_whole(selected, shown)
    return selected


def archive_splits(file: str | Path | BinaryIO) -> dict[str, int]:
    """Number of images in each split of an archive, from its directory; empty if that is insufficient.

    Raises:
        DatasetError: see `check_zip`.
    """
    paths = [member_path(member) for member in check_zip(file)]
    if any(PurePosixPath(path).suffix.lower() == ".json" for path in paths):
        return {}  # possibly COCO JSON, whose splits depend on its content
    layout = layout_of(path for path in paths if PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES)
    return layout.counts if layout else {}


def unpacked_folder(path: Path) -> Path:
    """The folder for unpacking an archive: beside it if it was uploaded, otherwise under `uploads`."""
    if path.parent == uploads_folder():
        return path.with_suffix("")
    state = f"{path.stat().st_size} {path.stat().st_mtime_ns}"
    return uploads_folder() / f"{_plain(path.name)}-{_digest(str(path))}{_digest(state)}"


def archive_name(path: Path) -> str:
    """An archive's name: the file's stem, without the hash that was added to an upload."""
    return path.stem.rpartition("-")[0] if path.parent == uploads_folder() else path.stem


def source_key(source: str) -> str:
    """A key for a dataset's source that is the same for all states of an archive.

    The source of an archive is its unpacked folder, whose name changes with the archive's content.
    """
    below = f"{uploads_folder()}{os.sep}"
    match = _OWN_NAME.fullmatch(source.removeprefix(below).split(os.sep)[0])
    return below + match["upload"][:-_DIGITS] if source.startswith(below) and match else source


def upload_of(entry: Path) -> str | None:
    """The name of the unpacked folder that an entry of `uploads` belongs to; None if not to a dataset."""
    match = _OWN_NAME.fullmatch(entry.name)
    return match["upload"] if match else None


def unpack_zip(path: Path, report: Report = lambda done, total: None) -> Path:
    """Unpack an archive unless it is unpacked already, and remove it if it is an upload.

    Args:
        path: the archive, or the former path of an unpacked upload.
        report: called before each file with the number of files done and of all files.

    Returns:
        The dataset's folder: the archive's only folder, or else its root.

    Raises:
        DatasetError: see `check_zip`; or its content is damaged.
        StorageError: it cannot be written, or the disk is too full.
    """
    folder = unpacked_folder(path)
    if not folder.is_dir():
        _unpack(path, check_zip(path), folder, report)
    if path.parent == uploads_folder():
        path.unlink(missing_ok=True)
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def own_folder(path: Path) -> Path | None:
    """The folder of the unpacked upload that contains a path, if any.

    Args:
        path: absolute, with links resolved.
    """
    parent = uploads_folder().resolve()
    below = path.relative_to(parent).parts if path.is_relative_to(parent) else ()
    return parent / below[0] if below and (parent / below[0]).is_dir() else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _plain(name: str) -> str:
    """A file's stem without characters special to file systems."""
    stem = re.sub(r"[^\w.-]+", "-", PurePosixPath(name.replace("\\", "/")).stem).strip(".-")
    return stem.encode()[:60].decode(errors="ignore") or "upload"


def _refuse_harmful(member: zipfile.ZipInfo, shown: str) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if member.flag_bits & 1:
        fault: str | None = "an encrypted file"
    elif kind in _SPECIAL:
        fault = _SPECIAL[kind]
    else:
        fault = path_fault(member)
    if fault is not None:
        shown_name = short_repr(member.orig_filename)
        raise DatasetError(
            f"{shown}: expected regular files in folders, got {fault}, {shown_name}; create it again"
        )


def _refuse_whole(members: list[zipfile.ZipInfo], shown: str) -> None:
    """Reject repeated names, too many bytes, or no images."""
    names = {member_path(member).casefold() for member in members}
    size = sum(member.file_size for member in members)
    if len(names) < len(members):
        raise DatasetError(f"{shown}: expected each file once, got two with the same name; create it again")
    if size > MAX_UNPACKED_BYTES:
        limit = MAX_UNPACKED_BYTES // 2**30
        raise DatasetError(
            f"{shown}: expected at most {limit} GiB unpacked, got {size / 2**30:.1f} GiB; import a folder"
        )
    if not any(PurePosixPath(name).suffix in IMAGE_SUFFIXES for name in names):
        raise DatasetError(f"{shown}: expected images in the archive, got none; include images and labels")


def _unpack(path: Path, members: list[zipfile.ZipInfo], folder: Path, report: Report) -> None:
    """Unpack into a temporary folder, and rename it at the end."""
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        temporary.mkdir(parents=True)
        _require_room(path, members)
        with open_archive(path) as archive:
            for done, member in enumerate(members):
                report(done, len(members))
                _write(archive, member, temporary.joinpath(*PurePosixPath(member_path(member)).parts), path)
        os.replace(temporary, folder)
    except _DAMAGE as error:
        raise DatasetError(
            f"{path}: expected a whole archive, got a damaged one ({short_line(error, 100)}); create it again"
        ) from error
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _require_room(path: Path, members: list[zipfile.ZipInfo]) -> None:
    needed, free = sum(member.file_size for member in members), shutil.disk_usage(uploads_folder()).free
    if needed > free:
        raise StorageError(
            f"{path}: expected {needed / 2**20:.0f} MiB free to unpack it, got {free / 2**20:.0f}; "
            "free some space"
        )


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, path: Path) -> None:
    """Unpack one file, rejecting it if it is longer than listed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    left = member.file_size
    with archive.open(member) as source, open(target, "xb") as file:
        while chunk := source.read(CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise DatasetError(
                    f"{path}: expected files of the listed sizes, got a larger one; create it again"
                )
            file.write(chunk)


def _unwritable(path: Path, error: OSError) -> StorageError:
    why = why_unwritable(path, error, "check the folder or choose another")
    return StorageError(f"{path}: cannot be written, {why}")
