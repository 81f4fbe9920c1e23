"""The official module `visualization`: figures of events and results, with matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

#: `plt` is there for submissions that import all names.
__all__ = [
    "correlation_plots",
    "event_vise_syst",
    "histogram_syst",
    "pair_plots",
    "pair_plots_syst",
    "plt",
    "stacked_histogram",
    "visualize_coverage",
    "visualize_scatter",
]

#: Share of the events, from the lowest on, that histograms show.
_SHOWN = 0.975


def correlation_plots(dfall: pd.DataFrame, target: Any, columns: Sequence[str] | None = None) -> None:
    """Correlations of features, of signal and of background."""
    names = _chosen(dfall, columns)
    for value, title in ((1, "Signal"), (0, "Background")):
        _, axes = plt.subplots()
        image = axes.imshow(dfall[names][np.asarray(target) == value].corr(), vmin=-1, vmax=1, cmap="RdBu")
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        axes.set_title(f"{title}: correlations")
        plt.colorbar(image)
    plt.show()


def pair_plots(dfall: pd.DataFrame, target: Any, sample_size: int = 10, columns: Sequence[str] | None = None) -> None:
    """Pairs of features, of events of signal and of background."""
    names, labels = _chosen(dfall, columns), np.asarray(target)
    parts = {"Background": dfall[names][labels == 0], "Signal": dfall[names][labels == 1]}
    _pairs({title: part.sample(min(sample_size, len(part))) for title, part in parts.items()}, names)


def pair_plots_syst(
    dfall: pd.DataFrame, df_syst: pd.DataFrame, sample_size: int = 100, columns: Sequence[str] | None = None
) -> None:
    """Pairs of features, of events before and after systematics."""
    names = _chosen(dfall, columns)
    rows = np.random.choice(min(len(dfall), len(df_syst)), sample_size, replace=False)
    _pairs({"nominal": dfall[names].iloc[rows], "shifted": df_syst[names].iloc[rows]}, names)


def stacked_histogram(
    dfall: pd.DataFrame,
    target: Any,
    weights: Any,
    detailed_label: Any,
    field_name: str,
    mu_hat: float = 1.0,
    nbins: int = 30,
    y_scale: str = "linear",
) -> None:
    """Histogram of a feature, process upon process, with the signal at 1 and at `mu_hat` upon the backgrounds."""
    values, labels, weights = dfall[field_name].to_numpy(), np.asarray(detailed_label), np.asarray(weights)
    edges = _edges(values, nbins)
    signal = np.histogram(values, edges, weights=weights * (np.asarray(target) == 1))[0]
    total = np.zeros(nbins)
    _, axes = plt.subplots()
    for name in np.unique(labels[np.asarray(target) == 0]):
        counts = np.histogram(values, edges, weights=weights * (labels == name))[0]
        axes.stairs(total + counts, edges, baseline=total, fill=True, label=str(name))
        total = total + counts
    for strength in (1.0, mu_hat):
        axes.stairs(total + strength * signal, edges, label=rf"$H \to \tau\tau$ ($\mu$ = {strength:.3f})")
    axes.set(xlabel=field_name, ylabel="weighted events", yscale=y_scale)
    axes.legend()
    plt.show()


def histogram_syst(
    dfall: pd.DataFrame,
    df_syst: pd.DataFrame,
    weights: Any,
    weight_syst: Any,
    columns: Sequence[str] | None = None,
    nbin: int = 25,
) -> None:
    """Histograms of features before and after systematics."""
    names = _chosen(dfall, columns)
    for axes, name in zip(_grid(len(names)), names):
        edges = _edges(dfall[name].to_numpy(), nbin)
        for frame, part, title in ((dfall, weights, "nominal"), (df_syst, weight_syst, "shifted")):
            axes.hist(frame[name], edges, weights=np.asarray(part), density=True, alpha=0.4, label=title)
        axes.set_xlabel(name)
        axes.legend()


def event_vise_syst(
    dfall: pd.DataFrame, df_syst: pd.DataFrame, columns: Sequence[str] | None = None, sample_size: int = 100
) -> None:
    """What systematics change in features of single events."""
    names = _chosen(dfall, columns)
    rows = np.random.choice(min(len(dfall), len(df_syst)), sample_size, replace=False)
    for axes, name in zip(_grid(len(names)), names):
        before, after = dfall[name].to_numpy()[rows], df_syst[name].to_numpy()[rows]
        axes.plot(before, after - before, "o")
        axes.set(xlabel=name, ylabel="shifted - nominal")


def visualize_scatter(
    ingestion_result_dict: Mapping[int, Mapping[str, Any]], ground_truth_mus: Sequence[float]
) -> None:
    """Mean estimate against the true mu of each set."""
    _, axes = plt.subplots()
    for number, result in ingestion_result_dict.items():
        axes.scatter(ground_truth_mus[number], np.mean(result["mu_hats"]), color="b")
    axes.set(xlabel="true $\\mu$", ylabel="mean estimate")
    plt.show()


def visualize_coverage(
    ingestion_result_dict: Mapping[int, Mapping[str, Any]], ground_truth_mus: Sequence[float]
) -> None:
    """The intervals of each set."""
    for number, result in ingestion_result_dict.items():
        _, axes = plt.subplots()
        axes.hlines(range(len(result["p16"])), result["p16"], result["p84"], label="interval")
        axes.axvline(float(np.mean(result["mu_hats"])), color="r", linestyle="--", label="mean estimate")
        axes.axvline(ground_truth_mus[number], color="g", linestyle="--", label="true $\\mu$")
        axes.set(xlabel="$\\mu$", ylabel="pseudo-experiment", title=f"set {number}")
        axes.legend()
    plt.show()


def _chosen(frame: pd.DataFrame, columns: Sequence[str] | None) -> list[str]:
    """Those of `columns` that there are; all numbers if None."""
    wanted = frame.select_dtypes("number").columns if columns is None else columns
    names = [name for name in wanted if name in frame.columns]
    if not names:
        raise ValueError("none of the columns is there")
    return names


def _edges(values: Any, bins: int) -> Any:
    return np.linspace(np.min(values), np.quantile(values, _SHOWN), bins + 1)


def _grid(number: int) -> Any:
    _, axes = plt.subplots(-(-number // 3), min(3, number), squeeze=False)
    return axes.flat


def _pairs(parts: Mapping[str, pd.DataFrame], names: Sequence[str]) -> None:
    figure, grid = plt.subplots(len(names), len(names), squeeze=False)
    for row, column in np.ndindex(grid.shape):
        for title, part in parts.items():
            if row == column:
                grid[row, column].hist(part[names[row]], bins=20, alpha=0.5, label=title)
            else:
                grid[row, column].scatter(part[names[column]], part[names[row]], s=1, label=title)
        grid[-1, column].set_xlabel(names[column])
        grid[row, 0].set_ylabel(names[row])
    figure.legend(*grid[0, 0].get_legend_handles_labels())
    plt.show()
