"""What trainings reach before any template is made: repetitions, with and without flows, with few and many events.

The scores of events that no training has read are cut into slices of equal signal. The slices' Cramer-Rao bound on mu,
all nuisance parameters known, is the length of the intervals that the scores allow.
"""

# ruff: noqa: RUF001 (sigma is meant)

from __future__ import annotations

import argparse
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import curve_fit

from experiments.methods import registry  # noqa: F401, files may hold scorers of its methods
from experiments.plotting import panels, save
from ingestion_test.arrays import BoolArray, Columns, DoubleArray, FloatArray, IntArray
from ingestion_test.schema import FEATURES
from ingestion_test.systematics import transform
from runtime.arguments import count
from runtime.documents import add_docs_argument, publish
from runtime.errors import ChallengeError
from runtime.files import write_json
from runtime.tables import Table
from submission import codec
from submission.classifier import Ensemble
from submission.score import Scorer
from training.config import simulated_source
from training.networks import ClassifierResult
from training.samples import PARTS, Sample, training_part

SUMMARY = "Compare trainings: the interval length that their scores allow, and how it falls with the number of events."
MUS = (0.1, 1.0, 2.0, 3.0)

#: Slices of equal signal in each category.
SLICES = 60

#: Relative error of the limit of the learning curve from which on nothing is said of it.
_KNOWN = 0.1

#: Events that are scored at a time.
_CHUNK = 200_000


