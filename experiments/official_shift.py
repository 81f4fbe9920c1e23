"""How much mu_hat moves if the real events have the official yields and the training events the simulated ones.

Templates are made of the events of a data folder, with the bins of the shipped artifacts. The expected counts at mu and
the same counts with the events of each region and process weighted to the official yield (`simulation.official`) are
fitted with these templates; the difference of the two mu_hat is printed in units of sigma(mu). Its error is that of the
simulated yields.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.trained_artifacts import load_estimator, load_manifest
from ingestion_test import simulation
from ingestion_test.schema import FEATURES, PROCESSES, SUM_WEIGHTS
from ingestion_test.simulation import official
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import transform
from runtime import files
from runtime.arguments import add_workers_arguments, count
from runtime.documents import add_docs_argument, publish
from runtime.errors import ChallengeError
from runtime.output import output_folder
from runtime.tables import Table
from submission.histogram import Histogram
from submission.likelihood import Likelihood, LikelihoodConfig
from submission.parameters import PARAMETERS, values_from_pulls
from training.samples import Sample
from training.templates import TemplateEvents, make_templates

SUMMARY = "Shift of mu_hat if the events had the official yields of all regions, in sigma."

#: True mu at which the shift is computed.
MUS = (0.5, 1.0, 2.0)

#: Region and process.
Cell = tuple[str, str]
Floats = npt.NDArray[np.floating]


class Counted(NamedTuple):
    """The simulated events of a `Cell`.

    Arguments:
        counts: expected events, array (bins,).
        ratio, error: simulated / official yield, and its statistical error.
    """

    counts: Floats
    ratio: float
    error: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--data", metavar="DIR", help="data folder (default: the simulated events of the cache)")
    add("--most", type=count, default=5_000_000, metavar="N", help="rows for the counts (default: 5000000)")
    add("--rows", type=count, default=1_000_000, metavar="N", help="of them for the templates (default: 1000000)")
    add("--output", type=Path, default=Path("runs/official-shift"), metavar="DIR", help="default: runs/official-shift")
    add_workers_arguments(parser)
    add_docs_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the shifts, write official-shift.json."""
    folder = OfficialFolder(arguments.data or simulation.cached_folder())
    with output_folder(arguments.output, work=None):
        result = _measured(folder, arguments)
        path = arguments.output / "official-shift.json"
        files.write_json(path, result)
        print(table(result).text())
        publish(arguments.docs, "simulation", sections(result), [path])


def _measured(folder: OfficialFolder, arguments: argparse.Namespace) -> dict[str, Any]:
    """What goes into official-shift.json: "shifts" from cells to pairs of shift and error at each of `MUS`."""
    estimator = load_estimator()
    bins_of = partial(_bins_of, estimator.histogram)
    cells = _counts(folder, arguments.most, bins_of, estimator.histogram.bins)
    first = partial(_first, folder, arguments.rows)
    events = TemplateEvents(first, bins_of, estimator.histogram.bins, str(folder))
    templates, _ = make_templates(events, seed=0, workers=arguments.workers)
    likelihood = Likelihood(templates, LikelihoodConfig(template_error=False))
    rows = {"all cells": list(cells), **{" ".join(cell): [cell] for cell in cells}}
    shifts = {title: [_with_error(likelihood, cells, which, mu) for mu in MUS] for title, which in rows.items()}
    return {"shipped": load_manifest()["sha256"], "data": folder.fingerprint(), "mus": MUS, "shifts": shifts}


def table(result: Mapping[str, Any]) -> Table:
    """A line for all cells together, and one for each."""
    rows = [[title, *(f"{s:+.3f} ± {e:.3f}" for s, e in shifts)] for title, shifts in result["shifts"].items()]
    return Table(["shift of mu_hat / sigma", *(f"mu = {mu:g}" for mu in result["mus"])], rows)


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What official-shift.json makes of the page: section -> Markdown."""
    return {"official-shift": table(result).markdown()}


def _with_error(
    likelihood: Likelihood, cells: Mapping[Cell, Counted], which: Sequence[Cell], mu: float
) -> tuple[float, float]:
    """Shift of mu_hat in sigma where some cells have their official yields, and its error, from those of the yields."""
    counts = {cell: of.counts for cell, of in cells.items()}
    shift = _shift(likelihood, counts, {cell: 1 / cells[cell].ratio - 1 for cell in which}, mu)
    # The change of a cell is small, so that one error of it shifts mu_hat by its part of the error.
    errors = [_shift(likelihood, counts, {cell: cells[cell].error / cells[cell].ratio ** 2}, mu) for cell in which]
    return shift, float(np.linalg.norm(errors))


def _shift(likelihood: Likelihood, counts: dict[Cell, Floats], change: dict[Cell, float], mu: float) -> float:
    """Shift of mu_hat in sigma: `change` is the relative change of each cell, `counts` its events per bin."""
    pulls = likelihood.start.copy()
    pulls[PARAMETERS.index("mu")] = mu
    data = likelihood.templates.expected(values_from_pulls(pulls[None]))[0]
    added = sum(c * counts[cell] * (mu if cell[1] == "htautau" else 1) for cell, c in change.items())
    fit = likelihood.fit(np.stack([data, np.maximum(data + added, 0)]))
    return (fit.mu_hat[1] - fit.mu_hat[0]) / fit.sigma[0]


def _bins_of(histogram: Histogram, features: Floats) -> npt.NDArray[np.integer]:
    return histogram.bins_of(pd.DataFrame(features, columns=list(FEATURES)))


def _counts(
    folder: OfficialFolder, most: int, bins_of: Callable[[Floats], npt.NDArray[np.integer]], bins: int
) -> dict[Cell, Counted]:
    """The events of each (region, process) with an official yield.

    Raises:
        ChallengeError: there are none in one of them.
    """
    yields = official.figures()["yields"]
    counts = {(region, name): np.zeros(bins + 1) for region, processes in yields.items() for name in processes}
    squares, total = dict.fromkeys(counts, 0.0), 0.0
    for primaries, weights, process in official.read(folder.folder, most):
        total += weights.sum()
        features, kept = transform(primaries)
        regions, which = official.regions(features), bins_of(features)
        for region, name in counts:
            rows = np.flatnonzero(regions[region] & (process[kept] == name))
            counts[region, name] += np.bincount(which[rows] + 1, weights[kept[rows]], bins + 1)
            squares[region, name] += float(np.sum(weights[kept[rows]] ** 2))
    if empty := [" ".join(cell) for cell, square in squares.items() if not square]:
        raise ChallengeError(f"{folder} has no events of {empty[0]} in its first {most:,} rows: take more, by --most")
    scale = (folder.sum_weights or SUM_WEIGHTS) / total
    result = {}
    for (region, name), inside in counts.items():
        unit = scale / yields[region][name]["nominal"]
        result[region, name] = Counted(scale * inside[1:], unit * inside.sum(), unit * squares[region, name] ** 0.5)
    return result


def _first(folder: OfficialFolder, rows: int) -> Sample:
    """The first rows of the folder as a `Sample`."""
    primaries, weights, names = (np.concatenate(parts) for parts in zip(*official.read(folder.folder, rows)))
    weights = weights * ((folder.sum_weights or SUM_WEIGHTS) / weights.sum())
    return Sample(primaries, weights, np.array([PROCESSES.index(name) for name in names]))
