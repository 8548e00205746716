# SPDX-License-Identifier: AGPL-3.0-only
"""The documents are true of the code: commands, options, modules, links, figures, terms."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from tests import reference

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CURRENT = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]  # which tells of what has been
FOREIGN_OPTIONS = {"--no-deps", "--force-reinstall", "--nproc-per-node"}  # of pip, torchrun
FOREIGN_OPTIONS |= {"--profile", "--build", "--detach"}  # of docker compose
FOREIGN_OPTIONS |= {"--head", "--generate", "--include-dashboard"}  # of ray
COMMANDS = {
    entry.call: entry.command
    for call, program in reference.PROGRAMS.items()
    for entry in reference.entries(call, program)
}
CALL = re.compile(r"python -m ((?:engine|dashboard)(?: [^`\n#|]*)?)(?=[`\n#|])")


def document_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def options_of(command: click.Command) -> set[str]:
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    return {flag for option in options for flag in (*option.opts, *option.secondary_opts) if "--" in flag}


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    return re.split(r"^#", text.partition(f"\n### {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def test_the_reference_is_that_of_the_commands() -> None:
    written = read(reference.PATH)
    assert written == reference.reference(), "run: python -m tests.reference"


@pytest.mark.parametrize("call", COMMANDS)
def test_every_command_and_option_is_in_the_reference(call: str) -> None:
    text = read(reference.PATH)
    own = section(text, call)
    shared = [section(text, title) for title in reference.SHARED if f"[{title}](#" in own]
    shown = "".join([own, *shared])
    assert own
    assert {flag for flag in options_of(COMMANDS[call]) if f"`{flag}`" not in shown} == set()
    assert all(argument.make_metavar(click.Context(COMMANDS[call])) in own for argument in arguments(call))


def arguments(call: str) -> list[click.Argument]:
    return [each for each in COMMANDS[call].params if isinstance(each, click.Argument)]


def test_a_command_that_nobody_documented_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    @click.option("--new", help="Something new.")
    def command(new: str) -> None:
        """Do something new."""

    monkeypatch.setitem(reference.PROGRAMS, "python -m other", command)
    assert "| `--new` | text |  | Something new. |" in reference.reference()
    assert reference.reference() != read(reference.PATH)


@pytest.mark.parametrize(
    ("declared", "row"),
    [
        (click.option("--flag", is_flag=True, help="On."), ("`--flag`", "", "", "On.")),
        (click.option("--a/--b", default=False, help="A or b."), ("`--a`, `--b`", "", "`--b`", "A or b.")),
        (click.option("-n", "--n", default=3.0), ("`-n`, `--n`", "number", "`3`", "")),
        (click.option("--many", multiple=True), ("`--many`", "text, repeatable", "", "")),
        (click.option("--pair", nargs=2, type=int), ("`--pair`", "two whole numbers", "", "")),
        (click.option("--pick", type=click.Choice(["a", "b"])), ("`--pick`", "`a`, `b`", "", "")),
        (click.option("--at", type=click.IntRange(1, 5)), ("`--at`", "1 to 5", "", "")),
        (click.option("--day", type=click.DateTime(["%Y-%m-%d"])), ("`--day`", "`YYYY-MM-DD`", "", "")),
        (click.option("--own", help="One. [default: the first]"), ("`--own`", "text", "the first", "One.")),
        (click.option("--need", required=True, help="It."), ("`--need`", "text", "", "It. Required.")),
        (click.option("--none", hidden=True), None),
    ],
)
def test_an_option_is_a_row_of_the_reference(declared: object, row: tuple[str, ...] | None) -> None:
    command = click.command()(declared(lambda: None))  # type: ignore[operator]
    assert reference.rows(command) == ([] if row is None else [reference.Row(*row)])


def test_every_environment_variable_is_in_the_reference() -> None:
    code = "".join(read(path) for folder in ("engine", "dashboard") for path in (ROOT / folder).rglob("*.py"))
    variables = set(re.findall(r"PATCHBENCH_[A-Z_]*[A-Z]", code))
    assert variables
    assert {name for name in variables if f"| `{name}` |" not in read(reference.PATH)} == set()


@pytest.mark.parametrize("document", CURRENT, ids=document_name)
def test_every_call_in_a_document_is_possible(document: Path) -> None:
    for called in CALL.findall(read(document)):
        words = f"python -m {called}".split()
        call = next((name for n in (6, 5, 4, 3) if (name := " ".join(words[:n])) in COMMANDS), None)
        assert call, called
        given = {word for word in words if word.startswith("--")}
        assert given - options_of(COMMANDS[call]) - {"--help"} == set(), called


@pytest.mark.parametrize("document", CURRENT, ids=document_name)
def test_every_option_in_a_document_exists(document: Path) -> None:
    """Of PatchBench's commands; those of modules that developers run are not asked for."""
    lines = [line for line in read(document).splitlines() if not re.search(r"-m (tests|engine)\.", line)]
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", "\n".join(lines)))
    known = set().union(*map(options_of, COMMANDS.values())) | {"--help"}
    assert named - known - FOREIGN_OPTIONS == set()


