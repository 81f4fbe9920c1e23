"""Training of the histogram's second axis: networks that tell shifted events apart, and the sum of them that counts.

The logit that tells events with a parameter shifted up from the same events with it shifted down is, over the distance,
the direction d ln p / d pull. As both are made from the same events, little noise is left in the difference. For
soft_met, whose effect is of second order, events with noise of either sign are told from those without.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm

from ingestion_test.schema import FEATURES, PRIMARIES
from ingestion_test.systematics import transform
from runtime.errors import ChallengeError
from submission.arrays import BoolArray, Columns, FloatArray, IntArray
from submission.features import CATEGORIES, Standardisation, categories, chosen_features
from submission.features import FEATURES as FEATURES_OF
from submission.histogram import Histogram
from submission.nuisance_axis import CHANNELS, NO_JET_FEATURES, DirectionNetwork, NuisanceAxis
from submission.score import Scorer

from .devices import usable_device
from .fields import Count, Positive, Seed, Several
from .samples import Sample

#: Distance of the shifted events from the nominal ones: pulls of tes and jes, and soft_met in GeV.
_PULL, _SOFT_MET = 4.0, 4.0

#: Ways to shift events: tes, jes, the sign of the soft_met noise; the label; the weight in the loss of each direction.
_SHIFTS = (
    (1 + 0.01 * _PULL, 1.0, 0, 1.0, (1.0, 0.0, 0.0)),
    (1 - 0.01 * _PULL, 1.0, 0, 0.0, (1.0, 0.0, 0.0)),
    (1.0, 1 + 0.01 * _PULL, 0, 1.0, (0.0, 1.0, 0.0)),
    (1.0, 1 - 0.01 * _PULL, 0, 0.0, (0.0, 1.0, 0.0)),
    (1.0, 1.0, 1, 1.0, (0.0, 0.0, 0.5)),
    (1.0, 1.0, -1, 1.0, (0.0, 0.0, 0.5)),
    (1.0, 1.0, 0, 0.0, (0.0, 0.0, 1.0)),
)

#: From logits to d ln p / d pull at soft_met = 1 GeV: p changes with soft_met^2, which has the slope 2 GeV^2 there.
_PER_PULL = np.array([1 / (2 * _PULL), 1 / (2 * _PULL), 2 / _SOFT_MET**2])

#: Events that are used at the most.
_MOST_ROWS = 3_000_000

#: Events with jets are drawn so many times as often as those without, and have as much less weight.
_JETS_FAVOURED = 4.0


@dataclass(frozen=True)
class AxisConfig:
    """The second axis of the histogram.

    Arguments:
        shares: bins of it in each bin of the first axis.
        least_events: effective number of the events that the edges are taken from in a share at the least; a bin of the
            first axis with fewer has fewer shares.
        width, depth: of the networks, see `submission.nuisance_axis.DirectionNetwork`.
        steps: of the training, each with `batch` events of all channels together, shifted in all ways.
        learning_rate: of Adam at the start; it falls to 0 along a cosine.
        seed: of the initial weights and of the events' draws.
    """

    shares: Several = 3
    least_events: Count = 40
    width: Count = 32
    depth: Count = 2
    steps: Count = 1500
    batch: Several = 8000
    learning_rate: Positive = 3e-3
    seed: Seed = 11


def with_axis(histogram: Histogram, known: Sample, config: AxisConfig, device: str) -> Histogram:
    """A histogram with a second axis.

    Arguments:
        histogram: `Histogram` of the first axis, with events without a jet; its scorer is on `device`.
        known: events other than those of the templates, with and without jets; their weights are expected events.
        config: `AxisConfig`.
        device: "cpu" or "cuda".

    Raises:
        ChallengeError: CUDA is absent, or `known` has too few events without a jet.
    """
    rows = slice(_MOST_ROWS)
    part = Sample(known.primaries[rows], known.weights[rows], known.process[rows])
    known = replace(part, weights=part.weights * (known.weights.sum() / part.weights.sum()))
    features, kept = transform(known.primaries)
    columns, weights, is_signal = dict(zip(FEATURES, features.T)), known.weights[kept], known.is_signal[kept]
    standardisation = _standardisation(columns, weights)
    network = train_directions(histogram.scorer, standardisation, known, config, device)
    unsplit = [np.empty((len(inner) + 1, 0)) for inner in histogram.first_edges.values()]
    first = replace(histogram, axis=NuisanceAxis(network, standardisation, tuple(unsplit)))
    channels = {
        number: ChannelEvents(bins, _PER_PULL * network.logits(standardised, number), weights[rows], is_signal[rows])
        for number, rows, bins, standardised in first.first_bins(columns)
    }
    factors = efficient_factors(list(channels.values()))
    edges = [
        edges_of_shares(channels[number], factors, len(bins), config) if number in channels else bins
        for number, bins in enumerate(unsplit)
    ]
    axis = NuisanceAxis(network.combined(factors * _PER_PULL).cpu(), standardisation, tuple(edges))
    return replace(histogram, axis=axis)


@dataclass(frozen=True)
class ChannelEvents:
    """Events of a channel.

    Arguments:
        first: bins of the first axis, integer array (events,).
        directions: d ln p / d pull of tes, jes and soft_met, array (events, 3).
        weights: expected events, array (events,).
        is_signal: array (events,).
    """

    first: IntArray
    directions: FloatArray
    weights: FloatArray
    is_signal: BoolArray


def efficient_factors(channels: Sequence[ChannelEvents]) -> FloatArray:
    """What each direction counts for mu: array (3,), the regression of d ln p / d mu on the directions, at mu = 1.

    The information of the priors is added to that of the events.
    """
    directions, mixed = np.eye(len(_PER_PULL)), np.zeros(len(_PER_PULL))
    for events in channels:
        signal = np.bincount(events.first, events.weights * events.is_signal)
        slope = (signal / np.maximum(np.bincount(events.first, events.weights), 1e-300))[events.first]
        weighted = events.directions * events.weights[:, None]
        directions += weighted.T @ events.directions
        mixed += weighted.T @ slope
    factors: FloatArray = np.linalg.solve(directions, mixed)
    return factors


def edges_of_shares(events: ChannelEvents, factors: FloatArray, bins: int, config: AxisConfig) -> FloatArray:
    """Edges that share the weight of each first bin evenly, as `NuisanceAxis` has them: array (bins, shares - 1)."""
    result = np.full((bins, config.shares - 1), np.inf)
    values = events.directions @ factors
    order = np.lexsort((values, events.first))
    ends = np.searchsorted(events.first[order], np.arange(bins + 1))
    for number, (start, stop) in enumerate(itertools.pairwise(ends)):
        members = order[start:stop]
        weights = np.maximum(events.weights[members], 0)
        effective = weights.sum() ** 2 / max(np.square(weights).sum(), 1e-300)
        shares = min(config.shares, int(effective / config.least_events))
        if shares > 1:
            below = np.cumsum(weights) / weights.sum()
            places = np.searchsorted(below, np.arange(1, shares) / shares)
            result[number, : shares - 1] = values[members[places]]
    return result


def train_directions(
    scorer: Scorer, standardisation: Standardisation, sample: Sample, config: AxisConfig, device: str
) -> DirectionNetwork:
    """Train the directions of tes, jes and soft_met in all channels.

    Arguments:
        scorer: `Scorer` that standardises the features of events with jets.
        standardisation: of those of events without.
        sample: `Sample`, with and without jets.
        config: `AxisConfig`.
        device: "cpu" or "cuda".

    Returns:
        `DirectionNetwork` of three outputs, logits; on `device`.

    Raises:
        ChallengeError: CUDA is absent.
    """
    place, random = usable_device(device), np.random.default_rng(config.seed)
    sizes = [len(names.names) for names in (*scorer.standardisations, standardisation)]
    network = DirectionNetwork(sizes, config.width, config.depth, len(_PER_PULL), config.seed).to(place)
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate)
    weights = np.where(sample.primaries[:, PRIMARIES.index("PRI_n_jets")] > 0, 1 / _JETS_FAVOURED, 1.0)
    chances = np.cumsum(sample.weights / weights)
    for step in tqdm(range(config.steps), desc="second axis", disable=None):
        optimizer.param_groups[0]["lr"] = 0.5 * config.learning_rate * (1 + math.cos(math.pi * step / config.steps))
        rows = np.searchsorted(chances, random.random(config.batch) * chances[-1], "right")
        noise = _SOFT_MET * random.standard_normal((2, config.batch))
        loss = torch.zeros((), device=place)
        for number, inputs, labels, weight in _batch(scorer, standardisation, sample, rows, weights[rows], noise):
            targets = torch.as_tensor(labels, device=place)[:, None].expand(-1, len(_PER_PULL))
            loss = loss + functional.binary_cross_entropy_with_logits(
                network(torch.as_tensor(inputs, device=place), number),
                targets,
                torch.as_tensor(weight, device=place),
                reduction="sum",
            )
        optimizer.zero_grad()
        (loss / config.batch).backward()
        optimizer.step()
    return network.eval().requires_grad_(False)


def _batch(
    scorer: Scorer,
    standardisation: Standardisation,
    sample: Sample,
    rows: IntArray,
    weights: FloatArray,
    noise: FloatArray,
) -> Iterator[tuple[int, FloatArray, FloatArray, FloatArray]]:
    """All shifts of the events `rows`, per channel: its number, inputs, labels and weights (events, directions)."""
    shifted, labels, factors = [], [], []
    for tes, jes, sign, label, parts in _SHIFTS:
        features, kept = transform(sample.primaries, rows, tes, jes, tuple(sign * noise) if sign else None)
        shifted.append(features)
        labels.append(np.full(len(kept), label, np.float32))
        factors.append(np.outer(weights[kept], parts).astype(np.float32))
    columns = dict(zip(FEATURES, np.concatenate(shifted).T))
    label, factor = np.concatenate(labels), np.concatenate(factors)
    which = categories(columns)
    for number, name in enumerate(CHANNELS):
        inside = np.flatnonzero(which == (number if name in CATEGORIES else -1))
        if len(inside):
            names = FEATURES_OF.get(name, NO_JET_FEATURES)
            members = {feature: columns[feature][inside] for feature in names}
            if name in CATEGORIES:
                inputs = scorer.standardised(members, number)
            else:
                inputs = standardisation(chosen_features(members, names))
            yield number, inputs, label[inside], factor[inside]


def _standardisation(columns: Columns, weights: FloatArray) -> Standardisation:
    """Of the features of events without a jet; raises ChallengeError where there are too few."""
    rows = np.flatnonzero(categories(columns) == -1)
    values = chosen_features({name: columns[name][rows] for name in NO_JET_FEATURES}, NO_JET_FEATURES)
    try:
        return Standardisation.of(NO_JET_FEATURES, values, weights[rows])
    except (ValueError, ZeroDivisionError) as error:
        raise ChallengeError(f"the second axis has too few events without a jet ({error}): use more events") from error
