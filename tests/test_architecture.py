# SPDX-License-Identifier: AGPL-3.0-only
"""The borders of docs/architecture.md, held by reading every module's imports."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "engine").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LONGEST = 400


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


EVERYWHERE = {
    "choices",
    "classes",
    "config",
    "csv_text",
    "disk",
    "errors",
    "excerpts",
    "json_text",
    "measurements",
    "outpost",
    "private",
    "records",
    "registries",
    "registry",
    "settings",
    "terminal",
}
# Package or module of the engine → what else of the engine it may import.
MAY_IMPORT = {
    "__main__": {"cli"},
    "boxes": set(),
    "choices": set(),
    "classes": set(),
    "config": {"defences"},
    "errors": set(),
    "csv_text": set(),
    "disk": set(),
    "excerpts": set(),
    "json_text": set(),
    "measurements": set(),
    "outpost": set(),
    "records": set(),
    "hardware": set(),
    "private": set(),
    "registries": set(),
    "registry": set(),
    "ranks": set(),
    "seeding": set(),
    "settings": set(),
    "store": {"defences"},
    "sweeps": set(),
    "terminal": set(),
    "datasets": {"boxes", "seeding"},
    "detectors": {"boxes", "seeding", "hardware"},
    "defences": {"detectors"},
    "patch": {"boxes", "datasets", "detectors", "hardware", "ranks", "seeding"},
    "evaluation": {"boxes", "datasets", "detectors", "patch", "seeding"},
    "baselines": {"boxes", "datasets", "defences", "detectors", "patch", "seeding"},
    "benchmark": {
        "baselines",
        "boxes",
        "defences",
        "datasets",
        "detectors",
        "evaluation",
        "hardware",
        "patch",
        "seeding",
    },
    "runs": {
        *("baselines", "boxes", "datasets", "defences", "detectors", "evaluation", "hardware", "patch"),
        *("ranks", "seeding", "store"),
    },
    "jobs": {
        *("benchmark", "datasets", "defences", "evaluation", "hardware", "patch", "runs", "seeding"),
        *("store", "sweeps"),
    },
    "cluster": {"hardware", "jobs", "runs", "store"},
    "previews": {
        *("boxes", "datasets", "defences", "detectors", "evaluation", "jobs", "patch", "runs"),
        "store",
    },
    "cli": {
        *("benchmark", "cluster", "datasets", "defences", "detectors", "evaluation", "hardware", "jobs"),
        *("patch", "previews", "ranks", "runs", "store", "sweeps"),
    },
}
# Single modules that look the other way, each for a reason.
EXCEPTIONS = {
    ("engine.datasets.loader", "engine.detectors.base"): "batches carry the detectors' Targets",
    ("engine.datasets.sources", "engine.detectors.ultralytics_download"): "only when a download is named",
    ("engine.detectors.torchvision_training", "engine.datasets.loader"): "trainings load images as runs do",
    ("engine.detectors.torchvision_training", "engine.datasets.views"): "likewise",
    ("engine.detectors.ultralytics_records", "engine.datasets.images"): "trainings read images as runs do",
    ("engine.defences.art", "engine.baselines.art_preprocessors"): "only once one of ART's is used",
    ("engine.registries", "engine.defences.kinds"): "only the type of what it holds",
    ("engine.registries", "engine.detectors.families"): "only the type of what it holds",
    ("engine.registries", "engine.patch.losses.terms"): "only the type of what it holds",
    ("engine.registries", "engine.patch.optimizers"): "only the type of what it holds",
    ("engine.registries", "engine.patch.schedules"): "only the type of what it holds",
    ("engine.jobs.benchmark_detectors", "engine.detectors.demo_weights"): "which ones are embedded",
}
LIBRARIES = {
    "ultralytics": "engine/detectors/ultralytics*.py",
    "torchvision": "engine/detectors/torchvision*.py",
    "transformers": "engine/detectors/transformers*.py",
    "huggingface_hub": "engine/detectors/transformers.py",
    "art": "engine/baselines/art*.py",
    "matplotlib": "engine/benchmark/charts.py",
    "pynvml": "engine/hardware.py",
    "scipy": "engine/benchmark/changes.py",
    "sqlite_utils": "engine/store/migrations.py",
    "ray": "engine/cluster/ray_cluster.py",
    "optuna": "engine/sweeps/proposals.py",
    "pycocotools": "engine/evaluation/average_precision.py",
}
# Ultralytics' NMS uses torchvision's where it is already imported.
LOADS_TORCHVISION = "engine/detectors/ultralytics_quiet.py"
FAMILIES = tuple(f"engine.detectors.{name}" for name in ("torchvision", "transformers", "ultralytics"))
KNOW_FAMILIES = ("engine/detectors/", "engine/baselines/art.py", "engine/datasets/sources.py")
HEAVY = {"torch", "ultralytics", "transformers", "art", "scipy", "matplotlib"}
NEVER = {"streamlit", "plotly", "pandas", "dashboard"}
TORCH_FREE = [
    "engine",
    "engine.boxes",
    "engine.choices",
    "engine.classes",
    "engine.config",
    "engine.errors",
    "engine.csv_text",
    "engine.disk",
    "engine.excerpts",
    "engine.hardware",
    "engine.json_text",
    "engine.cluster.worker",
    "engine.measurements",
    "engine.outpost",
    "engine.private",
    "engine.ranks",
    "engine.records",
    "engine.registries",
    "engine.registry",
    "engine.settings",
    "engine.terminal",
    "engine.evaluation.bootstrap",
    "engine.evaluation.config",
    "engine.baselines.config",
    *(
        f"engine.datasets.{name}"
        for name in (
            "annotations",
            "archives",
            "class_files",
            "coco",
            "coco_files",
            "coco_images",
            "coco_values",
            "datafile",
            "files",
            "folders",
            "found",
            "histogram",
            "images",
            "label_forms",
            "label_lines",
            "layouts",
            "lists",
            "names",
            "pairing",
            "sampling",
            "sources",
            "splits",
            "uploads",
        )
    ),
    "engine.datasets.yolo",
    "engine.datasets.demo",
    "engine.defences",
    "engine.defences.chains",
    "engine.defences.kinds",
    "engine.detectors.class_lists",
    "engine.detectors.families",
    "engine.detectors.torchvision_names",
    "engine.detectors.weight_classes",
    "engine.detectors.weight_facts",
    "engine.detectors.weight_sequence",
    "engine.jobs.estimates",
    "engine.jobs.housekeeping",
    "engine.jobs.kinds",
    "engine.jobs.known_attacks",
    "engine.jobs.matrix_columns",
    "engine.jobs.matrix_tables",
    *(f"engine.runs.{name}" for name in ("film", "imports", "outcomes", "selection")),
    "engine.runs.paths",
    "engine.runs.run_folder",
    *(f"engine.benchmark.{name}" for name in ("changes", "rows", "report", "suite", "verdicts", "wording")),
    *(name_of(path) for path in MODULES if path.parent.name == "suites"),
    "engine.jobs.benchmark_detectors",
    "engine.jobs.benchmark_history",
    "engine.jobs.benchmark_reports",
    "engine.jobs.patch_records",
    "engine.previews.previewer",
    "engine.previews.requests",
    "engine.patch.arrays",
    "engine.patch.losses",
    "engine.patch.optimizers",
    "engine.patch.schedules",
    "engine.store.repository",
    "engine.store.schema",
    "engine.sweeps.config",
    "engine.sweeps.proposals",
    "engine.sweeps.space",
    "engine.jobs.sweeps",
    "engine.jobs.queue",
    "engine.cli",
]
# Modules whose test lies elsewhere, and where.
TESTED_ELSEWHERE = {
    "engine/errors.py": "tests/engine/cli/test_patches_bad_input.py",  # names without behaviour
    "engine/store/migrations.py": "tests/engine/store/test_schema.py",
    "engine/store/sql.py": "tests/engine/store/test_schema.py",
    "engine/detectors/checkpoint_model.py": "tests/engine/detectors/test_checkpoints.py",
    "engine/detectors/weight_archive.py": "tests/engine/detectors/test_checkpoint_bombs.py",
    "engine/detectors/checkpoint_rules.py": "tests/engine/detectors/test_hostile_checkpoints.py",
    "engine/detectors/transformers_fusing.py": "tests/engine/detectors/test_transformers_adapter.py",
    "engine/detectors/transformers_model.py": "tests/engine/detectors/test_transformers.py",
    "engine/detectors/transformers_quiet.py": "tests/engine/detectors/test_transformers.py",
    "engine/detectors/ultralytics_frozen.py": "tests/engine/detectors/test_ultralytics_adapter.py",
    "engine/detectors/ultralytics_model.py": "tests/engine/detectors/test_ultralytics_adapter.py",
}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


def description(path: Path) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(parsed(path)) or "").partition("\n")[0]


@functools.cache
def imports(path: Path) -> tuple[str, ...]:
    """Full names of all that a module imports, wherever in it."""
    found: list[str] = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}: expected absolute imports"
            found += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(found)


def imported_modules(path: Path) -> set[str]:
    """The engine's modules among them."""
    known = {name_of(module) for module in MODULES}
    found = set()
    for name in imports(path):
        while name.startswith("engine.") and name not in known:
            name = name.rpartition(".")[0]
        found |= {name} & known
    return found


