"""The neyman stage: pseudo-experiments at histogram level, the confidence belt that they give, and what it reaches.

The throws that check a belt have other random streams than those that made it.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from runtime.tasks import completed
from submission.arrays import FloatArray
from submission.codec import Bounds
from submission.confidence import Belt, BeltConfig, make_belt
from submission.estimator import Estimator
from submission.histogram import Histogram
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS, draw_pulls, values_from_pulls
from submission.throws import BLOCK, Throws, belt_mu, random_stream, throw

from .checkpoints import checkpointed
from .fields import Count, Finite, Seed
from .flows import TrainingFailed

#: Draws of the nuisance parameters over which a Cramer-Rao bound is averaged.
_BOUND_DRAWS = 500


@dataclasses.dataclass(frozen=True)
class NeymanConfig:
    """How a belt is made and checked.

    Arguments:
        belt_throws: pseudo-experiments behind the belt.
        check_mus: number of true mu, from one end of `check_range` to the other, at which the belt is checked.
        check_throws: pseudo-experiments at each of them.
        check_range: the mu of the challenge.
        bound_mus: true mu at which the Cramer-Rao bound is computed.
        seed: of all pseudo-experiments.

    Raises:
        ValueError: `check_range` is empty.
    """

    belt_throws: Annotated[int, Bounds(100, 10**9)] = 400_000
    check_mus: Count = 20
    check_throws: Count = 10_000
    check_range: tuple[Finite, Finite] = (0.1, 3.0)
    bound_mus: tuple[Finite, ...] = (0.1, 1.0, 2.0, 3.0)
    seed: Seed = 20250509

    def __post_init__(self) -> None:
        if not self.check_range[0] < self.check_range[1]:
            raise ValueError(f"check_range is {self.check_range}; its first number must be less than its second")


@dataclasses.dataclass(frozen=True)
class BeltCheck:
    """What a belt reaches at some true mu: arrays (mus,).

    Attributes:
        mu: true signal strengths.
        coverage, coverage_error: share of intervals that contain mu, and its statistical error; the point that stands
            for an empty interval, an end of the range, contains nothing.
        width, width_error: mean length of the intervals, and its statistical error.
        bias, rmse: mean and root mean square of mu_hat - mu.
        invalid: share of fits that are not valid; their interval is the whole range.
        empty: share of data sets that no mu accepts.
    """

    mu: FloatArray
    coverage: FloatArray
    coverage_error: FloatArray
    width: FloatArray
    width_error: FloatArray
    bias: FloatArray
    rmse: FloatArray
    invalid: FloatArray
    empty: FloatArray

    @property
    def mean_width(self) -> tuple[float, float]:
        """Mean length over the range of mu, by the trapezium rule, and its statistical error: two floats.

        The error is that of the throws of the check; that of the belt, common to all mu, is not in it.
        """
        share = np.ones(len(self.mu))
        share[[0, -1]] = 0.5
        share /= share.sum()
        return float(share @ self.width), float(np.sqrt(share**2 @ self.width_error**2))

    def table(self) -> list[dict[str, float]]:
        """One dict of floats per true mu."""
        columns = dataclasses.asdict(self)
        return [dict(zip(columns, map(float, row))) for row in zip(*columns.values())]


@dataclasses.dataclass(frozen=True)
class NeymanResult:
    """What the stage leaves: all that a prediction needs, and what the belt reaches."""

    estimator: Estimator
    summary: dict[str, Any]


def make_estimator(
    histogram: Histogram,
    likelihood: Likelihood,
    belt_config: BeltConfig,
    config: NeymanConfig,
    workers: int | str = 1,
    checkpoint: Path | None = None,
) -> NeymanResult:
    """Throw, make the belt, and say what it and a central one reach beside the Cramer-Rao bound.

    Arguments:
        histogram, likelihood: of the templates' bins.
        belt_config, config: which belt, and how it is made and checked.
        workers, checkpoint: as for `throw_all`.

    Raises:
        ChallengeError: as `throw_all` and `make_belts`.
    """
    throws = belt_throws(likelihood, belt_config.mu_range, config, workers, checkpoint)
    belt, central = make_belts(throws, [belt_config, dataclasses.replace(belt_config, ordering="central")])
    others = check_throws(likelihood, config, workers, checkpoint)
    checks = {"shipped": check_belt(belt, others), "central": check_belt(central, others)}
    summary = {
        "cramer_rao": cramer_rao_table(likelihood, config),
        **{f"{name}_width": result.mean_width for name, result in checks.items()},
        **{f"{name}_table": result.table() for name, result in checks.items()},
    }
    return NeymanResult(Estimator(histogram, likelihood, belt), summary)


def belt_throws(
    likelihood: Likelihood,
    mu_range: tuple[float, float],
    config: NeymanConfig,
    workers: int | str = 1,
    checkpoint: Path | None = None,
) -> Throws:
    """The pseudo-experiments that a belt over `mu_range` is made from: `Throws`; arguments as `throw_all`."""
    mu = belt_mu(config.seed, config.belt_throws, mu_range)
    return throw_all(likelihood, mu, "belt", config.seed, workers, checkpoint)


def check_throws(
    likelihood: Likelihood, config: NeymanConfig, workers: int | str = 1, checkpoint: Path | None = None
) -> Throws:
    """The pseudo-experiments that belts are checked with: `Throws`; arguments as `throw_all`."""
    mu = np.repeat(np.linspace(*config.check_range, config.check_mus), config.check_throws)
    return throw_all(likelihood, mu, "check", config.seed, workers, checkpoint)


def throw_all(
    likelihood: Likelihood,
    mu: FloatArray,
    stream: str,
    seed: int,
    workers: int | str = 1,
    checkpoint: Path | None = None,
) -> Throws:
    """Throw in blocks, each with a random stream of its own.

    Arguments:
        likelihood: `submission.likelihood.Likelihood`.
        mu: array (throws,), true signal strengths.
        stream: which of `STREAMS`.
        seed: of all streams.
        workers: as for `runtime.tasks.as_completed`; the outcome does not depend on them.
        checkpoint: folder that keeps the blocks; those found there are not thrown again. None: no.

    Returns:
        `Throws`.

    Raises:
        ChallengeError: as `checkpoints.checkpointed`.
    """
    blocks = [
        _Block(likelihood, mu[i : i + BLOCK], stream, seed, i // BLOCK, checkpoint) for i in range(0, len(mu), BLOCK)
    ]
    results = completed([block.throws for block in blocks], workers, f"{stream} throws", "block")
    return Throws.joined(results)


@dataclasses.dataclass(frozen=True)
class _Block:
    """The throws of one task of a worker process."""

    likelihood: Likelihood
    mu: FloatArray
    stream: str
    seed: int
    number: int
    checkpoint: Path | None

    def throws(self) -> Throws:
        """`Throws`, from the checkpoint or thrown and kept there."""
        path = None if self.checkpoint is None else self.checkpoint / f"{self.stream}{self.number:04d}.npz"
        return checkpointed(path, self._about(), Throws, self._throw)

    def _throw(self) -> Throws:
        return throw(self.likelihood, self.mu, random_stream(self.seed, self.stream, self.number))

    def _about(self) -> str:
        """A text that changes with all that the throws depend on."""
        digest, templates = hashlib.sha256(), self.likelihood.templates
        for array in (templates.coefficients, templates.variance, self.mu):
            digest.update(np.ascontiguousarray(array).tobytes())
        return f"{digest.hexdigest()[:16]} {self.likelihood.config} {self.stream} {self.seed} {self.number}"


def make_belts(throws: Throws, configs: Sequence[BeltConfig]) -> list[Belt]:
    """A belt for each `BeltConfig` of `configs`, from the valid fits of `throws`: list of `Belt`.

    Raises:
        TrainingFailed: no belt can be made of them.
    """
    valid = throws.select(throws.valid)
    try:
        return [make_belt(valid.mu, valid.mu_hat, valid.sigma, config) for config in configs]
    except np.linalg.LinAlgError as error:
        raise TrainingFailed(
            f"the quantile regression of the belt has no solution ({error}): make it of more throws"
        ) from error


def check_belt(belt: Belt, throws: Throws) -> BeltCheck:
    """What `belt` reaches with `throws`, several of them at each true mu: `BeltCheck`."""
    intervals = belt.intervals(throws.mu_hat, throws.sigma, throws.valid)
    covered, width = intervals.cover(throws.mu) & ~intervals.empty, intervals.p84 - intervals.p16
    rows = []
    for mu in np.unique(throws.mu):
        at = throws.mu == mu
        root = np.sqrt(np.count_nonzero(at))
        coverage, residual = covered[at].mean(), throws.mu_hat[at] - mu
        rows.append(
            BeltCheck(
                mu=mu,
                coverage=coverage,
                coverage_error=np.sqrt(coverage * (1 - coverage)) / root,
                width=width[at].mean(),
                width_error=width[at].std() / root,
                bias=residual.mean(),
                rmse=np.sqrt(np.mean(residual**2)),
                invalid=1 - throws.valid[at].mean(),
                empty=intervals.empty[at].mean(),
            )
        )
    names = [field.name for field in dataclasses.fields(BeltCheck)]
    return BeltCheck(**{name: np.array([getattr(row, name) for row in rows]) for name in names})


def cramer_rao_table(likelihood: Likelihood, config: NeymanConfig, **subsets: Sequence[str]) -> list[dict[str, float]]:
    """Least mean length of ± 1 sigma intervals, 2 sigma of the Cramer-Rao bound, averaged over the nuisance priors.

    Arguments:
        likelihood: `submission.likelihood.Likelihood`.
        config: `NeymanConfig`.
        subsets: by a name of its own each, nuisance parameters that alone are profiled, the others being known.

    Returns:
        list of dicts: mu, and the widths with all nuisance parameters known, with all fitted ones profiled, and with
        each of `subsets`.
    """
    table = []
    for mu in config.bound_mus:
        nuisance = draw_pulls(random_stream(config.seed, "bound", 0), _BOUND_DRAWS)
        pulls = np.column_stack([np.full(_BOUND_DRAWS, mu), nuisance])
        pulls = np.where(likelihood.fitted, pulls, likelihood.start)
        total = likelihood.templates.expected(values_from_pulls(pulls)).sum(axis=1)
        bound, information = likelihood.cramer_rao(pulls, total), likelihood.information(pulls, total)
        row = {"mu": mu, "known": float(2 * bound.known.mean()), "profiled": float(2 * bound.profiled.mean())}
        for name, profiled in subsets.items():
            places = [place for place, parameter in enumerate(PARAMETERS) if parameter in ("mu", *profiled)]
            covariance = np.linalg.inv(information[:, places][:, :, places])
            row[name] = float(2 * np.sqrt(covariance[:, 0, 0]).mean())
        table.append(row)
    return table
