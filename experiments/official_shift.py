"""How much mu_hat moves if the real events have the official yields and the training events the simulated ones.

Templates are made of the events of a data folder, with the bins of the shipped artifacts. The expected counts at mu and
the same counts with the events of each region and process weighted to the official yield (`simulation.official`) are
fitted with these templates; the difference of the two mu_hat is printed in units of sigma(mu).
"""

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.trained_artifacts import load_estimator
from ingestion_test import simulation
from ingestion_test.schema import FEATURES, PROCESSES, SUM_WEIGHTS
from ingestion_test.simulation import official
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import transform
from submission.histogram import Histogram
from submission.likelihood import Likelihood, LikelihoodConfig
from submission.parameters import PARAMETERS, values_from_pulls
from training.samples import Sample
from training.templates import TemplateEvents, make_templates

SUMMARY = "Shift of mu_hat if the events had the official yields of all regions, in sigma."
MUS = (0.5, 1.0, 2.0)

#: Region and process.
Cell = tuple[str, str]
Floats = npt.NDArray[np.floating]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the experiment."""
    parser.add_argument("--data", help="data folder (default: the simulated events of the cache)")
    parser.add_argument("--most", type=int, default=5_000_000, help="rows for the counts (default: 5000000)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of them for the templates (default: 1000000)")
    parser.add_argument("--workers", type=int, default=1, help="processes (default: 1)")


def run(arguments: argparse.Namespace) -> None:
    """Print the shifts."""
    folder = OfficialFolder(arguments.data or simulation.cached_folder())
    estimator = load_estimator()
    bins_of = partial(_bins_of, estimator.histogram)
    counts, ratios = _counts(folder, arguments.most, bins_of, estimator.histogram.bins)
    first = partial(_first, folder, arguments.rows)
    events = TemplateEvents(first, bins_of, estimator.histogram.bins, str(folder))
    templates, _ = make_templates(events, seed=0, workers=arguments.workers)
    likelihood = Likelihood(templates, LikelihoodConfig(template_error=False))
    print(f"{folder}: shift of mu_hat where cells are weighted to the official yields")
    everything = dict.fromkeys(counts, 1.0)
    for title, cells in [("all cells", everything), *((" ".join(cell), {cell: 1.0}) for cell in counts)]:
        change = {cell: 1 / ratios[cell] - 1 for cell in cells}
        shifts = [_shift(likelihood, counts, change, mu) for mu in MUS]
        print(f"{title:36s}" + "".join(f"  mu = {mu}: {shift:+.3f}" for mu, shift in zip(MUS, shifts)), flush=True)


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
) -> tuple[dict[Cell, Floats], dict[Cell, float]]:
    """Expected events per bin of each (region, process) with an official yield, and simulated / official yield."""
    counts: dict[Cell, Floats] = {}
    total = 0.0
    for primaries, weights, process in official.read(folder.folder, most):
        total += weights.sum()
        features, kept = transform(primaries)
        regions, which = official.regions(features), bins_of(features)
        for region, processes in official.figures()["yields"].items():
            for name in processes:
                rows = np.flatnonzero(regions[region] & (process[kept] == name))
                cell = counts.setdefault((region, name), np.zeros(bins + 1))
                cell += np.bincount(which[rows] + 1, weights[kept[rows]], bins + 1)
    scale = (folder.sum_weights or SUM_WEIGHTS) / total
    yields = official.figures()["yields"]
    ratios = {cell: scale * n.sum() / yields[cell[0]][cell[1]]["nominal"] for cell, n in counts.items()}
    return {cell: scale * n[1:] for cell, n in counts.items()}, ratios


def _first(folder: OfficialFolder, rows: int) -> Sample:
    """The first rows of the folder as a `Sample`."""
    primaries, weights, names = (np.concatenate(parts) for parts in zip(*official.read(folder.folder, rows)))
    weights = weights * ((folder.sum_weights or SUM_WEIGHTS) / weights.sum())
    return Sample(primaries, weights, np.array([PROCESSES.index(name) for name in names]))
