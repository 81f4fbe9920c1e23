"""Show the simulation against reference events: figures, and the effect of the nuisance parameters in both."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from runtime.plots import plain_style  # before matplotlib

# isort: split
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from runtime.arguments import count
from runtime.errors import run_command

from ..arrays import Columns, FloatArray, IntArray
from ..schema import FEATURES, PRIMARIES, PROCESSES, SUM_WEIGHTS
from ..sources import OfficialFolder
from ..systematics import transform
from . import official
from .cache import cached_folder
from .observables import observables
from .sample import simulate

#: Columns of events and their weights (events,).
Events: TypeAlias = tuple[Mapping[str, Any], FloatArray]

#: Shown per process: observable -> (label, upper end of the axis).
SHOWN = {
    "lep_pt": (r"lepton $p_T$ [GeV]", 120),
    "had_pt": (r"hadronic tau $p_T$ [GeV]", 150),
    "mass_vis": (r"visible mass [GeV]", 200),
    "met": (r"MET [GeV]", 150),
    "mt": (r"$m_T$ (lepton, MET) [GeV]", 150),
    "n_jets": ("number of jets", 8),
    "jet_pt": (r"leading jet $p_T$ [GeV]", 250),
    "abs_jet_eta": (r"leading jet $|\eta|$", 5),
    "pt_h": (r"$p_T$ of lepton + tau + MET [GeV]", 250),
    "mass_jj": (r"dijet mass [GeV]", 800),
}
#: The same for the figures of the regions: feature -> (label, ends of the axis).
IN_REGIONS = {
    "PRI_jet_leading_pt": (r"leading jet $p_T$ [GeV]", 0, 350),
    "PRI_jet_subleading_pt": (r"subleading jet $p_T$ [GeV]", -30, 180),
    "DER_mass_jet_jet": (r"dijet mass [GeV]", -30, 1200),
    "DER_mass_vis": (r"visible mass [GeV]", 0, 200),
    "PRI_met": (r"MET [GeV]", 0, 200),
    "DER_pt_h": (r"$p_T^H$ [GeV]", 0, 350),
}
SHOWN_REGIONS = {
    "lowMT_VBFJet": r"two hard jets, $m_T$ < 70 GeV",
    "lowMT_noVBFJet_ptH100": r"no two hard jets, $m_T$ < 70 GeV, $p_T^H \geq$ 100 GeV",
}
#: Left out of a region in which hardly an event has them.
ABSENT = {"lowMT_noVBFJet_ptH100": ("PRI_jet_subleading_pt", "DER_mass_jet_jet")}
#: Colours of Okabe and Ito, told apart by the colour-blind too.
SIMULATED, REFERENCE = "#0072B2", "#D55E00"
#: Shifts of the nuisance parameters shown, and observables that they change.
SHIFTS = {
    "tes": ({"tes": 1.02}, ("had_pt", "met", "mass_vis")),
    "jes": ({"jes": 1.02}, ("jet_pt", "met", "mass_jj")),
    "soft_met": ({"soft_met": 3.0}, ("met", "mt", "pt_h")),
}


def selected(columns: Mapping[str, npt.ArrayLike], **shifts: Any) -> tuple[Columns, IntArray]:
    """Primaries after a shift of the nuisance parameters and the post-selection, and the rows that are left.

    Arguments:
        columns: mapping from each primary to an array (events,).
        shifts: tes, jes as in `systematics.transform`, and soft_met, the width of the noise in GeV.
    """
    primaries, noise = np.column_stack([columns[name] for name in PRIMARIES]).astype(np.float32), None
    if "soft_met" in shifts:
        noise = shifts.pop("soft_met") * np.random.default_rng(31415).standard_normal((2, len(primaries)))
    features, rows = transform(primaries, noise=noise, **shifts)
    return dict(zip(PRIMARIES, features.T)), rows


def two_sample_auc(
    columns: Mapping[str, FloatArray], weights: FloatArray, reference: pd.DataFrame, rows: int = 20_000, seed: int = 0
) -> tuple[float, float]:
    """Area under the ROC curve of boosted trees that tell simulated from reference events, five-fold cross-validated.

    Arguments:
        columns, weights: simulated events; they are resampled to `rows` unweighted ones.
        reference: DataFrame of reference events; of those with the same `parton_event` one is used.

    Returns:
        (area, its standard error).
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    rng = np.random.default_rng(seed)
    chance = np.asarray(weights, float) / np.sum(weights, dtype=float)
    chosen = rng.choice(len(chance), min(rows, len(chance)), replace=False, p=chance)
    sides = {name: values[chosen] for name, values in columns.items()}, reference.drop_duplicates("parton_event")
    a, b = (pd.DataFrame(_unsplit(observables(selected(side)[0]))).to_numpy(float) for side in sides)
    x, y = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
    balance = np.where(y, len(b) / len(b), len(b) / len(a))
    trees = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.06, max_leaf_nodes=8, min_samples_leaf=20, l2_regularization=1.0
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    score = cross_val_predict(trees, x, y, cv=folds, method="predict_proba", params={"sample_weight": balance})[:, 1]
    return roc_auc_score(y, score), np.sqrt((1 / len(a) + 1 / len(b)) / 12)


