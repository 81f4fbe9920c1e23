"""From events to mu: nuisance parameters, templates made for them, fit of mu; travels in the submission."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from experiments.methods.mle_nu.nuisance import NuisanceFit, SumOfScores, fit_nuisance
from experiments.methods.mle_nu.scorer import NuScorer
from submission.confidence import Belt, BeltConfig
from submission.estimator import Estimate
from submission.histogram import Histogram
from submission.likelihood import PRESETS, FitResult, Likelihood
from submission.templates import PROCESSES, TERMS, Templates

FILE = "mle_nu.pt"

#: Changes when a file of an earlier version can no longer be read.
VERSION = 1

#: Seed of the soft MET noise of template events, the same for all data sets.
NOISE_SEED = 505


@dataclass(frozen=True)
class NuEstimator:
    """All that a prediction needs.

    Arguments:
        histogram: `submission.histogram.Histogram` with a `NuScorer`, without events without a jet.
        events: DataFrame of training events that templates are made of: the 16 primaries, "weights" (expected events at
            mu = 1) and "process", place in `submission.templates.PROCESSES`.
        systematics: the official callable.
        belt: `submission.confidence.Belt`; None before it is made.
    """

    histogram: Histogram
    events: pd.DataFrame
    systematics: Callable
    belt: Belt | None = None

    def estimate(self, data, weights):
        """`submission.estimator.Estimate` of mu and its interval; arguments as for `fit`."""
        return Estimate.of(self.fit(data, weights)[1], self.belt)

    def fit(self, data, weights) -> tuple[NuisanceFit, FitResult]:
        """Nuisance parameters, then mu.

        Arguments:
            data: DataFrame of events.
            weights: weight of each event, array (events,).
        """
        weights = np.asarray(weights, dtype=np.float64)
        nuisance = fit_nuisance(SumOfScores.of(self.histogram.scorer, data, weights))
        histogram = self.at(nuisance.pulls)
        likelihood = Likelihood(self.templates(histogram, nuisance.values), PRESETS["mu alone"])
        return nuisance, likelihood.fit(histogram.counts(data, weights)[None])

    def at(self, pulls):
        """The histogram of scores with both copies of the nuisance parameters at `pulls` (eq. 28)."""
        scorer = replace(self.histogram.scorer, signal_pulls=pulls, background_pulls=pulls)
        return replace(self.histogram, scorer=scorer)

    def templates(self, histogram, values):
        """Templates at the nuisance parameters `values`, a dict, that hold there only."""
        shifts = {name: values[name] for name in ("tes", "jes", "soft_met")}
        shifted = self.systematics(self.events, seed=NOISE_SEED, **shifts)
        bins, process = histogram.bins_of(shifted), shifted["process"].to_numpy().astype(np.int64)
        factor = np.array([values.get(f"{name}_scale", 1.0) for name in PROCESSES])
        weights = shifted["weights"].to_numpy(dtype=np.float64) * factor[process]
        inside = bins >= 0
        place, size = process[inside] * histogram.bins + bins[inside], len(PROCESSES) * histogram.bins
        counts, variance = (
            np.bincount(place, content[inside], size).reshape(len(PROCESSES), -1) for content in (weights, weights**2)
        )
        coefficients = np.zeros((len(PROCESSES), len(TERMS), histogram.bins))
        coefficients[:, 0] = counts
        return Templates(coefficients, variance)

    def content(self):
        """The file that `load` makes the same estimator from, bytes."""
        buffer = io.BytesIO()
        belt = None
        if self.belt is not None:
            config = {"ordering": self.belt.config.ordering, "use_error": self.belt.config.use_error}
            arrays = {name: torch.as_tensor(array) for name, array in self.belt.arrays().items()}
            belt = {"config": config | {"mu_range": self.belt.config.mu_range}, "arrays": arrays}
        state = {
            "version": VERSION,
            "scorer": self.histogram.scorer.state(),
            "edges": [torch.as_tensor(inner) for inner in self.histogram.score_edges],
            "events": {name: torch.from_numpy(self.events[name].to_numpy(copy=True)) for name in self.events},
            "belt": belt,
        }
        torch.save(state, buffer)
        return buffer.getvalue()

    @classmethod
    def load(cls, path, systematics):
        """The estimator in the file `path`.

        Raises:
            ValueError: it is of another version.
        """
        state = torch.load(io.BytesIO(Path(path).read_bytes()), map_location="cpu", weights_only=True)
        if state["version"] != VERSION:
            raise ValueError(f"{path} is of version {state['version']}, this code reads version {VERSION}")
        histogram = Histogram(NuScorer.from_state(state["scorer"]), tuple(edges.numpy() for edges in state["edges"]))
        events = pd.DataFrame({name: values.numpy() for name, values in state["events"].items()})
        belt = None
        if state["belt"] is not None:
            arrays = {name: values.numpy() for name, values in state["belt"]["arrays"].items()}
            arrays = {name: array.item() if array.ndim == 0 else array for name, array in arrays.items()}
            belt = Belt(BeltConfig(**state["belt"]["config"]), **arrays)
        return cls(histogram, events, systematics, belt)
