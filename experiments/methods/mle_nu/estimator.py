"""From events to mu: nuisance parameters, templates made for them, fit of mu; travels in the submission."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from experiments.methods.mle_nu.calibration import Calibration
from experiments.methods.mle_nu.nuisance import NuisanceFit, SumOfScores, fit_nuisance
from experiments.methods.mle_nu.scorer import NuScorer, values_of
from submission.arrays import ArrayLike, FloatArray
from submission.confidence import Belt
from submission.estimator import Estimate, Measurement
from submission.histogram import Histogram
from submission.likelihood import PRESETS, FitResult, Likelihood
from submission.templates import PROCESSES, TERMS, Templates

#: Seed of the soft MET noise of template events, the same for all data sets.
NOISE_SEED = 505


@dataclass(frozen=True)
class NuArtifacts:
    """What was trained and made beforehand.

    Arguments:
        histogram: `submission.histogram.Histogram` with a `scorer.NuScorer`, without events without a jet.
        events: training events that templates are made of, arrays (events,) by their names: the 16 primaries, "weights"
            (expected events at mu = 1) and "process", place in `submission.templates.PROCESSES`.
        calibration: `calibration.Calibration` of the classifier's scores.
        belt: `submission.confidence.Belt`; None before it is made.
    """

    histogram: Histogram
    events: dict[str, FloatArray]
    calibration: Calibration
    belt: Belt | None = None


class NuEstimator:
    """All that a prediction needs.

    Arguments:
        parts: `NuArtifacts`.
        systematics: the official callable.
    """

    def __init__(self, parts: NuArtifacts, systematics: Callable[..., Any]) -> None:
        self.histogram, self.belt, self.systematics = parts.histogram, parts.belt, systematics
        self.calibration = parts.calibration
        self.events = pd.DataFrame(parts.events)

    def estimate(self, data: pd.DataFrame, weights: ArrayLike) -> Estimate:
        """Estimate of mu and its interval; arguments as for `fit`."""
        if self.belt is None:
            raise ValueError("there is no belt yet")
        return Estimate.of(self.fit(data, weights)[1], self.belt)

    def measurement(self, data: pd.DataFrame, weights: ArrayLike) -> Measurement:
        """Histogram and templates at the fitted nuisance parameters, and the belt; arguments as for `fit`."""
        if self.belt is None:
            raise ValueError("there is no belt yet")
        _, histogram, likelihood = self._likelihood(data, np.asarray(weights, dtype=np.float64))
        return Measurement.of(histogram, likelihood, self.belt, data, np.asarray(weights))

    def fit(self, data: pd.DataFrame, weights: ArrayLike) -> tuple[NuisanceFit, FitResult]:
        """Nuisance parameters, then mu.

        Arguments:
            data: events.
            weights: weight of each event, array (events,).
        """
        weights = np.asarray(weights, dtype=np.float64)
        nuisance, histogram, likelihood = self._likelihood(data, weights)
        return nuisance, likelihood.fit(histogram.counts(data, weights)[None])

    def _likelihood(self, data: pd.DataFrame, weights: FloatArray) -> tuple[NuisanceFit, Histogram, Likelihood]:
        """The fitted nuisance parameters, the histogram for them, and the likelihood of its counts."""
        assert isinstance(self.histogram.scorer, NuScorer)
        nuisance = fit_nuisance(SumOfScores.of(self.histogram.scorer, data, weights), self.calibration)
        histogram = self.at(nuisance.pulls)
        return (
            nuisance,
            histogram,
            Likelihood(self.templates(histogram, values_of(nuisance.pulls)), PRESETS["mu alone"]),
        )

    def at(self, pulls: FloatArray) -> Histogram:
        """The histogram of scores with both copies of the nuisance parameters at `pulls` (eq. 28)."""
        assert isinstance(self.histogram.scorer, NuScorer)
        scorer = replace(self.histogram.scorer, signal_pulls=pulls, background_pulls=pulls)
        return replace(self.histogram, scorer=scorer)

    def templates(self, histogram: Histogram, values: Mapping[str, float]) -> Templates:
        """Templates at the nuisance parameters `values` that hold there only."""
        shifts = {name: values[name] for name in ("tes", "jes", "soft_met")}
        shifted = self.systematics(self.events, seed=NOISE_SEED, **shifts)
        bins, process = histogram.bins_of(shifted), shifted["process"].to_numpy().astype(np.int64)
        factor = np.array([values.get(f"{name}_scale", 1.0) for name in PROCESSES])
        weights = shifted["weights"].to_numpy(dtype=np.float64) * factor[process]
        inside = bins >= 0
        place, size = process[inside] * histogram.bins + bins[inside], len(PROCESSES) * histogram.bins
        counts, variance = (
            np.bincount(place, content[inside], size).reshape(len(PROCESSES), -1).astype(np.float64)
            for content in (weights, weights**2)
        )
        coefficients = np.zeros((len(PROCESSES), len(TERMS), histogram.bins))
        coefficients[:, 0] = counts
        return Templates(coefficients, variance)
