# SPDX-License-Identifier: AGPL-3.0-only
"""Paths that pages take: below the allowed folders, links followed."""

from pathlib import Path

import pytest

from dashboard.services.paths import allowed_roots, file_within_roots, held_roots, within_roots
from engine.config import home_folder
from engine.errors import SettingsError


@pytest.fixture
def root(tmp_path, monkeypatch):
    folder = tmp_path / "allowed"
    folder.mkdir()
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(folder))
    return folder


def test_by_default_home_working_folder_and_our_own_are_allowed(monkeypatch):
    monkeypatch.delenv("PATCHBENCH_ROOTS", raising=False)
    assert allowed_roots() == list(dict.fromkeys([Path.home().resolve(), Path.cwd(), home_folder()]))


def test_what_lies_below_is_found(root):
    (root / "a.yaml").write_text("names: [person]")
    assert within_roots(f" {root}/../allowed/a.yaml ") == root / "a.yaml"
    assert within_roots(str(root)) == root


@pytest.mark.parametrize("written", ["", "  ", "/etc/passwd", "../..", "{root}/../secret", "{root}-other"])
def test_what_lies_elsewhere_is_refused(root, written):
    with pytest.raises(SettingsError, match="add its folder to PATCHBENCH_ROOTS"):
        within_roots(written.format(root=root))


def test_a_link_that_leads_elsewhere_is_refused(root, tmp_path):
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(SettingsError, match="expected a path below"):
        within_roots(f"{root}/link")


def test_what_is_not_there_is_named(root):
    with pytest.raises(SettingsError, match=f"found nothing at {root}/none; correct the path"):
        within_roots(f"{root}/none")


@pytest.mark.parametrize("below", ["", "images/a.jpg"])
def test_what_an_upload_names_is_held_to_its_own_folder(root, below):
    own = home_folder() / "uploads" / "mine-0123456789ab"
    (own / "images").mkdir(parents=True)
    assert held_roots((own / below).resolve()) == [own.resolve()]


@pytest.mark.parametrize("source", ["allowed", "uploads"])
def test_what_other_sources_name_is_held_to_the_allowed_folders(root, source):
    path = {"allowed": root, "uploads": home_folder() / "uploads"}[source]
    assert held_roots(path) == allowed_roots()


def test_a_folder_is_no_file(root):
    (root / "a.npy").touch()
    assert file_within_roots(f"{root}/a.npy", "patch") == root / "a.npy"
    with pytest.raises(SettingsError, match="patch: expected a file, got"):
        file_within_roots(str(root), "patch")


def test_what_is_no_path_is_refused(root):
    with pytest.raises(SettingsError, match="path: expected a path on this machine"):
        within_roots("a\0b")
