"""The classifier on official events, beside as many simulated ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError
from submission.score import Scorer

from .scored_events import ScoredEvents, read_sample, score_events
from .separation import roc, separation

#: Samples of simulated events beside the official ones.
SAMPLES = 200


def official(
    scorer: Scorer,
    folder: str | Path,
    most: int,
    trained_on: str,
    simulated: ScoredEvents,
    random: np.random.Generator,
) -> dict[str, Any]:
    """The classifier on official events, and on as many simulated ones.

    Arguments:
        scorer: of the trained method.
        folder: in the official format.
        most: rows to read at the most, the first ones: the training reads none of the first 30%.
        trained_on: fingerprint of the data that the networks were trained on.
        simulated: simulated events at nominal nuisance parameters.
        random: for errors, and for the choice of simulated events.

    Returns:
        dict: `separation` of 1- and 2-jet events, "weighted" by the events' weights within each class and "unweighted";
        "simulated": mean and standard deviation of the AUC of some samples with as many events of each class,
        drawn from `simulated` in proportion to their weights.

    Raises:
        ChallengeError: as `sources.OfficialFolder`, or there are no 1- and 2-jet events of both classes.
    """
    source = OfficialFolder(folder)
    rows = min(most, source.test_rows if source.fingerprint() == trained_on else source.total_rows)
    events = score_events(scorer, read_sample(source, rows))
    numbers = [int(np.sum(inside)) for inside in events.classes().values()]
    if not all(numbers):
        raise ChallengeError(f"{folder} has {numbers[0]} signal and {numbers[1]} background events with jets: use more")
    samples = (_as_many(simulated, numbers, random) for _ in range(SAMPLES))
    areas = [roc(sample, sample.weights)[0] for sample in samples]
    unit = dataclasses.replace(events, weights=np.ones(len(events.weights)))
    return {
        "weighted": separation(events, random),
        "unweighted": separation(unit, random),
        "simulated": {"auc": float(np.mean(areas)), "auc_spread": float(np.std(areas)), "samples": SAMPLES},
    }


def _as_many(events: ScoredEvents, numbers: Sequence[int], random: np.random.Generator) -> ScoredEvents:
    """Signal and background events, as many as `numbers` says, drawn in proportion to their weights."""
    rows = []
    for number, inside in zip(numbers, events.classes().values()):
        members = np.flatnonzero(inside)
        weights = events.weights[members]
        rows.append(random.choice(members, number, p=weights / weights.sum()))
    return dataclasses.replace(events.select(np.concatenate(rows)), weights=np.ones(sum(numbers)))