@pytest.mark.parametrize("document", CURRENT, ids=document_name)
def test_every_module_and_file_in_a_document_exists(document: Path) -> None:
    text = read(document)
    modules = re.findall(r"-m\s((?:engine|dashboard|tests)[\w.]*)", text)
    paths = [ROOT / module.rstrip(".").replace(".", "/") for module in modules]
    assert [
        path for path in paths if not (path / "__main__.py").exists() and not path.with_suffix(".py").exists()
    ] == []
    files = re.findall(r"`((?:engine|dashboard|tests)/[\w/.]+)`", text)
    assert [name for name in files if "NAME" not in name and not (ROOT / name).exists()] == []


def test_make_targets_are_documented() -> None:
    targets = set(re.search(r"^\.PHONY: (.+)$", read(ROOT / "Makefile"), re.MULTILINE)[1].split())
    texts = read(ROOT / "docs" / "development.md"), README
    named = [set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)) for text in texts]
    assert named[0] == targets
    assert named[1] == {"demo", "test"}


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert re.search(r"^make test\b.*whole test suite", README, re.MULTILINE)
    assert "make test" in read(ROOT / ".ci" / "run").splitlines()


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_name)
def test_links_lead_somewhere(document: Path) -> None:
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", read(document)):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if "://" not in link and not (target.exists() and (not anchor or anchor in anchors(target))):
            lost.append(link)
    assert lost == []


def anchors(document: Path) -> set[str]:
    return {reference.slug(heading) for heading in re.findall(r"^#+ (.+)$", read(document), re.MULTILINE)}


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [("", ""), ("On photographs", "on-photographs"), ("python -m engine", "python--m-engine")],
)
def test_anchors_are_as_github_makes_them(heading: str, anchor: str) -> None:
    assert reference.slug(heading) == anchor


def test_every_document_is_linked_from_the_readme() -> None:
    documents = [f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")]
    assert [name for name in documents if f"({name})" not in README] == []


def test_the_readme_is_short_and_says_what_it_is_for() -> None:
    assert len(README.splitlines()) <= 150
    assert "Evaluating and hardening detectors that you run" in README
    assert "Patches live on images, in software" in README
    assert "[AGPL-3.0-only](LICENSE)" in README


def test_the_figures_of_the_readme_are_those_that_were_published() -> None:
    table = README.partition("## Measured")[2].partition("[docs/benchmarks]")[0].partition("|---|---|")[2]
    figures = set(re.findall(r"\d+\.\d+|\b\d{3,}\b", table))
    published = set(re.findall(r"\d+\.\d+|\d+", read(ROOT / "docs" / "benchmarks" / "README.md")))
    assert len(figures) > 10
    assert figures - published == set()


def test_the_glossary_defines_each_term_once_in_order() -> None:
    lines = [line for line in read(ROOT / "docs" / "glossary.md").splitlines()[1:] if line]
    terms = [re.match(r"- \*\*([\w-]+(?: \w+)*)\*\*", line)[1].lower() for line in lines]
    assert terms == sorted(set(terms))
    assert all(line.endswith(".") and line.count(". ") == 0 for line in lines)


def test_every_package_has_its_place_in_the_architecture() -> None:
    plan = read(ROOT / "docs" / "architecture.md")
    packages = [path.parent.name for path in (ROOT / "engine").glob("*/__init__.py")]
    assert [name for name in packages if f"  {name}/" not in plan] == []
    assert [path.name for path in (ROOT / "engine").glob("[a-z]*.py") if f"  {path.name}" not in plan] == []


def test_the_readme_names_the_oldest_python() -> None:
    oldest = re.search(r'requires-python = ">=([\d.]+)"', read(ROOT / "pyproject.toml"))[1]
    assert f"Python {oldest} or newer" in README
