# SPDX-License-Identifier: AGPL-3.0-only
"""The documents say what there is: every command, every option, every make target, every file linked."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from dashboard.__main__ import main as dashboard
from engine.cli import cli

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Options that explain themselves beside those that the README groups.
UNGROUPED = {"--help", "--json", "--no-flip", "--no-evaluate"}


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    found: dict[tuple[str, ...], click.Command] = {}
    for name, command in group.commands.items():
        inner = (*path, name)
        found |= leaves(command, inner) if isinstance(command, click.Group) else {inner: command}
    return found


LEAVES = leaves(cli)


def options_of(command: click.Command) -> set[str]:
    return {
        flag for option in command.params for flag in (*option.opts, *option.secondary_opts) if "--" in flag
    }


def calls() -> list[str]:
    """Whatever follows `python -m engine` in the README."""
    return [call.strip() for call in re.findall(r"python -m engine ([^`\n#|]+)", README)]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_is_in_the_readme(path: tuple[str, ...]) -> None:
    assert f"| `python -m engine {' '.join(path)}" in README


@pytest.mark.parametrize("call", calls())
def test_every_call_in_the_readme_is_possible(call: str) -> None:
    words = tuple(call.split())
    command = next((LEAVES[words[:length]] for length in (1, 2, 3) if words[:length] in LEAVES), None)
    assert command is not None
    assert {word for word in words if word.startswith("--")} <= options_of(command) | {"--help"}


def test_every_option_named_in_the_readme_exists() -> None:
    ours = README.partition("## Commands")[2].partition("## Development")[0]
    named = set(re.findall(r"--[a-z][a-z-]*", ours))
    pip = {"--no-deps", "--force-reinstall"}
    commands = [*LEAVES.values(), dashboard, *dashboard.commands.values()]
    known = set().union(*map(options_of, commands)) | {"--help"}
    assert named - known - pip == set()


def test_every_option_of_generate_has_its_group() -> None:
    groups = README.partition("What `patch generate` can be told")[2].partition("## The result's folder")[0]
    options = options_of(LEAVES["patch", "generate"]) - UNGROUPED
    elsewhere = {"--dataset", "--weights", "--class", "--trust-weights", "--backend", "--evaluate"}
    schedule = {option for option in options if option.startswith("--schedule-")}
    missing = {option for option in options - elsewhere - schedule if f"`{option}" not in groups}
    assert missing == set()
    assert all(option in README for option in elsewhere - {"--evaluate"})


def test_every_make_target_is_in_the_readme_and_the_other_way_round() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split())
    assert set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)) == targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


def test_every_package_has_its_place_in_the_architecture() -> None:
    plan = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = [path.parent.name for path in (ROOT / "engine").glob("*/__init__.py")]
    assert [name for name in packages if f"  {name}/" not in plan] == []
    assert [path.name for path in (ROOT / "engine").glob("[a-z]*.py") if f"  {path.name}" not in plan] == []


def test_the_readme_names_the_oldest_python() -> None:
    oldest = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())[1]
    assert f"Python {oldest} or newer" in README
