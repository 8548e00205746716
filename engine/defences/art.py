# SPDX-License-Identifier: AGPL-3.0-only
"""ART's preprocessors by their own names, so that ours can be checked against them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.defences.kinds import DefenceKind, changing
from engine.registries import DEFENCES
from engine.settings import Settings, setting

if TYPE_CHECKING:
    from engine.defences.defended import Step


@dataclass(frozen=True, kw_only=True)
class Smoothing(Settings):
    """Settings of ART's median filters."""

    window_size: int = setting(3, "Window", "Side of the neighbourhood.", unit="px", bounds=(1, 15))


@dataclass(frozen=True, kw_only=True)
class Squeezing(Settings):
    """Settings of ART's feature squeezing, whose own default of 8 bits changes nothing."""

    bit_depth: int = setting(4, "Bits", "Bits per colour channel.", bounds=(1, 8))


@dataclass(frozen=True, kw_only=True)
class Compression(Settings):
    """Settings of ART's JPEG."""

    quality: int = setting(50, "Quality", "Encoder quality.", bounds=(1, 100))


@dataclass(frozen=True, kw_only=True)
class Noise(Settings):
    """Settings of ART's Gaussian noise, whose own default of 1 leaves nothing of an image of 0 to 1."""

    sigma: float = setting(0.05, "Sigma", "Standard deviation of the noise.", bounds=(0.001, 1))


@dataclass(frozen=True, kw_only=True)
class Variance(Settings):
    """Settings of ART's total variance minimisation."""

    prob: float = setting(0.3, "Share", "Fraction of the pixels to keep.", bounds=(0, 1))
    lamb: float = setting(
        0.5, "Weight", "Weight of the variation relative to the similarity.", bounds=(0, 10)
    )
    max_iter: int = setting(10, "Iterations", "Number of minimisation steps.", bounds=(1, 1000))


def _kind(
    name: str, help: str, settings: type[Settings], source: str, *, random: bool = False, first: bool = False
) -> DefenceKind:
    """ART's class of a name; `first` if it takes channels first."""
    called = f"art:{name}"
    return DefenceKind(
        name=called,
        help=help,
        source=source,
        settings=settings,
        apply=changing(called, _step_of(name, random, first)),
        random=random,
    )


def _step_of(name: str, random: bool, channels_first: bool) -> Callable[[Any], Step]:
    def step_of(settings: Settings) -> Step:
        # Imported here because importing ART takes seconds.
        from engine.baselines.art_preprocessors import art_step

        return art_step(name, settings.to_json(), random=random, channels_first=channels_first)

    return step_of


_SQUEEZING = "Xu et al. 2018, by ART"

for _each in (
    _kind("SpatialSmoothingPyTorch", "ART's median filter in PyTorch.", Smoothing, _SQUEEZING, first=True),
    _kind("SpatialSmoothing", "ART's median filter.", Smoothing, _SQUEEZING, first=True),
    _kind("FeatureSqueezing", "ART's colour rounding.", Squeezing, _SQUEEZING),
    _kind("JpegCompression", "ART's JPEG.", Compression, "Dziugaite et al. 2016, by ART", first=True),
    _kind(
        "GaussianAugmentation", "ART's Gaussian noise.", Noise, "Zantedeschi et al. 2017, by ART", random=True
    ),
    _kind(
        "TotalVarMin",
        "ART's total variance minimisation; takes several seconds per image.",
        Variance,
        "Guo et al. 2018, by ART",
        random=True,
    ),
):
    DEFENCES.add(_each)
