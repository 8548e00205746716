# SPDX-License-Identifier: AGPL-3.0-only
"""The dashboard's borders: pages over components and services, services over the engine; mirrors; lengths."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.test_architecture import LONGEST, ROOT, imports, relative

MODULES = sorted((ROOT / "dashboard").rglob("*.py"))
# What the whole dashboard may use of the engine, and what its services may besides.
ENGINE = (
    *("engine.records", "engine.measurements", "engine.config", "engine.errors", "engine.hardware"),
    *("engine.classes", "engine.excerpts", "engine.json_text", "engine.registries", "engine.settings"),
    *("engine.choices", "engine.__version__"),
)
STORED = (
    "engine.store.datasets.DatasetSummary",
    "engine.store.previews.Preview",
    "engine.store.workers.Worker",
)  # records that lie there
SERVICES = (
    *ENGINE,
    *("engine.jobs", "engine.previews", "engine.store", "engine.benchmark", "engine.datasets"),
    *("engine.defences.kinds", "engine.evaluation.config", "engine.patch.arrays"),
    *("engine.csv_text", "engine.disk"),
    *("engine.detectors.demo_weights", "engine.detectors.families"),
    *("engine.detectors.weight_classes", "engine.detectors.weight_files"),
)
LOW = {"charts", "formats", "i18n", "page_state", "services", "catalogue"}  # none of them knows pages
EXCEPTIONS = {
    ("dashboard/__main__.py", f"engine.{name}") for name in ("disk", "jobs", "private", "store", "terminal")
}


def part_of(path: Path) -> str:
    return path.relative_to(ROOT / "dashboard").with_suffix("").parts[0]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_only_services_reach_into_the_engine(path: Path) -> None:
    allowed = SERVICES if part_of(path) == "services" else (*ENGINE, *STORED)
    wrong = [
        name
        for name in imports(path)
        if name.startswith("engine.")
        and not name.startswith(allowed)
        and (relative(path), ".".join(name.split(".")[:2])) not in EXCEPTIONS
    ]
    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_point_one_way(path: Path) -> None:
    part = part_of(path)
    used = {name.split(".")[1] for name in imports(path) if name.startswith("dashboard.")}
    if part in LOW:
        assert not used & {"app_pages", "parts", "components", "navigation", "sidebar", "app"}
    if part == "components":
        assert not used & {"app_pages", "parts"}
    if part == "charts":
        assert not any(name.startswith(("streamlit", "dashboard.services")) for name in imports(path))
    assert "app_pages" not in used or part == "app_pages"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_pages_draw_texts_as_they_are(path: Path) -> None:
    """Streamlit itself would draw a name as Markdown; these of its functions `drawing` does not know."""
    used = {name for name in imports(path) if name.partition(".")[0] == "streamlit"}
    allowed = {
        "drawing.py": ("streamlit",),
        "downloads.py": ("streamlit.runtime",),
        "__main__.py": ("streamlit.App", "streamlit.logger"),
    }
    assert all(name.startswith(allowed.get(path.name, ("-",))) for name in used)
    text = path.read_text(encoding="utf-8")
    names = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
    assert path.name == "__main__.py" or not names & {
        "dialog",
        "latex",
        "menu_button",
        "write",
        "write_stream",
    }
    assert "unsafe_allow" not in text


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_modules_are_short_licensed_and_described(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    described = ast.get_docstring(ast.parse(text))
    assert text.startswith("# SPDX-License-Identifier: AGPL-3.0-only\n")
    assert described
    assert described.splitlines()[0].endswith(".")
    assert len(text.splitlines()) < LONGEST


@pytest.mark.parametrize("path", [each for each in MODULES if each.name != "__init__.py"], ids=relative)
def test_every_module_has_a_test_that_mirrors_it(path: Path) -> None:
    inside = path.relative_to(ROOT)
    assert (ROOT / "tests" / inside.parent / f"test_{path.stem.strip('_')}.py").exists()
