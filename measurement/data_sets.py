"""Data sets and a submission's measurement of them: a pseudo-experiment and its sample, or a file of events."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ingestion_test import fits
from ingestion_test.derived import derived_features
from ingestion_test.ingestion import Progress, RunSettings
from ingestion_test.jobs import Job
from ingestion_test.nuisance import draw_nuisance_parameters
from ingestion_test.pool import measuring
from ingestion_test.pseudo_experiments import PseudoExperiment, experiment_test_set, process_scales
from ingestion_test.schema import DERIVED, FEATURES, PRIMARIES, PROCESSES
from ingestion_test.sources import OfficialFolder, TestEvents
from ingestion_test.submissions import checksum, prepare
from ingestion_test.systematics import soft_met_noise, transform
from runtime.errors import ChallengeError
from submission import codec
from submission.arrays import FloatArray
from submission.estimator import Measurement

from .explanation import Truth
from .finite_sample import Sample

#: Events of the finite sample worked on at a time.
_CHUNK = 500_000

#: Seed of the soft MET noise of the finite sample.
_NOISE_SEED = 20250509

#: Function from a test set to a submission's measurement of it.
Measure: TypeAlias = Callable[[dict[str, Any]], Measurement]


@dataclass(frozen=True)
class DataSet:
    """A measured data set: what it is called, its measurement, and what is known of its making."""

    title: str
    measurement: Measurement
    truth: Truth | None = None
    sample: Sample | None = None


@contextlib.contextmanager
def measured_by(
    submission: str | Path | None, source: OfficialFolder, work: Path, fit_minutes: float | None = None
) -> Iterator[Measure]:
    """Fit a submission; function from test sets to its measurements of them, as long as the block lasts.

    A model that an earlier run has left in the cache is not fitted again.

    Arguments:
        submission: folder or zip, None for this project's own.
        source: of the training events, should it ask for them.
        work: an empty folder for what is needed on the way.
        fit_minutes: time that the submission is told that its fit may take, None to say nothing.

    Raises:
        ChallengeError: it fails, has no `Model.measurement`, or that returns something else.
    """
    folder = prepare(submission, work / "submission", work)
    identity = {"data": source.fingerprint(), "sum_weights": source.sum_weights, "submission": checksum(folder)}
    model = fits.cached_model(identity, fit_minutes)
    job = Job(folder, source.folder, None, (), model, fits=model is None, log=None, fit_minutes=fit_minutes)
    with measuring(job, Progress()) as measure:

        def decoded(test_set: dict[str, Any]) -> Measurement:
            try:
                return codec.decode(Measurement, measure(test_set))
            except codec.FormatError as error:
                raise ChallengeError(
                    f"Model.measurement returned what is no submission.estimator.Measurement: {error}"
                ) from error

        yield decoded


def experiment(measure: Measure, source: OfficialFolder, settings: RunSettings, chosen: PseudoExperiment) -> DataSet:
    """A pseudo-experiment of a run.

    Arguments:
        measure: as from `measured_by`.
        source: of the test events.
        settings: of the run.
        chosen: which one.

    Raises:
        ChallengeError: as `measured_by`.
    """
    events = source.test_events()
    measurement = measure(experiment_test_set(events, chosen, settings.systematics))
    nuisance = draw_nuisance_parameters(chosen.seed, settings.systematics)
    sample = finite_sample(measure, measurement, events, chosen.mu, nuisance)
    return DataSet(f"{chosen} of {source}", measurement, Truth.of(chosen, settings.systematics), sample)


def finite_sample(
    measure: Measure,
    measurement: Measurement,
    events: TestEvents,
    mu: float,
    nuisance: dict[str, Any],
) -> Sample | None:
    """The `Sample` of the test events at true parameters; arguments and None as `expected_counts`."""
    counts = expected_counts(measure, measurement, events, mu, nuisance)
    variance = None if counts is None else _sums(measure, measurement, events, mu, nuisance, 0, power=2)
    return None if counts is None or variance is None else Sample(counts, variance)


def expected_counts(
    measure: Measure,
    measurement: Measurement,
    events: TestEvents,
    mu: float,
    nuisance: dict[str, Any],
) -> FloatArray | None:
    """What the test events that pseudo-experiments are drawn from expect at true parameters.

    Arguments:
        measure: as from `measured_by`.
        measurement: of any data set, for its bins.
        events: the test events.
        mu: true signal strength.
        nuisance: true nuisance parameters, as from `draw_nuisance_parameters`.

    Returns:
        array (2, bins), as the counts of `Sample`; None for a submission whose bins depend on the data.
    """
    noises = (0, 1) if nuisance["soft_met"] > 0 else (0,)
    sums = []
    for noise in noises:
        counts = _sums(measure, measurement, events, mu, nuisance, noise, power=1)
        if counts is None:
            return None
        sums.append(counts)
    return np.stack([sums[0], sums[-1]])


def _sums(
    measure: Measure,
    measurement: Measurement,
    events: TestEvents,
    mu: float,
    nuisance: dict[str, Any],
    noise_number: int,
    power: int,
) -> FloatArray | None:
    """Sum of a power of the weights of all test events in each bin, array (bins,); arguments as `expected_counts`."""
    scales = process_scales(mu, *(nuisance[f"{name}_scale"] for name in ("ttbar", "diboson", "bkg")))
    sums = np.zeros(len(measurement.counts))
    for process in PROCESSES:
        first, weights = events.process(process)
        for begin in range(0, len(weights), _CHUNK):
            chosen = np.asarray(weights[begin : begin + _CHUNK], dtype=float) * scales[process]
            noise = soft_met_noise(nuisance["soft_met"], len(chosen), seed=[_NOISE_SEED, noise_number, first + begin])
            rows = np.arange(first + begin, first + begin + len(chosen))
            features, kept = transform(events.primaries, rows, nuisance["tes"], nuisance["jes"], noise, rounded=True)
            data = pd.DataFrame(features, columns=list(FEATURES), copy=False)
            part = measure({"data": data, "weights": chosen[kept] ** power})
            if not same_bins(part, measurement):
                return None
            sums += part.counts
    return sums


def same_bins(one: Measurement, other: Measurement) -> bool:
    """Whether two measurements have the same templates, so that their bins mean the same."""
    return np.array_equal(one.likelihood.templates.coefficients, other.likelihood.templates.coefficients)


def of_events(measure: Measure, name: str, data: pd.DataFrame, weights: pd.Series) -> DataSet:
    """Events, as from `read_events` of the file `name`, as a test set; raises ChallengeError as `measured_by`."""
    return DataSet(f"{len(data):,} events of {name}", measure({"data": data, "weights": weights}))


def read_events(path: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Events of a parquet or csv file: the 28 features and the weights.

    The derived features are computed where a file has the 16 primaries alone; the weights are 1 where it has none.

    Raises:
        ChallengeError: the file cannot be read, or lacks primaries, or some of the derived features.
    """
    readers = {".parquet": pd.read_parquet, ".csv": pd.read_csv}
    if path.suffix not in readers:
        raise ChallengeError(f"{path} is neither a .parquet nor a .csv file of events, nor SET:INDEX, such as 2:5")
    try:
        table = readers[path.suffix](path)
    except (OSError, ValueError) as error:
        raise ChallengeError(f"{path} cannot be read ({error}): give a table of events, one a row") from error
    missing = [name for name in PRIMARIES if name not in table]
    if missing:
        raise ChallengeError(f"{path} lacks the columns {', '.join(missing)}: it needs the 16 primaries at least")
    strange = [name for name in FEATURES if name in table and not pd.api.types.is_numeric_dtype(table[name])]
    if strange:
        raise ChallengeError(f"{path}: {', '.join(strange)} are no numbers")
    primaries = table[list(PRIMARIES)].astype(np.float32)
    lacking = [name for name in DERIVED if name not in table]
    if lacking == list(DERIVED):
        derived = derived_features({name: primaries[name].to_numpy() for name in PRIMARIES})
        data = pd.concat([primaries, pd.DataFrame(derived, columns=list(DERIVED), index=primaries.index)], axis=1)
    elif lacking:
        raise ChallengeError(f"{path} lacks the columns {', '.join(lacking)}: give all derived features, or none")
    else:
        data = pd.concat([primaries, table[list(DERIVED)].astype(np.float32)], axis=1)
    weights = table["weights"] if "weights" in table else pd.Series(np.ones(len(table)), name="weights")
    return data, weights