def _unsplit(values: Columns) -> Columns:
    return {name: v for name, v in values.items() if not name.endswith(("_0", "_1"))}


def _density(values: FloatArray, weights: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Density of a histogram and its error; `weights` are scaled to sum to 1 over all events, shown or not."""
    weights = weights / weights.sum(dtype=float)
    contents = np.histogram(values, edges, weights=weights)[0]
    error = np.sqrt(np.histogram(values, edges, weights=weights**2)[0])
    return contents / np.diff(edges), error / np.diff(edges)


def plot_process(process: str, simulated: Events, reference: Events, path: Path) -> None:
    """Distributions of one process after the post-selection, each with the ratio simulated / reference below."""
    figure = Figure(figsize=(15, 7.5), layout="constrained")
    grid = figure.add_gridspec(4, 5, height_ratios=(3, 1, 3, 1))
    for place, (name, (label, top)) in enumerate(SHOWN.items()):
        row, column = divmod(place, 5)
        upper = figure.add_subplot(grid[2 * row, column])
        lower = figure.add_subplot(grid[2 * row + 1, column], sharex=upper)
        low = np.nanmin(reference[0][name], where=reference[0][name] >= 0, initial=top / 4)
        edges = np.arange(-0.5, top) if name == "n_jets" else np.linspace(low, top, 21)
        middle = (edges[1:] + edges[:-1]) / 2
        (sim, sim_error), (ref, ref_error) = (_density(o[name], w, edges) for o, w in (simulated, reference))
        upper.stairs(sim, edges, color=SIMULATED, label="simulated")
        upper.errorbar(middle, ref, ref_error, fmt=".", color=REFERENCE, label="reference", markersize=4)
        upper.set_ylabel("share of events per GeV" if "GeV" in label else "share of events per unit")
        if "GeV" in label:
            seen = np.concatenate([sim, ref])
            upper.set(yscale="log", ylim=(0.5 * seen[seen > 0].min(), 3 * seen.max()))
        upper.tick_params(labelbottom=False)
        good = (ref > 0) & (sim > 0)
        ratio = sim[good] / ref[good]
        error = ratio * np.hypot(sim_error[good] / sim[good], ref_error[good] / ref[good])
        lower.errorbar(middle[good], ratio, error, fmt=".", color="black", markersize=4)
        lower.axhline(1, color="grey", linewidth=0.8)
        lower.set(ylim=(0.5, 1.5), xlabel=label, ylabel="sim. / ref.")
    figure.axes[0].legend()
    figure.suptitle(f"{process}, after the post-selection; bars: statistical errors")
    figure.savefig(path, dpi=70)


def plot_shifts(simulated: Events, reference: Events, path: Path, bins: int = 8) -> None:
    """Ratio shifted / nominal of some observables for each nuisance parameter, all processes together."""
    figure = Figure(figsize=(13, 9), layout="constrained")
    axes = figure.subplots(len(SHIFTS), max(len(names) for _, names in SHIFTS.values()))
    for row, (shifts, names) in zip(axes, SHIFTS.values()):
        for axis, name in zip(row, names):
            label, top = SHOWN[name]
            edges, results = None, []
            for (columns, weights), colour, offset in ((reference, REFERENCE, 0.1), (simulated, SIMULATED, -0.1)):
                nominal, kept = selected(columns)
                values = observables(nominal)[name]
                if edges is None:
                    there = values[(values >= 0) & (values < top)]  # what an event lacks is negative
                    edges = np.append(np.quantile(there, np.linspace(0, 0.97, bins)), top)
                ratio, error = _shift_ratio(columns, weights, values, kept, shifts, name, edges)
                results.append((ratio, error))
                middle = (edges[1:] + edges[:-1]) / 2 + offset * np.diff(edges)
                text = "reference" if colour == REFERENCE else "simulated"
                axis.errorbar(middle, ratio, error, fmt="o", color=colour, markersize=4, label=text)
            (a, a_error), (b, b_error) = results
            square = np.sum((a - b) ** 2 / (a_error**2 + b_error**2))
            print(f"{name} with {next(iter(shifts))}: chi-square {square:.1f} for {len(a)} bins")
            axis.axhline(1, color="grey", linewidth=0.8)
            setting = ", ".join(f"{k} = {v:g}" + (" GeV" if k == "soft_met" else "") for k, v in shifts.items())
            axis.set(xlabel=label, ylabel="shifted / nominal", title=setting)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle("Effect of the nuisance parameters, all processes; bars: statistical errors (bootstrap)")
    figure.savefig(path, dpi=70)


def _shift_ratio(
    columns: Mapping[str, Any],
    weights: FloatArray,
    nominal: FloatArray,
    kept: IntArray,
    shifts: dict[str, float],
    name: str,
    edges: FloatArray,
    bootstraps: int = 30,
) -> tuple[FloatArray, FloatArray]:
    """Ratio of the shifted to the nominal histogram and its error from bootstraps of events (the two share them)."""
    shifted, kept_shifted = selected(columns, **shifts)
    values = observables(shifted)[name]
    rng = np.random.default_rng(0)
    ratios = []
    for number in range(bootstraps + 1):
        w = weights * (rng.poisson(1, len(weights)) if number else 1)
        above, below = (np.histogram(v, edges, weights=w[k])[0] for v, k in ((values, kept_shifted), (nominal, kept)))
        ratios.append(above / np.maximum(below, 1e-9))
    return ratios[0], np.std(ratios[1:], axis=0)


def compare_with_official(folder: str | Path, most: int, output: Path | None = None) -> int:
    """Print how far the events of a data folder are from the official figures, and draw them.

    Arguments:
        folder: data folder.
        most: rows looked at.
        output: folder for the figures; None for none.

    Returns:
        number of rows of the table beyond the limits.
    """
    source, sums, chunks = OfficialFolder(folder), official.Sums(), []
    for primaries, weights, process in official.read(folder, most):
        sums.add(primaries, weights, process)
        if output:
            features, kept = transform(primaries)
            chunks.append((features, weights[kept], process[kept]))
    print(f"{sums.events:,} rows of {folder}")
    if output:
        output.mkdir(parents=True, exist_ok=True)
        features, weights, names = (np.concatenate(part) for part in zip(*chunks))
        for process in ("ztautau", "htautau", "ttbar"):
            plot_moments(process, features, weights, names, output / f"simulation_official_{process}.png")
    return official.report(sums, source.sum_weights or SUM_WEIGHTS)


def plot_moments(
    process: str, features: FloatArray, weights: FloatArray, names: npt.NDArray[np.str_], path: Path
) -> None:
    """Distributions of one process in two regions, with the official mean and standard deviation.

    Arguments:
        features: array (events, 28) after the post-selection.
        weights, names: weight and name of the process of each event, arrays (events,).
    """
    figure = Figure(figsize=(15, 6.5), layout="constrained")
    axes = figure.subplots(2, len(IN_REGIONS))
    regions = official.regions(features)
    for row, (region, title) in zip(axes, SHOWN_REGIONS.items()):
        inside = regions[region] & (names == process)
        names_shown = [name for name in IN_REGIONS if name not in ABSENT.get(region, ())]
        for axis in row[len(names_shown) :]:
            axis.remove()
        for axis, name in zip(row, names_shown):
            label, low, top = IN_REGIONS[name]
            values, w = features[inside, FEATURES.index(name)], weights[inside]
            mean, sd = official.figures()["moments"][region][process][name]
            axis.hist(values, np.linspace(low, top, 41), weights=w / w.sum(), histtype="step", color=SIMULATED)
            axis.axvspan(mean - sd, mean + sd, color=REFERENCE, alpha=0.2, label="official mean ± sd")
            axis.axvline(mean, color=REFERENCE)
            found = np.average(values, weights=w)
            spread = np.sqrt(np.average((values - found) ** 2, weights=w))
            height = 0.05 * axis.get_ylim()[1]
            axis.errorbar(found, height, xerr=spread, fmt="o", capsize=4, color=SIMULATED, label="simulated mean ± sd")
            axis.set(xlabel=label, xlim=(low, top), ylabel="share of events per bin")
        row[0].set_title(title, loc="left")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle(f"{process}: simulated events, and mean and standard deviation of the full official data")
    figure.savefig(path, dpi=70)


def draw_figures(reference: pd.DataFrame, rows: int, seed: int, output: Path) -> None:
    """The figures of docs/simulation.md.

    Arguments:
        reference: DataFrame of reference events.
        rows, seed: of the simulated sample.
        output: folder.
    """
    output.mkdir(parents=True, exist_ok=True)
    blocks = list(simulate(rows, seed))
    events = {name: np.concatenate([block[name] for block in blocks]) for name in (*PRIMARIES, "weights", "process")}
    for code, process in enumerate(PROCESSES):
        mine = events["process"] == code
        sides = []
        for side in ({k: v[mine] for k, v in events.items()}, reference[reference.detailed_labels == process]):
            columns, kept = selected(side)
            sides.append((observables(columns), np.asarray(side["weights"], float)[kept]))
        plot_process(process, sides[0], sides[1], output / f"simulation_{process}.png")
    simulated, measured = ((side, np.asarray(side["weights"], float)) for side in (events, reference))
    plot_shifts(simulated, measured, output / "simulation_shifts.png")


def main() -> int:
    program = "python -m ingestion_test.simulation.validate"
    example = f"example: {program} --official --data FOLDER"
    parser = argparse.ArgumentParser(prog=program, description=__doc__, epilog=example)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--official", action="store_true", help="compare with the figures of the full official data")
    task.add_argument("--reference", help="draw figures beside the reference events of this parquet file")
    parser.add_argument("--data", help="with --official: data folder (default: the simulated events of the cache)")
    parser.add_argument("--most", type=count, default=5_000_000, help="with --official: rows (default: 5000000)")
    parser.add_argument("--output", type=Path, help="folder for the figures (default with --official: none)")
    parser.add_argument("--rows", type=count, default=600_000, help="with --reference: rows (default: 600000)")
    parser.add_argument("--seed", type=int, default=1, help="with --reference: of the simulated rows (default: 1)")
    flags = parser.parse_args()
    if not (flags.official or flags.output):
        parser.error("--reference needs --output")
    beyond: list[int] = []

    @plain_style()
    def command(flags: argparse.Namespace) -> None:
        if flags.official:
            beyond.append(compare_with_official(flags.data or cached_folder(), flags.most, flags.output))
        else:
            draw_figures(pd.read_parquet(flags.reference), flags.rows, flags.seed, flags.output)

    flags.command = command
    return run_command(flags, program) or int(sum(beyond) > 0)


if __name__ == "__main__":
    sys.exit(main())
