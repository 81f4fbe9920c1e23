"""The neyman stage: pseudo-experiments at histogram level, the confidence belt that they give, and what it reaches.

A throw draws the six nuisance parameters from their priors, the counts from Poisson distributions around the templates,
and fits. The throws that check a belt have other random streams than those that made it.
"""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from runtime.tasks import completed
from submission.confidence import make_belt, spread_mu
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS, draw_pulls, values_from_pulls

from .flows import TrainingFailed
from .parts import kept_or_made

#: Throws of a task of a worker process.
BLOCK = 5000

#: Independent random streams of a run.
STREAMS = ("mu", "belt", "check", "bound", "redraw")

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
    """

    belt_throws: int = 400_000
    check_mus: int = 20
    check_throws: int = 10_000
    check_range: tuple[float, float] = (0.1, 3.0)
    bound_mus: tuple[float, ...] = (0.1, 1.0, 2.0, 3.0)
    seed: int = 20250509


@dataclasses.dataclass(frozen=True)
class Throws:
    """Fitted pseudo-experiments: arrays (throws,) of true mu, estimate, its error and whether the fit is valid."""

    mu: np.ndarray
    mu_hat: np.ndarray
    sigma: np.ndarray
    valid: np.ndarray

    def of(self, rows):
        """The throws `rows`: whatever indexes arrays."""
        return Throws(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


@dataclasses.dataclass(frozen=True)
class Check:
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

    mu: np.ndarray
    coverage: np.ndarray
    coverage_error: np.ndarray
    width: np.ndarray
    width_error: np.ndarray
    bias: np.ndarray
    rmse: np.ndarray
    invalid: np.ndarray
    empty: np.ndarray

    @property
    def mean_width(self):
        """Mean length over the range of mu, by the trapezium rule, and its statistical error: two floats.

        The error is that of the throws of the check; that of the belt, common to all mu, is not in it.
        """
        share = np.ones(len(self.mu))
        share[[0, -1]] = 0.5
        share /= share.sum()
        return float(share @ self.width), float(np.sqrt(share**2 @ self.width_error**2))

    def table(self):
        """One dict of floats per true mu."""
        columns = dataclasses.asdict(self)
        return [dict(zip(columns, map(float, row))) for row in zip(*columns.values())]


def belt_throws(likelihood, mu_range, config, workers=1, checkpoint=None):
    """The pseudo-experiments that a belt over `mu_range` is made from: `Throws`; arguments as `throw_all`."""
    mu = spread_mu(random_stream(config.seed, "mu", 0), config.belt_throws, mu_range)
    return throw_all(likelihood, mu, "belt", config.seed, workers, checkpoint)


def check_throws(likelihood, config, workers=1, checkpoint=None):
    """The pseudo-experiments that belts are checked with: `Throws`; arguments as `throw_all`."""
    mu = np.repeat(np.linspace(*config.check_range, config.check_mus), config.check_throws)
    return throw_all(likelihood, mu, "check", config.seed, workers, checkpoint)


def throw_all(likelihood, mu, stream, seed, workers=1, checkpoint=None):
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
        ChallengeError: as `parts.kept_or_made`.
    """
    blocks = [
        _Block(likelihood, mu[i : i + BLOCK], stream, seed, i // BLOCK, checkpoint) for i in range(0, len(mu), BLOCK)
    ]
    done = completed([block.throws for block in blocks], workers, f"{stream} throws", "block")
    fields = [field.name for field in dataclasses.fields(Throws)]
    return Throws(**{name: np.concatenate([getattr(part, name) for part in done]) for name in fields})


@dataclasses.dataclass(frozen=True)
class _Block:
    """The throws of one task of a worker process."""

    likelihood: Likelihood
    mu: np.ndarray
    stream: str
    seed: int
    number: int
    checkpoint: Path | None

    def throws(self):
        """`Throws`, from the checkpoint or thrown and kept there."""
        path = None if self.checkpoint is None else Path(self.checkpoint) / f"{self.stream}{self.number:04d}.npz"
        return Throws(**kept_or_made(path, self._about(), self._made))

    def _made(self):
        random = random_stream(self.seed, self.stream, self.number)
        return dataclasses.asdict(throw(self.likelihood, self.mu, random))

    def _about(self):
        """A text that changes with all that the throws depend on."""
        digest = hashlib.sha256()
        for array in (*self.likelihood.templates.arrays().values(), self.mu):
            digest.update(np.ascontiguousarray(array).tobytes())
        return f"{digest.hexdigest()[:16]} {self.likelihood.config} {self.stream} {self.seed} {self.number}"


def throw(likelihood, mu, random):
    """Draw and fit one pseudo-experiment for each true mu.

    The templates' own error, where the likelihood includes it, is drawn too: each throw has other true templates.

    Arguments:
        likelihood: `submission.likelihood.Likelihood`.
        mu: array (throws,).
        random: `numpy.random.Generator`.

    Returns:
        `Throws`.
    """
    pulls = np.column_stack([mu, draw_pulls(random, len(mu))])
    expected = likelihood.templates.expected(values_from_pulls(pulls))
    fit = likelihood.fit(random.poisson(with_template_error(likelihood, expected, random)))
    return Throws(mu, fit.mu_hat, fit.sigma, fit.valid)


def with_template_error(likelihood, expected, random):
    """Expected counts (throws, bins) of templates that differ from those of `likelihood` by their statistical error.

    Each throw has other true templates; a likelihood without that error gets its counts back.
    """
    return expected * np.maximum(1 + np.sqrt(likelihood.relative_variance) * random.standard_normal(expected.shape), 0)


def make_belts(throws, configs):
    """A belt for each `BeltConfig` of `configs`, from the valid fits of `throws`: list of `Belt`.

    Raises:
        TrainingFailed: no belt can be made of them.
    """
    used = throws.of(throws.valid)
    try:
        return [make_belt(used.mu, used.mu_hat, used.sigma, config) for config in configs]
    except np.linalg.LinAlgError as error:
        raise TrainingFailed(
            f"the quantile regression of the belt has no solution ({error}): make it of more throws"
        ) from error


def check(belt, throws):
    """What `belt` reaches with `throws`, several of them at each true mu: `Check`."""
    intervals = belt.intervals(throws.mu_hat, throws.sigma, throws.valid)
    covered, width = intervals.cover(throws.mu) & ~intervals.empty, intervals.p84 - intervals.p16
    rows = []
    for mu in np.unique(throws.mu):
        at = throws.mu == mu
        root = np.sqrt(np.count_nonzero(at))
        coverage, residual = covered[at].mean(), throws.mu_hat[at] - mu
        rows.append(
            Check(
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
    names = [field.name for field in dataclasses.fields(Check)]
    return Check(**{name: np.array([getattr(row, name) for row in rows]) for name in names})


def cramer_rao_table(likelihood, config, **subsets):
    """Least mean length of +-1 sigma intervals, 2 sigma of the Cramer-Rao bound, averaged over the nuisance priors.

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
            part = [place for place, parameter in enumerate(PARAMETERS) if parameter in ("mu", *profiled)]
            covariance = np.linalg.inv(information[:, part][:, :, part])
            row[name] = float(2 * np.sqrt(covariance[:, 0, 0]).mean())
        table.append(row)
    return table


def random_stream(seed, stream, number):
    """The `numpy.random.Generator` of the block `number` of one of the `STREAMS` of a run."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAMS.index(stream), number)))
