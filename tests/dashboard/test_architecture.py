# SPDX-License-Identifier: AGPL-3.0-only
"""The dashboard's borders: pages over components and services, services over the engine; mirrors; lengths."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.test_architecture import LONGEST, ROOT, description, imports, parsed, relative, text_of

MODULES = sorted((ROOT / "dashboard").rglob("*.py"))
# What the whole dashboard may use of the engine, and what its services may besides.
ENGINE = (
    *("engine.records", "engine.measurements", "engine.config", "engine.errors", "engine.hardware"),
    *("engine.classes", "engine.excerpts", "engine.json_text", "engine.registries", "engine.settings"),
    *("engine.choices", "engine.__version__"),
)
STORED = (
    "engine.store.datasets.DatasetSummary",
    "engine.store.nodes.ClusterNode",
    "engine.store.previews.Preview",
    "engine.store.workers.Worker",
)  # records that lie there
SERVICES = (
    *ENGINE,
    *("engine.jobs", "engine.previews", "engine.store", "engine.benchmark", "engine.datasets"),
    *("engine.defences", "engine.evaluation.bootstrap", "engine.evaluation.config", "engine.patch.arrays"),
    *("engine.runs.film", "engine.runs.outcomes", "engine.runs.paths", "engine.runs.selection"),
    *("engine.csv_text", "engine.disk", "engine.sweeps"),
    *("engine.detectors.demo_weights", "engine.detectors.families"),
    *("engine.detectors.weight_classes", "engine.detectors.weight_files"),
)
LOW = {"charts", "formats", "i18n", "page_state", "services", "catalogue"}  # none of them knows pages
EXCEPTIONS = {
    ("dashboard/__main__.py", f"engine.{name}") for name in ("disk", "jobs", "private", "store", "terminal")
}


def part_of(path: Path) -> str:
    return path.relative_to(ROOT / "dashboard").with_suffix("").parts[0]


# A rule names all that break it in one test: a test for each file would take longer than the rule.
def test_only_services_reach_into_the_engine() -> None:
    wrong = [
        (relative(path), name)
        for path in MODULES
        for name in imports(path)
        if name.startswith("engine.")
        and not name.startswith(SERVICES if part_of(path) == "services" else (*ENGINE, *STORED))
        and (relative(path), ".".join(name.split(".")[:2])) not in EXCEPTIONS
    ]
    assert wrong == []


def test_imports_point_one_way() -> None:
    for path in MODULES:
        part = part_of(path)
        used = {name.split(".")[1] for name in imports(path) if name.startswith("dashboard.")}
        if part in LOW:
            assert not used & {"app_pages", "parts", "components", "navigation", "sidebar", "app"}, path
        if part == "components":
            assert not used & {"app_pages", "parts"}, path
        if part == "charts":
            shown = ("streamlit", "dashboard.services")
            assert not any(name.startswith(shown) for name in imports(path)), path
        assert "app_pages" not in used or part == "app_pages", path


def test_pages_draw_texts_as_they_are() -> None:
    """Streamlit itself would draw a name as Markdown; these of its functions `drawing` does not know."""
    allowed = {
        "drawing.py": ("streamlit",),
        "downloads.py": ("streamlit.runtime",),
        "__main__.py": ("streamlit.App", "streamlit.logger"),
    }
    unknown = {"dialog", "latex", "menu_button", "write", "write_stream"}
    for path in MODULES:
        used = {name for name in imports(path) if name.partition(".")[0] == "streamlit"}
        assert all(name.startswith(allowed.get(path.name, ("-",))) for name in used), path
        names = {node.attr for node in ast.walk(parsed(path)) if isinstance(node, ast.Attribute)}
        assert path.name == "__main__.py" or not names & unknown, path
        assert "unsafe_allow" not in text_of(path), path


def test_modules_are_short_licensed_and_described() -> None:
    for path in MODULES:
        text = text_of(path)
        assert text.startswith("# SPDX-License-Identifier: AGPL-3.0-only\n"), path
        assert description(path).endswith("."), path
        assert len(text.splitlines()) < LONGEST, path


def test_every_module_has_a_test_that_mirrors_it() -> None:
    for path in MODULES:
        inside = path.relative_to(ROOT)
        mirrored = ROOT / "tests" / inside.parent / f"test_{path.stem.strip('_')}.py"
        assert path.name == "__init__.py" or mirrored.exists(), path
