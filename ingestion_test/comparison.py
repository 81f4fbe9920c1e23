"""Runs side by side: paired differences of their scores on the data sets that all of them have.

Runs with the same seed meet the same pseudo-experiments. What these have in common cancels in a difference, so that a
few tell which of two submissions is better where their own errors are larger than the difference.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.errors import ChallengeError
from runtime.tables import Table

from .arrays import DoubleArray, IntArray
from .ingestion import JOURNAL_FILE
from .journal import read_journal
from .result_files import load_predictions
from .schema import PREDICTION_KEYS, RESULT_LISTS
from .score_table import share_text
from .scoring import covered, quantiles_score, rmse_terms

#: Redrawings of the pseudo-experiments behind the errors, and their seed.
REDRAWN, SEED = 1000, 7

#: What is compared, in the order of the columns.
QUANTITIES = ("interval", "coverage", "RMSE", "score")

#: A data set: the true mu of its set, and its seed, or its place in the set where no seed is known.
DataSet = tuple[float, int]


@dataclass(frozen=True)
class Run:
    """What a run predicted.

    Arguments:
        name: as its user gave it.
        predictions: of each data set the numbers of `schema.PREDICTION_KEYS`.
        about: what its data sets were made of, as the journal says: "systematics", "data" and so on.
    """

    name: str
    predictions: Mapping[DataSet, Sequence[float]]
    about: Mapping[str, object]


@dataclass(frozen=True)
class Comparison:
    """Runs on the data sets that they have in common.

    Arguments:
        names: of the runs.
        number: of data sets.
        values, errors: arrays (runs, 4) of the `QUANTITIES` and their statistical errors.
        differences, difference_errors: arrays (runs - 1, 4), each run less the first.
        notes: texts on what the runs do not have in common.
    """

    names: tuple[str, ...]
    number: int
    values: DoubleArray
    errors: DoubleArray
    differences: DoubleArray
    difference_errors: DoubleArray
    notes: tuple[str, ...]

    def table(self) -> Table:
        """The runs, then the differences, a row each."""
        titles = [*self.names, *(f"{name} less {self.names[0]}" for name in self.names[1:])]
        signs = [""] * len(self.names) + ["+"] * len(self.differences)
        values = np.concatenate([self.values, self.differences])
        errors = np.concatenate([self.errors, self.difference_errors])
        rows = [
            [title, *(f"{value:{sign}.4f} ± {error:.4f}" for value, error in zip(*pairs))]
            for title, sign, *pairs in zip(titles, signs, values, errors)
        ]
        column = QUANTITIES.index("coverage")
        for row, share, error in zip(rows, self.values[:, column], self.errors[:, column]):
            row[1 + column] = share_text(share, self.number, error)  # redrawing a coverage of 1 tells no error
        return Table([f"{self.number} data sets", *QUANTITIES], rows)


def compare(folders: Sequence[str | Path]) -> Comparison:
    """Compare runs with the first of them.

    Arguments:
        folders: output folders of `score` or of the official program, finished or not.

    Raises:
        ChallengeError: a folder holds no run, or they have no data set in common.
    """
    runs = load_runs(folders)
    common = sorted(set.intersection(*(set(run.predictions) for run in runs)))
    if not common:
        raise ChallengeError(
            f"{', '.join(run.name for run in runs)} have no data set in common: score them with the same --seed and "
            "--experiments"
        )
    sets = [list(members) for _, members in itertools.groupby(common, key=lambda data_set: data_set[0])]
    random = np.random.default_rng(SEED)
    # All runs are redrawn alike: this is what makes the differences paired.
    rows = [random.integers(len(members), size=(REDRAWN, len(members))) for members in sets]
    values = np.array([_quantities(run, sets, None)[0] for run in runs])
    redrawn = np.array([_quantities(run, sets, rows) for run in runs])
    return Comparison(
        names=tuple(run.name for run in runs),
        number=len(common),
        values=values,
        errors=redrawn.std(axis=1),
        differences=values[1:] - values[0],
        difference_errors=(redrawn[1:] - redrawn[0]).std(axis=1),
        notes=_notes(runs),
    )


def load_runs(folders: Sequence[str | Path]) -> list[Run]:
    """The runs in output folders, their data sets known by seeds where all have a journal, else by their places.

    Raises:
        ChallengeError: a folder holds no run; or the sets have other sizes and no seeds.
    """
    journals = [Path(folder) / JOURNAL_FILE for folder in folders]
    if all(journal.is_file() for journal in journals):
        return [_from_journal(str(folder), journal) for folder, journal in zip(folders, journals)]
    runs = [_from_results(folder) for folder in folders]
    sizes = {run.about["num_pseudo_experiments"] for run in runs}
    if len(sizes) > 1:
        raise ChallengeError(
            f"the runs have {' and '.join(map(str, sizes))} pseudo-experiments per set, and not all have "
            f"{JOURNAL_FILE}: which data sets they have in common is not known"
        )
    return runs


def _from_journal(name: str, path: Path) -> Run:
    about, outcomes = read_journal(path)
    predictions = {
        (outcome.experiment.mu, outcome.experiment.seed): [outcome.prediction[key] for key in PREDICTION_KEYS]
        for outcome in outcomes
    }
    return Run(name, predictions, about)


def _from_results(folder: str | Path) -> Run:
    loaded = load_predictions(folder)
    predictions = {
        (mu, place): numbers
        for mu, result in zip(loaded.settings["ground_truth_mus"], loaded.results)
        for place, numbers in enumerate(zip(*(result[key] for key in RESULT_LISTS)))
    }
    settings = loaded.settings
    about = {name: settings.get(name) for name in ("systematics", "num_pseudo_experiments")}
    return Run(str(folder), predictions, about)


def _quantities(run: Run, sets: Sequence[Sequence[DataSet]], rows: Sequence[IntArray] | None) -> DoubleArray:
    """The `QUANTITIES` of redrawn data sets, array (redrawn, 4); of those that are there, (1, 4), without `rows`."""
    width, covers, rmse, number = 0.0, 0.0, 0.0, sum(map(len, sets))
    for place, members in enumerate(sets):
        mu = members[0][0]
        mu_hat, delta, p16, p84 = np.transpose([run.predictions[member] for member in members])
        drawn = np.arange(len(members))[None] if rows is None else rows[place]
        width = width + np.abs(p84 - p16)[drawn].sum(axis=1) / number
        covers = covers + covered(mu, p16, p84)[drawn].sum(axis=1) / number
        rmse = rmse + rmse_terms(mu, mu_hat, delta)[drawn].mean(axis=1) / len(sets)
    return np.stack([width, covers, rmse, quantiles_score(width, covers, number)], axis=1)


def _notes(runs: Sequence[Run]) -> tuple[str, ...]:
    """What makes data sets of the same seed other ones."""
    names = {"systematics": "nuisance parameters", "data": "events", "sum_weights": "expected events"}
    return tuple(
        f"the runs have other {title}: the same seeds, but not the same data sets"
        for name, title in names.items()
        if any(run.about.get(name) != runs[0].about.get(name) for run in runs)
    )
