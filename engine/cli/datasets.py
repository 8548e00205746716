# SPDX-License-Identifier: AGPL-3.0-only
"""`dataset import`, `dataset list`, `dataset show`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from engine.classes import dataset_class_ids, words
from engine.cli.output import json_option, print_json, print_table
from engine.datasets.annotations import repair_words
from engine.datasets.histogram import count_histogram
from engine.datasets.splits import SPLIT_CHOICES
from engine.records import Dataset
from engine.store.repository import Repository

SHOWN_REPAIRS = 20


def import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for reading and naming a dataset."""
    for option in (
        click.option("--images", type=click.Path(path_type=Path), help="COCO JSON only: the image folder."),
        click.option(
            "--split",
            type=click.Choice(SPLIT_CHOICES),
            default="train",
            show_default=True,
            help="The split to import, or all splits.",
        ),
        click.option("--name", help="Name of the dataset. By default, derived from the source."),
    ):
        command = option(command)
    return command


@click.group("dataset")
def dataset_group() -> None:
    """Import and inspect datasets."""


@dataset_group.command("import")
@click.argument("source")
@import_options
@json_option
def import_command(source: str, name: str | None, split: str, images: Path | None, as_json: bool) -> None:
    """Read, repair and store SOURCE: a data file (.yaml), a YOLO folder, COCO JSON or its folder, a zip of
    one of these, `demo`, or a name that Ultralytics can download. Importing again updates the dataset. Image
    files are not moved.
    """
    from engine.runs.imports import import_dataset

    with Repository() as repository:
        dataset = import_dataset(repository.datasets.save, source, name=name, split=split, images=images)
    _show(dataset, class_names=(), limit=6, as_json=as_json)


@dataset_group.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the imported datasets."""
    with Repository() as repository:
        summaries = repository.datasets.all()
    if as_json:
        print_json([_fields(summary) for summary in summaries])
    elif not summaries:
        click.echo("No datasets yet; try: python -m engine dataset import demo")
    else:
        rows = [
            [
                f"{each.name}{' (synthetic)' if each.synthetic else ''}",
                each.images,
                each.objects,
                each.repairs,
            ]
            for each in summaries
        ]
        print_table(["name", "images", "objects", "repairs"], rows)


@dataset_group.command("show")
@click.argument("name")
@click.option(
    "--class",
    "class_names",
    multiple=True,
    help="Count only this class; repeatable.",
)
@click.option("--bucket-limit", default=6, help="Images with at least this many objects share a bucket.")
@json_option
def show_command(name: str, class_names: tuple[str, ...], bucket_limit: int, as_json: bool) -> None:
    """Show a dataset: object counts per image, objects per class, and repairs."""
    with Repository() as repository:
        dataset = repository.datasets.load(name)
    _show(dataset, class_names=class_names, limit=bucket_limit, as_json=as_json)


def _fields(record: Any) -> dict[str, Any]:
    """A dataclass's fields, with or without slots."""
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def _show(dataset: Dataset, *, class_names: Sequence[str], limit: int, as_json: bool) -> None:
    ids = dataset_class_ids(dataset.class_names, class_names, dataset=dataset.name)
    facts = _facts(dataset, ids or None, limit)
    if as_json:
        print_json(facts)
        return
    synthetic = ", synthetic (drawn by code)" if dataset.synthetic else ""
    click.echo(f"{dataset.name}: {facts['images']} images, {facts['objects']} objects{synthetic}")
    click.echo(f"from {dataset.source}")
    for note in dataset.notes:
        click.echo(note)
    click.echo()
    of_class = f" of class {words([dataset.class_names[each] for each in ids])}" if ids else ""
    print_table([f"objects{of_class} per image", "images"], list(facts["object_counts"].items()))
    click.echo()
    print_table(["class", "objects"], list(facts["classes"].items()))
    click.echo()
    if not dataset.repairs:
        click.echo("No repairs were needed.")
        return
    print_table(["repair", "times"], [[repair_words(kind), n] for kind, n in facts["repairs"].items()])
    for repair in dataset.repairs[:SHOWN_REPAIRS]:
        line = f":{repair.line}" if repair.line is not None else ""
        times = f" ({repair.times:,} times in the dataset)" if repair.times > 1 else ""
        click.echo(f"  {repair.file}{line}: {repair_words(repair.kind)}, {repair.action}{times}")
    if len(dataset.repairs) > SHOWN_REPAIRS:
        click.echo(f"  … {len(dataset.repairs) - SHOWN_REPAIRS} more; use --json to list all")


def _facts(dataset: Dataset, class_ids: Sequence[int] | None, limit: int) -> dict[str, Any]:
    objects = Counter(each for image in dataset.images for each in image.class_ids.tolist())
    classes = {name: objects[index] for index, name in enumerate(dataset.class_names) if name}
    return {
        "name": dataset.name,
        "source": dataset.source,
        "notes": list(dataset.notes),
        "synthetic": dataset.synthetic,
        "images": len(dataset.images),
        "objects": objects.total(),
        "object_counts": count_histogram(dataset.object_counts(class_ids), limit=limit),
        "classes": {name: count for name, count in classes.items() if count},
        "repairs": dataset.repair_counts(),
        "repair_report": [_fields(repair) for repair in dataset.repairs],
    }
