# SPDX-License-Identifier: AGPL-3.0-only
"""Zip archives written by various tools: encoding, separators and selection of file names. No torch."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from unicodedata import normalize

from engine.datasets.class_files import CLASS_FILE_SUFFIXES
from engine.datasets.files import is_clutter
from engine.datasets.images import IMAGE_SUFFIXES

MAX_DEPTH = 16
# The files that datasets consist of; others are not unpacked.
UNPACKED_SUFFIXES = IMAGE_SUFFIXES | CLASS_FILE_SUFFIXES | {".json", ".txt", ".yaml", ".yml"}
_UTF_8_FLAG = 0x800
_DRIVE = re.compile(r"[A-Za-z]:")


def open_archive(file: str | Path | BinaryIO) -> zipfile.ZipFile:
    """Open an archive, decoding its names as UTF-8 or cp949 (Korean Windows) if all of them are valid in it.

    By the format's rules, names without a UTF-8 flag are cp437, but macOS and Windows write other encodings.

    Raises:
        zipfile.BadZipFile, OSError, ValueError, NotImplementedError: it is not an archive, or is damaged.
    """
    archive = zipfile.ZipFile(file)
    names = [each.orig_filename for each in archive.infolist() if not each.flag_bits & _UTF_8_FLAG]
    encoding = _encoding(b"\n".join(name.encode("cp437") for name in names))
    if encoding is None:
        return archive
    archive.close()
    return zipfile.ZipFile(file, metadata_encoding=encoding)


def member_path(member: zipfile.ZipInfo) -> str:
    """A file's path inside the archive, with slashes and composed characters (NFC).

    Some tools on Windows write backslashes; macOS writes decomposed accents and Hangul.
    """
    return normalize("NFC", member.orig_filename.replace("\\", "/"))


def is_wanted(member: zipfile.ZipInfo) -> bool:
    """Whether a member is an image, label or description, and not a folder, hidden or a tool's own file."""
    path = PurePosixPath(member_path(member))
    folder = member_path(member).endswith("/")
    return not folder and path.suffix.lower() in UNPACKED_SUFFIXES and not any(map(is_clutter, path.parts))


def path_fault(member: zipfile.ZipInfo) -> str | None:
    """A few words on the fault of a file's path; None if it is safe."""
    path = member_path(member)
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or _DRIVE.match(path):
        return "a path that leads outside"
    if any(character < " " for character in path):
        return "a path with a control character"
    if len(parts) > MAX_DEPTH or any(len(part.encode(errors="replace")) > 255 for part in parts):
        return "a path too deep or too long"
    return None


def _encoding(names: bytes) -> str | None:
    """The encoding of names without a flag; None for the format's default."""
    if names.isascii():
        return None
    for encoding, is_likely in (("utf-8", bool), ("cp949", _is_korean)):
        try:
            decoded = names.decode(encoding)
        except UnicodeDecodeError:
            continue
        if is_likely(decoded):
            return encoding
    return None


def _is_korean(text: str) -> bool:
    """Whether most characters are common syllables; European names in cp437 look like rare ones in cp949."""
    foreign = "".join(character for character in text if not character.isascii())
    return 2 * len(foreign.encode("euc_kr", "ignore").decode("euc_kr")) >= len(foreign)
