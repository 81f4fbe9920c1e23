"""A look at a data folder before hours are spent on it: rows, yields, and distributions beside the simulation's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from runtime.tables import Table

from .arrays import DoubleArray
from .schema import DATA_FILE, METADATA_FILE, PRIMARIES, PROCESSES, SIGNAL, SUM_WEIGHTS, UNDEFINED, YIELDS
from .sources import OfficialFolder

#: Rows that the distributions are made of, of either folder.
ROWS = 200_000

#: Yields and means that differ by more are warned of: a tenth, and a tenth of the standard deviation.
YIELD_TOLERANCE, MEAN_TOLERANCE = 0.1, 0.1

#: Events of a process among the test rows below which pseudo-experiments repeat them often.
FEW_EVENTS = 1000


@dataclass(frozen=True)
class DataCheck:
    """What was seen: tables, and texts about what would make results wrong or meaningless."""

    tables: tuple[Table, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Features:
    """Weighted means and standard deviations of primaries, arrays (16,), and the share of events that have each."""

    mean: DoubleArray
    deviation: DoubleArray
    defined: DoubleArray


def check_data(folder: OfficialFolder, simulated: OfficialFolder) -> DataCheck:
    """Look at the events of a folder, beside those of the simulation.

    Arguments:
        folder: to look at; its whole file is read.
        simulated: a folder of simulated events.

    Raises:
        ChallengeError: the events are not as they must be; as `OfficialFolder.test_events`.
    """
    test = folder.test_events()
    weights = {name: float(test.process(name)[1].sum(dtype=float)) for name in PROCESSES}
    ours, theirs = (_features(source) for source in (folder, simulated))
    rows = Table(
        ["process", "test rows", "expected events", "official"],
        [
            [name, f"{count:,}", f"{weights[name]:,.0f}", f"{YIELDS[name]:,.0f}"]
            for name, count in zip(PROCESSES, test.counts)
        ],
        title=f"{folder}: {folder.test_rows:,} test rows, {folder.train_rows:,} training rows",
    )
    distance = (ours.mean - theirs.mean) / np.where(theirs.deviation > 0, theirs.deviation, 1)
    means = Table(
        ["primary", "mean", "deviation", "defined", "simulated mean", "deviation", "defined", "difference"],
        [
            [name, *(f"{value:.3f}" for value in values)]
            for name, *values in zip(PRIMARIES, *vars(ours).values(), *vars(theirs).values(), distance)
        ],
        title="weighted, difference in simulated standard deviations",
    )
    return DataCheck((rows, means), tuple(_warnings(folder, weights, test.counts, distance)))


def _features(source: OfficialFolder) -> _Features:
    events = source.train_events(0, source.train_rows, most=ROWS)
    weight, values = np.asarray(events.weights, float), np.asarray(events.primaries, float)
    defined = values != UNDEFINED
    each = np.where(defined, weight[:, None], 0)
    total = np.maximum(each.sum(axis=0), 1e-300)
    mean = (each * values).sum(axis=0) / total
    deviation = np.sqrt((each * (values - mean) ** 2).sum(axis=0) / total)
    return _Features(mean, deviation, total / weight.sum())


def _warnings(
    folder: OfficialFolder, weights: dict[str, float], counts: tuple[int, ...], distance: DoubleArray
) -> Iterator[str]:
    others = sorted(path.name for path in folder.folder.glob("*.parquet") if path != folder.path)
    if others:
        yield f"only {folder.path.name} is read, not {', '.join(others)}: join the parts into {DATA_FILE}"
    if folder.sum_weights is None:
        yield (
            f"there is no {METADATA_FILE} with sum_weights, so a pseudo-experiment has {sum(weights.values()):,.0f} "
            f"events, the sum of the test rows' weights, where the challenge has {SUM_WEIGHTS:,.0f}: results mean "
            "nothing before the file is beside the events"
        )
    for name, count in zip(PROCESSES, counts):
        share = weights[name] / YIELDS[name]
        if abs(share - 1) > YIELD_TOLERANCE:
            yield f"{name} has {share:.2f} times the official number of expected events"
        if count < FEW_EVENTS:
            yield f"{name} has only {count} test rows, which pseudo-experiments will repeat: use a larger sample"
    far = [f"{name} ({value:+.2f})" for name, value in zip(PRIMARIES, distance) if abs(value) > MEAN_TOLERANCE]
    if far:
        yield (
            f"the means of {', '.join(far)} differ from the simulation's by so many standard deviations: train on "
            f"these events, and see that units are GeV and radians, and undefined values {UNDEFINED:g}"
        )
    if weights[SIGNAL] > sum(weights.values()) / 10:
        yield f"{SIGNAL} is more than a tenth of all: the weights are not those of the challenge"