# A rule names all that break it in one test: a test for each file would take longer than the rule.
def test_imports_point_one_way() -> None:
    wrong = []
    for path in MODULES:
        own = name_of(path)
        part = "".join(own.split(".")[1:2])
        assert part in MAY_IMPORT or own == "engine", own
        allowed = {part} | EVERYWHERE | MAY_IMPORT.get(part, set())
        wrong += [
            (own, name)
            for name in imported_modules(path) - {"engine"}
            if name.split(".")[1] not in allowed and (own, name) not in EXCEPTIONS
        ]
    assert wrong == []


def test_what_may_be_imported_has_no_circle() -> None:
    TopologicalSorter(MAY_IMPORT).prepare()  # raises CycleError


@pytest.mark.parametrize("pair", EXCEPTIONS, ids="→".join)
def test_exceptions_are_needed(pair: tuple[str, str]) -> None:
    importer, imported = pair
    assert imported in imported_modules(ROOT / f"{importer.replace('.', '/')}.py")


@pytest.mark.parametrize(("library", "place"), LIBRARIES.items())
def test_a_library_is_known_in_one_place(library: str, place: str) -> None:
    users = {path for path in MODULES if any(name.split(".")[0] == library for name in imports(path))}
    assert users
    others = [relative(path) for path in users if not path.relative_to(ROOT).match(place)]
    assert others == ([LOADS_TORCHVISION] if library == "torchvision" else [])


