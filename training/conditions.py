"""What training needs of its events, looked at as they come in, so that no stage fails on them hours later."""

from __future__ import annotations

import numpy as np

from ingestion_test.schema import PROCESSES
from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError
from submission.features import FEATURES, features

from .samples import Sample, draw_batches, training_part

#: Balanced events drawn to see what training would be given, and the fewest of a class that a category must have.
_DRAWN, _FEWEST = 20_000, 10

#: Events looked at a time, of a sample that may be mapped from files.
_CHUNK = 1 << 20

_REMEDY = "the rows must be in random order, and enough of them: use a larger sample, or mend the file"


def events_with_jets(source: OfficialFolder, part: str) -> Sample:
    """The events of a part that have a jet, of which networks can be trained.

    Arguments:
        source, part: as for `samples.training_part`.

    Raises:
        ChallengeError: signal or background has no event with a weight, or hardly one in a category; a feature is the
            same in all events of a category; or as `training_part`.
    """
    sample = training_part(source, part).with_jets()
    check_for_networks(sample, source, part)
    return sample


def check_for_networks(sample: Sample, source: OfficialFolder, part: str) -> None:
    """Refuse events of which no networks can be trained; of a large sample the first ones are looked at.

    Arguments:
        sample: events of the part, those without a jet among them or not.
        source, part: where they are from.

    Raises:
        ChallengeError: as `events_with_jets`.
    """
    sample = sample.part(slice(_CHUNK)).with_jets()
    for label, rows in (("signal", sample.is_signal), ("background", ~sample.is_signal)):
        if not sample.weights[rows].sum() > 0:
            raise ChallengeError(
                f"{source.path}: no {label} event of the part for {part} has a jet and a weight above 0; {_REMEDY}"
            )
    for category, batch in draw_batches(sample, _DRAWN, np.random.default_rng(0)).items():
        for value, label in ((1, "signal"), (0, "background")):
            number = int(np.count_nonzero(batch.labels == value))
            if number < _FEWEST:
                raise ChallengeError(
                    f"{source.path}: of {_DRAWN // 2:,} {label} events drawn from the part for {part}, {number} are of "
                    f"the category {category} after the post-selection, which is too few; {_REMEDY}"
                )
        values = features(batch.columns, category)
        constant = [name for name, column in zip(FEATURES[category], values.T) if column.min() == column.max()]
        if constant:
            raise ChallengeError(
                f"{source.path}: {', '.join(constant)} of all {category} events of the part for {part} are the same; "
                "networks need features that differ: mend the file"
            )


def check_for_templates(sample: Sample, source: OfficialFolder) -> None:
    """Refuse events of which no templates can be made.

    Arguments:
        sample: the part for templates.
        source: where it is from.

    Raises:
        ChallengeError: a process has no event with a weight.
    """
    totals = np.zeros(len(PROCESSES))
    for first in range(0, len(sample.weights), _CHUNK):
        rows = slice(first, first + _CHUNK)
        totals += np.bincount(sample.process[rows], sample.weights[rows], len(PROCESSES))
    absent = [name for name, total in zip(PROCESSES, totals) if not total > 0]
    if absent:
        raise ChallengeError(
            f"{source.path}: no event of {', '.join(absent)} in the part for templates has a weight above 0; {_REMEDY}"
        )
