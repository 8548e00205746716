# SPDX-License-Identifier: AGPL-3.0-only
"""The suites as they are listed: questions, claims and charts, without the code that measures."""

from __future__ import annotations

from dataclasses import dataclass

NO_CLAIM = "–"  # noqa: RUF001


@dataclass(frozen=True, kw_only=True)
class Chart:
    """How measurements of one unit are drawn: as bars of sides, or as lines over a setting.

    Attributes:
        title: what it shows.
        unit: of the measurements drawn.
        x: the key in their settings that they are drawn over; `side` draws a bar for each side.
        series: the key in their settings that tells one line from another; empty for one line.
        log_x: x grows by factors.
    """

    title: str
    unit: str
    x: str = "side"
    series: str = ""
    log_x: bool = False


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a suite asks.

    Attributes:
        name: what it is called by.
        question: that it answers.
        claim: what the field says, or `NO_CLAIM`.
        charts: of its measurements.
        on_cuda: what it measures on a CUDA device only; empty if nothing.
    """

    name: str
    question: str
    claim: str = NO_CLAIM
    charts: tuple[Chart, ...] = ()
    on_cuda: str = ""


RATE, ASR = "image-iterations/s", "ASR"
_GPU_MEMORY = "peak device memory and device time by events"

_ALL = (
    Description(
        name="batching",
        question="Does grouping images by object count make bigger batches pay?",
        claim="relative speed of 1.0, 1.4, 1.7, 1.8 at batch 1, 2, 4, 8; memory 0.5, 2, 4, 8 GB at batch 1, "
        "4, 8, 16; grouping saves 23% with 100 images and 50 iterations",
        charts=(
            Chart(
                title="Speed by batch size, times single images",
                unit="times sequential",
                x="batch_size",
                series="batching",
                log_x=True,
            ),
            Chart(title="Peak memory by batch size", unit="bytes", x="batch_size", log_x=True),
        ),
        on_cuda=_GPU_MEMORY,
    ),
    Description(
        name="merge",
        question="Is one patch per group, averaged, as good as one shared patch?",
        claim="averaging has a “consistency problem”",
        charts=(Chart(title="ASR on held-out images at equal image-iterations", unit=ASR),),
    ),
    Description(
        name="precision",
        question="What does mixed precision buy?",
        claim="30 to 40% faster, half the memory",
        charts=(
            Chart(title="Speed by precision", unit=RATE),
            Chart(title="Peak memory by precision", unit="bytes"),
        ),
        on_cuda="fp16 with its scaler, " + _GPU_MEMORY,
    ),
    Description(
        name="warm-start",
        question="Does a pretrained patch shorten convergence?",
        claim="50 to 70% shorter",
        charts=(Chart(title="Seconds to the same score", unit="s"),),
    ),
    Description(
        name="losses",
        question="Do four losses beat one?",
        claim="four losses, “as in the notebook”",
        charts=(
            Chart(title="ASR on held-out images at equal time", unit=ASR),
            Chart(title="Cosine between the losses' gradients", unit="cosine"),
        ),
    ),
    Description(
        name="sampling",
        question="Does balanced sampling make a patch more robust?",
        claim="“more robust”",
        charts=(Chart(title="ASR by objects an image", unit=ASR, x="objects", series="sampling"),),
    ),
    Description(
        name="data-source",
        question="What does reading from the database cost?",
        claim="“database overhead”",
        charts=(Chart(title="Seconds to read the records", unit="s"),),
    ),
    Description(
        name="loader",
        question="How fast can batches be fed?",
        charts=(Chart(title="Images a second by batch size", unit="images/s", x="batch_size", log_x=True),),
        on_cuda="prefetch and pinned memory",
    ),
    Description(
        name="budget",
        question="What do iterations, images, patch size, learning rate buy?",
        claim="10 images and 50 iterations: 2 to 3 minutes on a GPU, 20 to 30 on a CPU; 100 images and 500 "
        "iterations: 3 to 4 hours and 30 to 50 hours",
        charts=(Chart(title="ASR on held-out images", unit=ASR),),
        on_cuda="the claim's times on a GPU",
    ),
    Description(
        name="accumulate",
        question="Is accumulation the same as a big batch?",
        claim="“simulates a big batch”",
        charts=(
            Chart(title="ASR on held-out images", unit=ASR),
            Chart(title="Peak memory", unit="bytes"),
        ),
        on_cuda=_GPU_MEMORY,
    ),
    Description(
        name="baseline",
        question="How does PatchBench compare with ART?",
        charts=(
            Chart(title="Speed", unit=RATE),
            Chart(title="ASR on held-out images at equal time", unit=ASR),
        ),
        on_cuda=_GPU_MEMORY,
    ),
    Description(
        name="floor",
        question="How far is the engine from the hardware's limit?",
        charts=(Chart(title="Seconds an image", unit="s/image"),),
        on_cuda="device time by events",
    ),
    Description(
        name="scaling",
        question="How does cost grow?",
        charts=tuple(
            Chart(title=f"Seconds an image by {label}", unit="s/image", x=key, log_x=True)
            for key, label in (
                ("images", "number of images"),
                ("objects", "objects an image"),
                ("texels", "patch side in texels"),
                ("pixels", "image side in pixels"),
            )
        ),
        on_cuda="device time by events",
    ),
    Description(
        name="memory",
        question="How much memory does a batch size take?",
        charts=(Chart(title="Peak memory", unit="bytes"),),
        on_cuda="peak device memory",
    ),
    Description(
        name="strength",
        question="How strong is a patch made within a time?",
        charts=(Chart(title="Shares on held-out images", unit="share"),),
    ),
)
CATALOGUE = {description.name: description for description in _ALL}
