"""Goodness of fit of all pseudo-experiments of a run, beside that of throws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import ks_2samp

from ingestion_test.jobs import Outcome
from ingestion_test.nuisance import NUISANCE_PARAMETERS, draw_nuisance_parameters
from runtime.errors import ChallengeError
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS

from .explanation import Sample

#: Throws for each pseudo-experiment, and their seed.
THROWS, SEED = 10, 20250509

#: The nuisance parameters as they are where none is switched on.
NOMINAL = {parameter.name: parameter.off for parameter in NUISANCE_PARAMETERS}


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


def qualities(
    likelihood: Likelihood, outcomes: Sequence[Outcome], systematics: Sequence[str], sample: Sample
) -> list[Quality]:
    """-2 ln L of a run's pseudo-experiments, of throws from the templates, and of throws from their finite sample.

    All throws are at the true parameters of the pseudo-experiments. Those from the templates draw their own error too.
    The sample's expectation at these parameters is its nominal one, changed as the templates change.

    Arguments:
        likelihood: of the submission.
        outcomes: of the run.
        systematics: nuisance parameters that vary in it.
        sample: the finite sample at mu = 1 and `NOMINAL`.

    Raises:
        ChallengeError: the submission has not handed over -2 ln L.
    """
    if not all("twice_nll" in outcome.further for outcome in outcomes):
        raise ChallengeError("the run has no twice_nll of each pseudo-experiment (docs/score.md#further-numbers)")
    reached = np.array([outcome.further["twice_nll"] for outcome in outcomes])
    templates, random = likelihood.templates, np.random.default_rng(SEED)
    values = [true_values(outcome, systematics) for outcome in outcomes]
    expected = np.repeat(templates.expected(np.array(values)), THROWS, axis=0)
    nominal = templates.expected(np.array([[1.0, *_numbers(NOMINAL)]]))
    own = 1 + np.sqrt(likelihood.relative_variance) * random.standard_normal(expected.shape)
    thrown = {
        "throws from the templates": expected * np.maximum(own, 0),
        "throws from the finite sample": expected * sample.counts / nominal,
    }
    found = [Quality("pseudo-experiments of events", len(reached), float(reached.mean()), float(reached.std()), None)]
    for source, mean in thrown.items():
        twice_nll = likelihood.fit(random.poisson(mean)).twice_nll
        p_value = float(ks_2samp(reached, twice_nll).pvalue)
        found.append(Quality(source, len(twice_nll), float(twice_nll.mean()), float(twice_nll.std()), p_value))
    return found


def true_values(outcome: Outcome, systematics: Sequence[str]) -> list[float]:
    """mu and the nuisance parameters that a pseudo-experiment was made with, as `parameters.PARAMETERS`."""
    return [outcome.experiment.mu, *_numbers(draw_nuisance_parameters(outcome.experiment.seed, systematics))]


def _numbers(nuisance: dict[str, float | None]) -> list[float]:
    """Values as the templates take them: a scale that is off is 1."""
    values = (nuisance[name] for name in PARAMETERS[1:])
    return [1.0 if value is None else float(value) for value in values]
