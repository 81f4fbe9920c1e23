"""Making of the histogram that mu is fitted to: its edges, from events that the networks know."""

import os
from dataclasses import dataclass, field

import numpy as np

from ingestion_test.schema import FEATURES
from ingestion_test.systematics import transform
from runtime.errors import ChallengeError
from submission.arrays import FloatArray, IntArray
from submission.histogram import NO_JET_FEATURE, Histogram, edges_of_scores
from submission.score import Scorer

from .devices import own_gpu
from .fields import Count, CountOrNone, Even, Seed
from .networks import scored
from .nuisance_axis import AxisConfig, with_axis
from .samples import Sample, draw_batches


@dataclass(frozen=True)
class TemplatesConfig:
    """The histogram and its templates.

    Arguments:
        signal_bins, background_bins: equal shares of signal and of background between score edges, in each category.
        no_jet_bins: bins of the visible mass of events without a jet; 0 leaves these events out.
        axis: `nuisance_axis.AxisConfig`, the second axis; None for the first one alone.
        edge_events: balanced events that the edges are taken from.
        rows: events of the part for templates that are used at the most; None for all, which are never in memory.
        seed: of the draws for the edges and of the soft MET noise.

    Raises:
        ValueError: a second axis where events without a jet are left out.
    """

    signal_bins: Count = 30
    background_bins: Count = 12
    no_jet_bins: CountOrNone = 20
    axis: AxisConfig | None = field(default_factory=AxisConfig)
    edge_events: Even = 400_000
    rows: Count | None = None
    seed: Seed = 7

    def __post_init__(self) -> None:
        if self.axis is not None and not self.no_jet_bins:
            raise ValueError("axis: it needs events without a jet; set no_jet_bins, or leave the axis out")


def make_histogram(scorer: Scorer, known: Sample, events: Sample, config: TemplatesConfig, device: str) -> Histogram:
    """The histogram of a scorer.

    Arguments:
        scorer: the trained `Scorer`; on the CPU afterwards, so that it can be sent to worker processes.
        known: events other than those of the templates, with and without jets, from which the scores' edges and the
            second axis are made: so the templates' events are free of the choice.
        events: of the templates; the edges for events without a jet are taken from the first ones.
        device: "cpu" or "cuda".

    Raises:
        ChallengeError: bins for events without a jet are asked for, and there are none.
    """
    batches = draw_batches(known.with_jets(), config.edge_events, np.random.default_rng(config.seed))
    bins = (config.signal_bins, config.background_bins)
    edges = [edges_of_scores(*scores, *bins) for scores in scored(scorer.to(device), batches)]
    no_jet = None
    if config.no_jet_bins:
        features = dict(zip(FEATURES, transform(events.primaries[: config.edge_events])[0].T))
        mass = features[NO_JET_FEATURE][features["PRI_n_jets"] == 0]
        if not len(mass):
            raise ChallengeError("no event without a jet passes the post-selection: set templates.no_jet_bins to 0")
        no_jet = np.unique(np.quantile(mass, np.arange(1, config.no_jet_bins) / config.no_jet_bins))
    histogram = Histogram(scorer, tuple(edges), no_jet)
    if config.axis is not None:
        histogram = with_axis(histogram, known, config.axis, device)
    scorer.to("cpu")
    return histogram


@dataclass(frozen=True)
class BinsOfFeatures:
    """The bins of a histogram, of events given as an array of features, as worker processes get them.

    Arguments:
        histogram: `Histogram`.
        device: "cpu" or "cuda"; of several GPUs each process has its own.
    """

    histogram: Histogram
    device: str

    def __call__(self, features: FloatArray) -> IntArray:
        """Bin of each event, integer array (events,), from `features` (events, 28) as `schema.FEATURES`."""
        self.histogram.scorer.to(own_gpu(self.device, os.getpid()))
        return self.histogram.bins_of(dict(zip(FEATURES, features.T)))
