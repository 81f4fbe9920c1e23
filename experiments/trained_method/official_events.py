"""The classifier on official events, beside as many simulated ones."""

import dataclasses

import numpy as np

from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError

from .scored_events import read_sample, scored
from .separation import REPLICAS, roc, separation


def official(scorer, folder, most, trained_on, simulated, random):
    """The classifier on official events, and on as many simulated ones.

    Arguments:
        scorer: `submission.score.Scorer`.
        folder: in the official format.
        most: rows to read at the most, the first ones: the training reads none of the first 30%.
        trained_on: fingerprint of the data that the networks were trained on.
        simulated: `Scored`, simulated events at nominal nuisance parameters.
        random: `numpy.random.Generator`.

    Returns:
        dict: `separation` of 1- and 2-jet events, "weighted" by the events' weights within each class and "unweighted";
        "simulated": mean and standard deviation of the AUC of some samples with as many events of each class,
        drawn from `simulated` in proportion to their weights.

    Raises:
        ChallengeError: as `sources.OfficialFolder`, or there are no 1- and 2-jet events of both classes.
    """
    source = OfficialFolder(folder)
    rows = min(most, source.test_rows if source.fingerprint() == trained_on else source.total_rows)
    events = scored(scorer, read_sample(source, rows))
    numbers = [int(np.sum(events.is_signal)), int(np.sum(~events.is_signal))]
    if not all(numbers):
        raise ChallengeError(f"{folder} has {numbers[0]} signal and {numbers[1]} background events with jets: use more")
    samples = (_as_many(simulated, numbers, random) for _ in range(REPLICAS))
    areas = [roc(sample, sample.weights)[0] for sample in samples]
    unit = dataclasses.replace(events, weights=np.ones(len(events.weights)))
    return {
        "weighted": separation(events, random),
        "unweighted": separation(unit, random),
        "simulated": {"auc": float(np.mean(areas)), "auc_spread": float(np.std(areas)), "samples": REPLICAS},
    }


def _as_many(events, numbers, random):
    """Signal and background events, as many as `numbers` says, drawn in proportion to their weights: `Scored`."""
    rows = []
    for number, own in zip(numbers, (events.is_signal, ~events.is_signal)):
        own = np.flatnonzero(own)
        rows.append(random.choice(own, number, p=events.weights[own] / events.weights[own].sum()))
    return dataclasses.replace(events.of(np.concatenate(rows)), weights=np.ones(sum(numbers)))
