"""Goodness of fit and fitted parameters of the pseudo-experiments of a run, beside what is expected of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from ingestion_test.jobs import Outcome
from runtime.errors import ChallengeError
from runtime.tables import Table
from submission.arrays import FloatArray
from submission.estimator import Measurement
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS
from submission.throws import with_template_error

from .explanation import Truth
from .finite_sample import SampleFit

#: Throws for each pseudo-experiment, and their seed.
THROWS, SEED = 10, 20250509

#: Relative difference of -2 ln L that rounding explains.
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Quality:
    """-2 ln L of pseudo-experiments or throws: mean, deviation, and p-value of the two samples being alike.

    Attributes:
        source: where the counts are from.
        number: of data sets.
        mean, deviation: of -2 ln L.
        p_value: of a Kolmogorov-Smirnov test against the pseudo-experiments; None for these themselves.
    """

    source: str
    number: int
    mean: float
    deviation: float
    p_value: float | None


@dataclass(frozen=True)
class Residual:
    """(fitted - true) / error of a parameter: mean over pseudo-experiments, its error, and what the sample expects."""

    name: str
    mean: float
    error: float
    expected: float


def require_twice_nll(outcomes: Sequence[Outcome]) -> None:
    """Raises ChallengeError where there are no pseudo-experiments, or -2 ln L is not known of each."""
    if not outcomes:
        raise ChallengeError("the run has no pseudo-experiment yet: let it run first")
    if not all("twice_nll" in outcome.further for outcome in outcomes):
        raise ChallengeError("the run has no twice_nll of each pseudo-experiment (docs/score.md#further-numbers)")


def require_same_submission(measurement: Measurement, outcome: Outcome) -> None:
    """Raises ChallengeError where a measurement of a pseudo-experiment is not what its run has."""
    measured, known = measurement.estimate.twice_nll, outcome.further["twice_nll"]
    if abs(measured - known) > _ROUNDING * known:
        raise ChallengeError(
            f"-2 ln L of {outcome.experiment} is {measured:.2f}, in the run it is {known:.2f}: it is the run of "
            "another submission, which --submission takes"
        )


def result(
    likelihood: Likelihood, outcomes: Sequence[Outcome], systematics: Sequence[str], samples: Sequence[SampleFit]
) -> dict[str, Any]:
    """What quality.json says of a sample; arguments as `qualities`."""
    known = likelihood, outcomes, systematics, samples
    return {
        "twice_nll": [asdict(quality) for quality in qualities(*known)],
        "pulls": [asdict(residual) for residual in residuals(*known)],
    }


def tables(content: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """Tables of the content of quality.json, which has the `result` of samples by their numbers of test events."""
    shown = []
    for rows, of_sample in sorted(content.items(), key=lambda item: int(item[0])):
        title = f"{int(rows):,} test events"
        heads = ["-2 ln L of", "number", "mean", "deviation", "p-value"]
        lines = [_quality_cells(Quality(**row)) for row in of_sample["twice_nll"]]
        shown.append(Table(heads, lines, f"Goodness of fit, {title}"))
        if of_sample["pulls"]:
            heads = ["(fitted - true) / error", "mean of the run", "expected of its sample"]
            lines = [_residual_cells(Residual(**row)) for row in of_sample["pulls"]]
            shown.append(Table(heads, lines, f"Fitted pulls, {title}"))
    return shown


def sections(content: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What quality.json makes of docs/explain.md: section -> Markdown."""
    return {"quality": "\n".join(table.markdown() for table in tables(content))}


def _quality_cells(row: Quality) -> list[str]:
    mean = f"{row.mean:.1f} ± {row.deviation / row.number**0.5:.1f}"
    p_value = "" if row.p_value is None else f"{row.p_value:.2g}"
    return [row.source, str(row.number), mean, f"{row.deviation:.1f}", p_value]


def _residual_cells(row: Residual) -> list[str]:
    return [row.name, f"{row.mean:+.2f} ± {row.error:.2f}", f"{row.expected:+.2f}"]


def qualities(
    likelihood: Likelihood, outcomes: Sequence[Outcome], systematics: Sequence[str], samples: Sequence[SampleFit]
) -> list[Quality]:
    """-2 ln L of pseudo-experiments, of throws from the templates, and of draws from the finite sample.

    All are at the true parameters of the pseudo-experiments. Throws from the templates draw their own error too.

    Arguments:
        likelihood: of the submission.
        outcomes: of the run.
        systematics: nuisance parameters that vary in it.
        samples: of each of `outcomes`, what the sample expects at its true parameters.
    """
    reached = np.array([outcome.further["twice_nll"] for outcome in outcomes])
    random = np.random.default_rng(SEED)
    truths = [Truth.of(outcome.experiment, systematics) for outcome in outcomes]
    values = np.array([[truth.mu, *(truth.values[name] for name in PARAMETERS[1:])] for truth in truths])
    expected = np.repeat(likelihood.templates.expected(values), THROWS, axis=0)
    thrown = likelihood.fit(random.poisson(with_template_error(likelihood, expected, random))).twice_nll
    drawn = np.concatenate([sample.twice_nll.rvs(THROWS, random_state=random) for sample in samples])
    return [
        _quality("pseudo-experiments of events", reached, None),
        _quality("throws from the templates", thrown, reached),
        _quality("draws from the finite sample", drawn, reached),
    ]


def _quality(source: str, twice_nll: FloatArray, reached: FloatArray | None) -> Quality:
    p_value = None if reached is None else float(ks_2samp(reached, twice_nll).pvalue)
    return Quality(source, len(twice_nll), float(twice_nll.mean()), float(twice_nll.std()), p_value)


def residuals(
    likelihood: Likelihood, outcomes: Sequence[Outcome], systematics: Sequence[str], samples: Sequence[SampleFit]
) -> list[Residual]:
    """How far the fitted pulls of pseudo-experiments are off, beside how far those of their sample are.

    Arguments as `qualities`; parameters of which the run has no pull, or that are off, are left out.
    """
    rows = []
    for place, name in enumerate(PARAMETERS[1:], 1):
        if name not in systematics or not likelihood.fitted[place]:
            continue
        off, expected = [], []
        for outcome, sample in zip(outcomes, samples):
            truth, pull = Truth.of(outcome.experiment, systematics).pulls, outcome.further.get(f"pull_{name}")
            if pull is not None and name in truth:
                error = sample.fit.errors[0, place]
                off.append((pull - truth[name]) / error)
                expected.append((sample.fit.pulls[0, place] - truth[name]) / error)
        if off:
            error = float(np.std(off) / np.sqrt(len(off)))
            rows.append(Residual(name, float(np.mean(off)), error, float(np.mean(expected))))
    return rows
