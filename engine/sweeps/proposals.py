# SPDX-License-Identifier: AGPL-3.0-only
"""What a sweep tries next, what it gives up, and which settings matter; the only file that knows Optuna."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import SettingsError
from engine.sweeps.config import SweepRequest
from engine.sweeps.space import Dimension, Space

if TYPE_CHECKING:
    import optuna

STARTUP = 5  # trials that are drawn at random before the search learns, and that pruning waits for
SPARED = 1  # validations of a run before the median judges it: the first says little
DRAWS = 20  # until a combination that was tried already gives way to any other
IMPORTANT_FROM = 4  # trials without which the importance of settings means nothing


@dataclass(frozen=True, kw_only=True)
class Past:
    """A trial as the search knows it.

    Attributes:
        settings: name → value.
        value: of the objective; None if it is under way or failed.
        state: as of `engine.store.sweeps.Trial`.
        validated: the objective of its first run at each validation so far.
    """

    settings: dict[str, Any]
    value: float | None
    state: str
    validated: tuple[float, ...] = ()


def require_optuna(sampler: str, prune: str = "none") -> None:
    """Raise `SettingsError` if Optuna is needed but not there; a grid needs it only to prune."""
    if (sampler != "grid" or prune != "none") and not has_optuna():
        raise SettingsError(
            "sweep: expected the package optuna, got none; run: pip install -r requirements-cluster.txt, or "
            "use --sampler grid"
        )


def load(request: SweepRequest) -> None:
    """Import Optuna now if trials are proposed by it.

    Raises:
        SettingsError: it is not installed.
    """
    require_optuna(request.sampler)
    if request.sampler != "grid":
        import optuna

        _quiet(optuna)


def has_optuna() -> bool:
    """Whether Optuna is installed."""
    return find_spec("optuna") is not None


def propose(request: SweepRequest, past: Sequence[Past]) -> dict[str, Any]:
    """The settings of the next trial: a function of the request and of the trials so far.

    Raises:
        SettingsError: Optuna is not installed.
    """
    space, number = request.space, len(past)
    if request.sampler == "grid":
        return _shuffled(space, request.config.seed)[number]
    require_optuna(request.sampler)
    tried = [each.settings for each in past]
    study = _study(request, past, _sampler(request, number))
    for _ in range(DRAWS):
        asked = study.ask(_distributions(space)).params
        values = {each.name: each.rounded(asked[each.name]) for each in space.dimensions}
        if values not in tried:
            return values
    if space.size is None:
        return values
    return next(each for each in _shuffled(space, request.config.seed) if each not in tried)


def hopeless(request: SweepRequest, past: Sequence[Past], reports: Iterable[tuple[int, int, float]]) -> bool:
    """Whether the trial of the last report should be given up.

    Args:
        request: names the pruner.
        past: all trials; their own validations are not looked at.
        reports: (index of the trial, number of the validation from 1, objective) of all trials, in the order
            in which they came: successive halving remembers who was how good when it was judged.

    Raises:
        SettingsError: Optuna is not installed.
    """
    require_optuna(request.sampler, request.prune)
    import optuna

    _quiet(optuna)
    pruner: optuna.pruners.BasePruner = (
        optuna.pruners.MedianPruner(n_startup_trials=STARTUP - 1, n_warmup_steps=SPARED + 1)
        if request.prune == "median"
        else optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=4)
    )
    study = optuna.create_study(direction=_direction(request), pruner=pruner)
    trials = [study.ask() for _ in past]
    judged = -1
    fell_behind: set[int] = set()
    for judged, step, value in reports:
        trials[judged].report(value, step)
        # The median looks at trials that have ended, as of now; halving at all that got as far.
        if request.prune == "asha" and trials[judged].should_prune():
            fell_behind.add(judged)
    if request.prune == "asha":
        return judged in fell_behind
    for trial, each in zip(trials, past, strict=True):
        if each.state == "succeeded" and each.value is not None:
            study.tell(trial, each.value)
    return bool(trials[judged].should_prune())  # numpy's


def importance(request: SweepRequest, past: Sequence[Past]) -> dict[str, float]:
    """Name of a setting → its share in what trials differ by, by fANOVA; empty if it cannot be told.

    fANOVA (Hutter et al., ICML 2014) fits a random forest to the objective and splits its variance. Optuna's
    PED-ANOVA ranks the few best trials against all others, which says nothing of twenty trials.
    """
    ended = [each for each in past if each.state == "succeeded" and each.value is not None]
    if len(ended) < IMPORTANT_FROM or len({each.value for each in ended}) == 1 or not has_optuna():
        return {}
    import optuna
    from optuna.importance import FanovaImportanceEvaluator

    _quiet(optuna)
    study = _study(request, ended, optuna.samplers.RandomSampler(seed=0))
    found = optuna.importance.get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return {name: float(share) for name, share in found.items()}


def _study(request: SweepRequest, past: Sequence[Past], sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    """A study in memory that knows all trials."""
    import optuna
    from optuna.trial import TrialState, create_trial

    _quiet(optuna)
    states = {"succeeded": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "running": TrialState.RUNNING}
    study = optuna.create_study(direction=_direction(request), sampler=sampler)
    distributions = _distributions(request.space)
    for each in past:
        state = states.get(each.state, TrialState.FAIL)
        study.add_trial(
            create_trial(
                state=state,
                value=each.value if state == TrialState.COMPLETE else None,
                params=each.settings,
                distributions=distributions,
                intermediate_values=dict(enumerate(each.validated, 1)),
            )
        )
    return study


def _sampler(request: SweepRequest, number: int) -> optuna.samplers.BaseSampler:
    """A sampler with a seed of its own for each trial: a search that went on proposes what it would have."""
    import optuna

    seed = random.Random(f"{request.config.seed} {number}").getrandbits(32)
    if request.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP, constant_liar=request.parallel > 1)


def _distributions(space: Space) -> dict[str, optuna.distributions.BaseDistribution]:
    return {each.name: _distribution(each) for each in space.dimensions}


def _distribution(dimension: Dimension) -> optuna.distributions.BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if dimension.values:
        return CategoricalDistribution(dimension.values)
    if dimension.step:
        return IntDistribution(
            int(dimension.low), int(dimension.high), log=dimension.log, step=dimension.step
        )
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _shuffled(space: Space, seed: int) -> list[dict[str, Any]]:
    """All combinations in an order that a sweep cut short has tried evenly."""
    combinations = space.combinations()
    random.Random(seed).shuffle(combinations)
    return combinations


def _direction(request: SweepRequest) -> Literal["minimize", "maximize"]:
    return "minimize" if request.low_is_best else "maximize"


def _quiet(optuna: Any) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
