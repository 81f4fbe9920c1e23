"""A small estimator, simulated training events that its templates describe, and what hands them over."""

import functools

import numpy as np
import pandas as pd

from ingestion_test.official.systematics import systematics
from ingestion_test.schema import PRIMARIES, PROCESSES, SUM_WEIGHTS
from ingestion_test.simulation import simulate
from submission.confidence import BeltConfig, make_belt
from submission.counting import PointCounts, grid
from submission.estimator import Estimator
from submission.features import CATEGORIES
from submission.histogram import Histogram
from submission.likelihood import Likelihood
from submission.refit import Counting
from submission.score import Scorer
from submission.templates import fit_templates
from submission.throws import belt_mu, random_stream, throw
from submission.training_events import Events
from tests.submission.networks_examples import FirstInput, standardisations


@functools.cache
def training_frame(rows=60_000, seed=3):
    """Simulated rows in the official format, without the derived columns."""
    blocks = list(simulate(rows, seed=seed, unweighted=True))
    frame = pd.DataFrame({name: np.concatenate([block[name] for block in blocks]) for name in PRIMARIES})
    process = np.concatenate([block["process"] for block in blocks]).astype(int)
    frame["weights"] = np.concatenate([block["weights"] for block in blocks])
    frame["detailed_labels"] = np.array(PROCESSES)[process]
    return frame.sample(frac=1, random_state=1, ignore_index=True)


class TrainSet:
    """`get_train_set` for a frame; it counts how often it is asked."""

    def __init__(self, frame):
        self.frame, self.calls = frame, 0

    def __call__(self, train_size=None, selected_indices=None):
        self.calls += 1
        rows = np.arange(int(train_size * len(self.frame))) if selected_indices is None else np.sort(selected_indices)
        part = self.frame.iloc[rows].reset_index(drop=True)
        if len(part):
            part["weights"] *= SUM_WEIGHTS / part["weights"].sum()
        return part


def estimator_of(frame, throws=3000):
    """An estimator with 8 bins, of the leptons' pT and of the visible mass, and templates of the events of `frame`."""
    edges = tuple(np.array([0.1, 0.3]) for _ in CATEGORIES)
    histogram = Histogram(Scorer((), standardisations(), FirstInput()), edges, np.array([70.0]))
    events = Events.of(TrainSet(frame)(1.0))
    counts = Counting(systematics, histogram, events, grid(), 99)()
    templates = fit_templates(grid(), np.stack([point.counts for point in counts]), counts[0].variance)
    likelihood = Likelihood(templates)
    thrown = throw(likelihood, belt_mu(1, throws, (0.1, 3.0)), random_stream(1, "belt", 0))
    valid = thrown.select(thrown.valid)
    return Estimator(histogram, likelihood, make_belt(valid.mu, valid.mu_hat, valid.sigma, BeltConfig("central")))


def counts_of(histogram, frame, point=(1.0, 1.0, 0.0)):
    """`PointCounts` of the events of `frame` at a point."""
    (counts,) = Counting(systematics, histogram, Events.of(TrainSet(frame)(1.0)), np.array([point]), 5)()
    assert isinstance(counts, PointCounts)
    return counts