def test_families_of_detectors_are_known_to_their_registry_alone() -> None:
    sources = [*MODULES, *(ROOT / "dashboard").rglob("*.py")]
    users = {relative(path) for path in sources if any(name.startswith(FAMILIES) for name in imports(path))}
    assert [path for path in users if not path.startswith(KNOW_FAMILIES)] == []


def test_what_messages_show_of_values_is_cut_by_excerpts() -> None:
    """`f"{value!r:.80}"` and `str(value)[:80]` write the whole text first, however nested the value is."""
    sources = [*MODULES, *(ROOT / "dashboard").rglob("*.py")]
    cut = re.compile(r"![rs]:\.\d|\b(str|repr)\([^()]*\)\[:")
    users = [relative(path) for path in sources if cut.search(text_of(path))]
    assert users == ["engine/excerpts.py"]


def test_json_is_written_in_one_place() -> None:
    sources = [*MODULES, *(ROOT / "dashboard").rglob("*.py")]
    writers = {relative(path) for path in sources if re.search(r"\bjson\.dumps?\(", text_of(path))}
    assert writers == {"engine/json_text.py"}


def test_csv_is_written_in_one_place() -> None:
    sources = [*MODULES, *(ROOT / "dashboard").rglob("*.py")]
    writer = re.compile(r"\bcsv\.(writer|DictWriter)\(|\.to_csv\((?!runs\))")
    writers = {relative(path) for path in sources if writer.search(text_of(path))}
    assert writers == {"engine/csv_text.py"}


def test_the_engine_knows_nothing_of_the_dashboard() -> None:
    wrong = {relative(path) for path in MODULES for name in imports(path) if name.split(".")[0] in NEVER}
    assert not wrong


@pytest.fixture(scope="module")
def loaded_after() -> dict[str, set[str]]:
    """Module → the heavy libraries that are loaded once it is imported, in a process of its own."""
    program = "\n".join(
        [
            "import importlib, sys",
            f"for name in {TORCH_FREE!r}:",
            "    importlib.import_module(name)",
            f"    heavy = {HEAVY!r} & set(sys.modules)",
            "    print(name, *heavy)",
        ]
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split() for line in ran.stdout.splitlines()]
    return {name: set(heavy) for name, *heavy in lines}


def test_importing_it_loads_no_torch(loaded_after: dict[str, set[str]]) -> None:
    assert list(loaded_after) == list(dict.fromkeys(TORCH_FREE))
    assert [(name, heavy) for name, heavy in loaded_after.items() if heavy] == []


def test_every_file_names_its_licence() -> None:
    licence = "# SPDX-License-Identifier: AGPL-3.0-only\n"
    files = [path for path in MODULES + TESTS if path.stat().st_size]
    assert [relative(path) for path in files if not text_of(path).startswith(licence)] == []


def test_every_module_can_be_described_in_a_line() -> None:
    assert [relative(path) for path in MODULES if not description(path).endswith(".")] == []


def test_modules_are_short() -> None:
    growing = "migrations.py"  # the schema is only ever appended to
    long = [path for path in MODULES if len(text_of(path).splitlines()) >= LONGEST]
    assert [relative(path) for path in long if path.name != growing] == []


def test_every_module_has_a_test_that_mirrors_it() -> None:
    without, needless = [], []
    for path in MODULES:
        if path.name in ("__init__.py", "__main__.py"):
            continue
        inside = path.relative_to(ROOT)
        mirrored = (ROOT / "tests" / inside.parent / f"test_{inside.name}").exists()
        elsewhere = TESTED_ELSEWHERE.get(relative(path))
        if not mirrored and not (elsewhere and (ROOT / elsewhere).exists()):
            without.append(relative(path))
        if mirrored and elsewhere:
            needless.append(relative(path))
    assert (without, needless) == ([], [])