@dataclass(frozen=True)
class Row:
    """A training.

    Attributes:
        name: of its folder.
        flows: contrastive flows of each category.
        rows: of the sample that the classifier was trained on.
        passes: how often each was used, epochs included.
        members: networks whose logits are averaged.
        single: 2 sigma at each of `MUS` of the networks by themselves, list (members, mus).
        ensemble: of their mean, list (mus,).
    """

    name: str
    flows: int
    rows: int
    passes: int
    members: int
    single: list[list[float]]
    ensemble: list[float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the experiment."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="output folders of the stage classifier")
    parser.add_argument("--events", type=count, default=4_000_000, help="rows that are scored (default: 4000000)")
    parser.add_argument("--output", type=Path, default=Path("runs/trainings"), help="default: runs/trainings")
    add_docs_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the table and the learning curve."""
    sample = training_part(simulated_source("default"), "templates", arguments.events).with_jets()
    rows = [measured(folder, sample) for folder in arguments.folders]
    curve = learning_curve(rows)
    result = {"events": len(sample.weights), "trainings": [asdict(row) for row in rows], "curve": curve}
    print(*sections(result).values(), sep="\n")
    arguments.output.mkdir(parents=True, exist_ok=True)
    path, figure = arguments.output / "trainings.json", arguments.output / "learning.png"
    write_json(path, result)
    shown = [path]
    if curve:
        draw(curve, figure)
        shown.append(figure)
    publish(arguments.docs, "method", sections(result), shown)


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What trainings.json makes of the page: section -> Markdown."""
    rows = [Row(**row) for row in result["trainings"]]
    return {"trainings": table(rows).markdown() + "\n" + _sentence(result["curve"])}


def measured(folder: Path, sample: Sample) -> Row:
    """The `Row` of a training, whose file is classifier.npz in `folder`.

    Raises:
        ChallengeError: there is no such file, or it is not of the stage classifier.
    """
    path = folder / "classifier.npz"
    try:
        scorer = codec.decode(ClassifierResult, path.read_bytes()).scorer
        networks = _about(path)["config"]["networks"]
        rows = networks["rows"] or round(_about(path)["rows"] * PARTS["classifier"])
    except (OSError, KeyError, TypeError, zipfile.BadZipFile, codec.FormatError) as error:
        raise ChallengeError(f"{path} cannot be read ({error}): run the stage classifier in that folder") from error
    classifier = scorer.classifier
    members = classifier.members if isinstance(classifier, Ensemble) else (classifier,)
    scorers = [scorer, *(replace(scorer, classifier=member) for member in members)] if len(members) > 1 else [scorer]
    ensemble, *single = scored(scorers, sample).widths()
    settings = networks["classifier"]
    flows = networks["flows"] and len(networks["flows"]["training"]["models"])
    passes = networks["passes"] * settings["epochs"]
    return Row(folder.name, flows or 0, rows, passes, len(members), single or [ensemble], ensemble)


def _about(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        about: dict[str, Any] = json.loads(archive.read(codec.DESCRIPTION))["about"]
    return about


class ScoredEvents(NamedTuple):
    """Events and their scores.

    Arguments:
        place: integer array (events,), the category of each, -1 for none.
        signal: array (events,) of bool.
        weight: array (events,), expected events at mu = 1.
        scores: of each scorer an array (events,).
    """

    place: npt.NDArray[np.integer]
    signal: BoolArray
    weight: FloatArray
    scores: list[FloatArray]

    def part(self, rows: IntArray) -> ScoredEvents:
        """Some of the events, their weights with the same sum."""
        weight = self.weight[rows] * (self.weight.sum() / self.weight[rows].sum())
        return ScoredEvents(self.place[rows], self.signal[rows], weight, [scores[rows] for scores in self.scores])

    def widths(self) -> list[list[float]]:
        """2 sigma of mu at each of `MUS`, nuisance parameters known and nominal: a list for each scorer."""
        return [(2 / np.sqrt(self._information(scores))).tolist() for scores in self.scores]

    def _information(self, scores: FloatArray) -> DoubleArray:
        """Information on mu of the slices at each of `MUS`, array (mus,)."""
        total = np.zeros(len(MUS))
        for number in np.unique(self.place[self.place >= 0]):
            rows = np.flatnonzero(self.place == number)
            rows = rows[np.argsort(scores[rows])]
            s = np.where(self.signal[rows], self.weight[rows], 0.0)
            running = np.cumsum(s)
            edges = np.searchsorted(running, np.linspace(0, running[-1], SLICES + 1)[:-1])
            expected, others = (np.add.reduceat(counts, edges) for counts in (s, self.weight[rows] - s))
            total += [np.sum(expected**2 / np.maximum(mu * expected + others, 1e-9)) for mu in MUS]
        return total


def scored(scorers: Sequence[Scorer], sample: Sample) -> ScoredEvents:
    """The nominal events of a sample, with the scores of `scorers`."""
    places, labels, weights = [], [], []
    scores: list[list[FloatArray]] = [[] for _ in scorers]
    for first in range(0, len(sample.weights), _CHUNK):
        rows = slice(first, first + _CHUNK)
        features, kept = transform(sample.primaries[rows])
        columns: Columns = dict(zip(FEATURES, features.T))
        labels.append(sample.is_signal[rows][kept])
        weights.append(sample.weights[rows][kept])
        for own, scorer in zip(scores, scorers):
            place, score = scorer(columns)
            own.append(score)
        places.append(place)
    place, label, weight = np.concatenate(places), np.concatenate(labels), np.concatenate(weights)
    return ScoredEvents(place, label, weight, [np.concatenate(own) for own in scores])


def table(rows: Sequence[Row]) -> Table:
    """A line for each training; with its standard error where several networks were trained."""
    lines = []
    for row in rows:
        single = np.array(row.single)
        cells = [f"{value:.4f}" for value in single.mean(axis=0)]
        if row.members > 1:
            errors = single.std(axis=0, ddof=1) / np.sqrt(row.members)
            cells = [f"{cell} ± {error:.4f}" for cell, error in zip(cells, errors)]
        numbers = (str(row.flows), f"{row.rows:,}", str(row.passes), str(row.members))
        lines.append((row.name, *numbers, *cells, f"{row.ensemble[1]:.4f}"))
    heads = [f"μ = {mu:g}" for mu in MUS]
    return Table(("training", "flows", "rows", "passes", "networks", *heads, "mean of all, μ = 1"), lines)


def learning_curve(rows: Sequence[Row]) -> dict[str, Any]:
    """Length at mu = 1 of single networks without flows against their rows, w = limit + slope (10^6 rows)^-power.

    Returns:
        dict of the points and the fit; empty with fewer than four numbers of rows.
    """
    points = sorted((row.rows / 1e6, float(np.mean(row.single, axis=0)[1])) for row in rows if not row.flows)
    events, lengths = np.array(points).T if points else (np.zeros(0), np.zeros(0))
    if len(set(events)) < 4:
        return {}

    def law(x: DoubleArray, limit: float, slope: float, power: float) -> DoubleArray:
        return np.asarray(limit + slope * x**-power)

    bounds = ([0, 0, 0.05], [1, 5, 2])
    (limit, slope, power), covariance = curve_fit(law, events, lengths, (0.9 * lengths.min(), 0.1, 0.4), bounds=bounds)
    return {
        "rows": events.tolist(),
        "length": lengths.tolist(),
        "limit": limit,
        "error": float(np.sqrt(covariance[0, 0])),
        "slope": slope,
        "power": power,
    }


def _sentence(curve: dict[str, Any]) -> str:
    if not curve:
        return ""
    if not curve["error"] < _KNOWN * curve["limit"]:
        return "\nThe trainings do not say where the limit of infinitely many events is.\n"
    most = [length for rows, length in zip(curve["rows"], curve["length"]) if rows == curve["rows"][-1]]
    share, relative_error = np.mean(most) / curve["limit"], curve["error"] / curve["limit"]
    return (
        f"\nA law fitted to single networks without flows is {curve['limit']:.3f} + {curve['slope']:.3f} "
        f"N^-{curve['power']:.2f}, N in millions of rows. Its limit of infinitely many is {curve['limit']:.3f} ± "
        f"{curve['error']:.3f}; the largest trainings are {share - 1:.1%} ± {share * relative_error:.1%} "
        f"above it.\n"
    )


def draw(curve: dict[str, Any], path: Path) -> None:
    """Draw the learning curve."""
    figure, axes = panels()
    events = np.geomspace(0.5 * curve["rows"][0], 20 * curve["rows"][-1], 200)
    axes.plot(events, curve["limit"] + curve["slope"] * events ** -curve["power"], label="fit")
    axes.plot(curve["rows"], curve["length"], "o", label="trainings")
    axes.axhline(curve["limit"], linestyle="--", label="limit")
    axes.set(xscale="log", xlabel="rows of the classifier's sample, millions", ylabel="2 σ at μ = 1, all known")
    axes.legend()
    save(figure, path)
