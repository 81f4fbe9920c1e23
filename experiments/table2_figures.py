"""Figures of the comparison of methods: intervals and coverage against the true mu."""

import matplotlib

from experiments.results import save_figure
from ingestion_test.scoring import ONE_SIGMA, coverage_band

matplotlib.use("Agg")
from matplotlib import pyplot as plt

#: Colours of Okabe and Ito, told apart by colour-blind readers, and markers.
STYLES = (
    *(("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#E69F00", "D")),
    *(("#CC79A7", "v"), ("#56B4E9", "P"), ("#555555", "X")),
)


def intervals(path, rows):
    """Mean length of the intervals of each method; `rows` is a dict from label to `table2.row`."""
    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    _points(axes, rows, "interval")
    axes.set(ylabel="mean length of the interval", yscale="log")
    for axis_formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        axis_formatter("{x:.2g}")
    _save(figure, axes, path)


def coverage(path, rows):
    """Coverage of each method, with the band that the challenge does not penalise; `rows` as for `intervals`."""
    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    axes.axhline(ONE_SIGMA, color="black", lw=0.8)
    size = max(row["num_experiments"] for row in rows.values())
    axes.axhspan(*coverage_band(size), color="0.9", label=f"68.27% ± 2 sigma of {size} data sets")
    _points(axes, rows, "coverage")
    axes.set(ylabel="coverage", ylim=(0, 1.02))
    _save(figure, axes, path)


def _points(axes, rows, key):
    """A point with its error per method and true mu, those of different methods a little apart."""
    for number, ((label, row), (colour, marker)) in enumerate(zip(rows.items(), STYLES)):
        sets = sorted(row["sets"], key=lambda one: one["mu"])
        mu = [one["mu"] + 0.012 * (number - len(rows) / 2) for one in sets]
        values, errors = zip(*(one[key] for one in sets))
        axes.errorbar(mu, values, errors, color=colour, marker=marker, markersize=4, capsize=2, lw=0.7, label=label)


def _save(figure, axes, path):
    axes.set(xlabel="true μ")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    save_figure(figure, path, dpi=80)
    plt.close(figure)
