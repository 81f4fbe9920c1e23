"""Tune the simulation to reference events; needs torch and scikit-learn, which the simulation itself does not.

Steps, in this order (default: all):
- parameters: the numbers of `parameters.json`, fitted by least squares to the histograms of `observables` of reference
  events and to the yields and moments of the official data;
- networks: the odds of reference against simulation, one ensemble per process;
- tilt: the coefficients of `tilt`, fitted to the yields and moments of the official data;
- signal: the odds of signal against background;
- proposal: the grids that Z events are drawn from, so that those which look like signal are many (Vegas);
- strata: the share of each process in each stratum, counted in a long run.
With --held-out, networks are trained with the reference events of even `parton_event` only, nothing is written, and the
two-sample AUC against the odd ones is printed: what the reweighting is worth on events it was not trained on.

The file is long because the steps share their draws and run one after the other; nothing else imports it.
"""

import argparse
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from ..arrays import BoolArray, Columns, DoubleArray, FloatArray, IntArray
from ..schema import FEATURES, PRIMARIES, PROCESSES, SIGNAL, YIELDS
from ..systematics import transform
from . import importance, odds, official, processes, resonance, sample, tilt, worlds
from .observables import histograms, pulls
from .processes import Parameters
from .radiation import FURTHER_NODES, NODES

T = TypeVar("T")
#: Features (events, features) and weights (events,).
Sample: TypeAlias = tuple[FloatArray, FloatArray]
#: What the tilt is fitted to: see `_cells`.
Cell: TypeAlias = tuple[float, float, IntArray, FloatArray | None]

#: Fitted numbers per process with the step of the derivative: "a.b" is b in the part a, or element b of the list a.
_COMMON = {
    "spread": 0.3,
    **{f"radiation.rate.{i}": 0.15 for i in range(len(NODES))},
    **{f"radiation.further.{i}": 0.2 for i in range(len(FURTHER_NODES))},
    "radiation.stretch": 0.2,
    "radiation.boost": 0.2,
    "radiation.recoil": 0.15,
    "radiation.follow": 0.2,
    "radiation.spread": 0.3,
    "radiation.narrowing": 0.15,
    "radiation.cluster": 0.15,
    "radiation.soft": 1.0,
    "response.jet": 0.05,
    "response.fragmentation": 0.04,
    "response.tail": 0.03,
    "response.noise": 1.0,
    "response.noise_spread": 0.1,
    "response.had": 0.03,
    "response.had_width": 0.03,
    "response.underlying": 0.5,
    "response.soft": 0.2,
}
_RESONANCE = {"fakes": 0.005, "fake_slope": 20.0}
_HIGGS = {
    "quark_pt": 10.0,
    "quark_rapidity": 0.3,
    "quark_spread": 0.2,
    "associated_pt": 20.0,
    "modes.1": 0.01,
    "modes.2": 0.004,
}
_PAIR = {"mean_pt": 15.0, "separation": 0.2, "fake_slope": 20.0}
FITTED = {
    "ztautau": _COMMON | _RESONANCE,
    "htautau": _COMMON | _RESONANCE | _HIGGS,
    "ttbar": _COMMON | _PAIR | {"channels.tt:fake": 0.2, "channels.tw:tau": 0.2, "channels.tw:fake": 0.1},
    "diboson": _COMMON
    | _PAIR
    | {"alignment": 0.3, "channels.ww:fake": 0.2, "channels.zz:qq": 0.1, "channels.zz:nunu": 0.1},
}
#: Fitted numbers that may be negative: logarithms and slopes.
_SIGNED = (".rate.", ".further.", "cluster", "alignment")
#: What counts as one standard deviation of an official figure: of a yield (relative), of a mean (in standard
#: deviations of the feature) and of a standard deviation (relative); of the second difference of the logarithms of
#: rates at neighbouring nodes, so that spectra are smooth; and of a parameter's distance from its start, in steps.
TOLERANCE = {"yield": 0.0075, "mean": 0.015, "sd": 0.04, "bend": 0.5, "parameter": 10.0}
#: The same for the tilt.
TILT_TOLERANCE = {"yield": 0.001, "mean": 0.005, "sd": 0.01}


def fit_parameters(
    process: str, reference: pd.DataFrame, parameters: Parameters, evaluations: int = 8, events: int = 600_000
) -> Parameters:
    """Least-squares fit of the numbers `FITTED[process]`, with the same random numbers for all parameters.

    Arguments:
        reference: DataFrame of the process's reference events.
        parameters: entry of `parameters.json` to start from.
        evaluations: largest number of steps tried.
        events: thrown per evaluation.

    Returns:
        the fitted entry.
    """
    targets = histograms(reference)
    steps = FITTED[process]

    def residuals(moves: DoubleArray) -> FloatArray:
        entry = _moved(parameters, dict(zip(steps, moves * list(steps.values()))))
        model = processes.model(process, entry)
        columns, weights = draw(process, events, model)
        few = {name: values[:200_000] for name, values in columns.items()}, weights[:200_000]
        # One observable counts as one number, however many bins it has.
        shapes = [v / np.sqrt(len(v)) for v in pulls(*few, targets).values()]
        bends = [np.diff(entry["radiation"][name][:8], 2) / TOLERANCE["bend"] for name in ("rate", "further")]
        kept = moves / TOLERANCE["parameter"]
        return np.concatenate([*shapes, _official_pulls(process, columns, weights), *bends, kept])

    def slopes(moves: DoubleArray) -> FloatArray:
        here = residuals(moves)
        print(f"{process}: sum of squares {here @ here:.1f}", flush=True)
        return np.stack([(residuals(moves + 0.5 * one) - here) / 0.5 for one in np.eye(len(moves))], 1)

    low = [
        -np.inf if any(mark in k for mark in _SIGNED) else -_value(parameters, k) / step for k, step in steps.items()
    ]
    start = np.zeros(len(steps))
    found = least_squares(
        residuals, start, slopes, (np.array(low) - 1e-6, np.inf), x_scale=4.0, max_nfev=evaluations, ftol=3e-3
    )
    print(f"{process}: sum of squares {2 * found.cost:.1f}", flush=True)
    return _moved(parameters, dict(zip(steps, found.x * list(steps.values()))))


def _official_pulls(process: str, columns: Columns, weights: FloatArray) -> FloatArray:
    """Differences of a process's events from the official yields and moments over `TOLERANCE`."""
    sums = official.Sums()
    primaries = np.stack([columns[name] for name in PRIMARIES], 1)
    sums.add(primaries, weights, np.full(len(weights), process), shifts=False)
    ratios = official.yield_ratios(sums, YIELDS[process] / sums.total)
    result = [(v[0] - 1) / TOLERANCE["yield"] for key, v in ratios.items() if key[1] == process]
    for means, sds, _ in official.moment_differences(sums).values():
        result += [*(means / TOLERANCE["mean"]), *((sds - 1) / TOLERANCE["sd"])]
    return np.array(result)


def _value(parameters: Any, name: str) -> Any:
    for part in name.split("."):
        parameters = parameters[int(part) if isinstance(parameters, list) else part]
    return parameters


def _moved(parameters: Parameters, moves: dict[str, float]) -> Parameters:
    """A copy of an entry with the named numbers moved."""
    copy: Parameters = json.loads(json.dumps(parameters))
    for name, move in moves.items():
        path, _, last = name.rpartition(".")
        holder = _value(copy, path) if path else copy
        key: Any = int(last) if isinstance(holder, list) else last
        holder[key] = round(holder[key] + float(move), 5)
        if not any(mark in name for mark in _SIGNED):
            holder[key] = max(holder[key], 0.0)
    return copy


def draw(process: str, events: int, model: processes.Model | None = None, seed: int = 0) -> tuple[Columns, FloatArray]:
    """What `events` thrown events give before any reweighting: (columns rounded as in the file, weights)."""
    rng = np.random.default_rng(seed)
    parts = [processes.throw(process, rng, 1 << 16, model) for _ in range(-(-events // (1 << 16)))]
    columns = {k: np.round(np.concatenate([p[0][k] for p in parts]), 3) for k in PRIMARIES}
    return columns, np.concatenate([p[1] for p in parts])


def train(
    background: Sample, target: Sample, groups: IntArray, hidden: tuple[int, ...], folds: int = 4, epochs: int = 25
) -> list[odds.Network]:
    """Networks whose mean output is the log of the density ratio target / background.

    Arguments:
        background, target: (features (events, features), weights (events,)).
        groups: array (target events,): each network stops early on the events with groups % folds = its number.

    Returns:
        list of networks as `odds.log_odds` takes them.
    """
    return [_train_one(background, target, groups % folds == fold, hidden, fold, epochs) for fold in range(folds)]


def _train_one(
    background: Sample, target: Sample, held_out: BoolArray, hidden: tuple[int, ...], seed: int, epochs: int
) -> odds.Network:
    import torch

    torch.manual_seed(seed)
    cut = len(background[0]) * 3 // 4
    sides = [
        (background[0][:cut], background[1][:cut], target[0][~held_out], target[1][~held_out]),
        (background[0][cut:], background[1][cut:], target[0][held_out], target[1][held_out]),
    ]
    mean, scale = background[0].mean(0), background[0].std(0) + 1e-6
    tensors = []
    for x0, w0, x1, w1 in sides:
        x = torch.tensor((np.concatenate([x0, x1]) - mean) / scale)
        y = torch.tensor(np.repeat([0.0, 1.0], [len(x0), len(x1)]), dtype=torch.float32)
        w = torch.tensor(np.concatenate([w0 / w0.mean() / len(x0), w1 / w1.mean() / len(x1)]), dtype=torch.float32)
        tensors.append((x, y, w * len(x) / 2))
    sizes = (background[0].shape[1], *hidden)
    layers = [
        layer for a, b in pairwise(sizes) for layer in (torch.nn.Linear(a, b), torch.nn.ReLU(), torch.nn.Dropout(0.1))
    ]
    net = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], 1))
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=3e-3)
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    lowest = np.inf
    best: odds.Network = []
    (x, y, w), (x_stop, y_stop, w_stop) = tensors
    for _ in range(epochs):
        net.train()
        for batch in torch.randperm(len(x)).split(4096):
            optimiser.zero_grad()
            loss(net(x[batch])[:, 0], y[batch], weight=w[batch]).backward()
            optimiser.step()
        net.eval()
        with torch.no_grad():
            reached = float(loss(net(x_stop)[:, 0], y_stop, weight=w_stop))
        if reached < lowest:
            linear = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
            lowest, best = (
                reached,
                [(m.weight.detach().numpy().T.copy(), m.bias.detach().numpy().copy()) for m in linear],
            )
    # The standardisation becomes part of the first layer.
    weight, bias = best[0]
    best[0] = (weight / scale[:, None]).astype(np.float32), (bias - (mean / scale) @ weight).astype(np.float32)
    return best


def reweighting(
    process: str, reference: pd.DataFrame, model: processes.Model | None = None, events: int = 250_000
) -> list[odds.Network]:
    """Networks of the odds of reference against simulated events of one process."""
    columns, weights = draw(process, events, model, seed=5)
    target = odds.features({name: reference[name].to_numpy() for name in PRIMARIES})
    groups = reference.parton_event.to_numpy() // 2
    hidden = (32, 32) if len(reference) > 5000 else (16, 16)
    return train((odds.features(columns), weights), (target, np.ones(len(target))), groups, hidden)


def fit_tilt(
    process: str, reference: pd.DataFrame, events: int = 6_000_000, stiffness: float = 50.0, seed: int = 300
) -> Parameters:
    """Coefficients of `tilt.factors` that bring a process to the official yields and moments.

    Minimised are the squared differences over `TILT_TOLERANCE` and `stiffness` squared times the variance of the log of
    the factors in each region. Regions without an official yield keep to that of the reference events, within its
    error.

    Arguments:
        reference: DataFrame of the process's reference events.
        events: accepted events of the sample, after the learned reweighting.

    Returns:
        the process's entry of `tilt.json`.
    """
    primaries, weights, x = _tilt_sample(process, events, seed)
    members = tilt.memberships(x)
    near = sum((members[r] for r in _shaped(process)), 1e-3) * weights
    base = tilt.basis(x)
    mean = np.average(base, weights=near, axis=0)
    scale = np.sqrt(np.average((base - mean) ** 2, weights=near, axis=0)) + 1e-6
    f = tilt.terms(x, mean.astype(np.float32), scale.astype(np.float32))
    sizes = [f.shape[1] if r in _shaped(process) else 1 for r in members]
    design = np.concatenate([s[:, None] * f[:, :size] for s, size in zip(members.values(), sizes)], axis=1)
    cells = _cells(process, primaries, reference)
    shares = np.repeat([np.average(s, weights=weights) for s in members.values()], sizes)
    rigid = stiffness * np.sqrt(np.average(design**2, weights=weights, axis=0) / np.maximum(shares, 1e-6))
    rigid += 1e-3

    @cache_last
    def differences(theta: DoubleArray) -> tuple[FloatArray, FloatArray]:
        factor = np.exp(np.clip(design @ theta.astype(np.float32), -tilt.MAX_LOG, tilt.MAX_LOG))
        found, slopes = _tilted(weights * factor, design, cells)
        return np.concatenate([found, rigid * theta]), np.concatenate([slopes, np.diag(rigid)])

    start = np.zeros(design.shape[1])
    found = least_squares(
        lambda theta: differences(theta)[0], start, lambda theta: differences(theta)[1], max_nfev=15, ftol=1e-4
    )
    factor = np.exp(np.clip(design @ found.x.astype(np.float32), -tilt.MAX_LOG, tilt.MAX_LOG))
    _print_spread(process, factor, weights, members)
    parts = np.split(found.x, np.cumsum(sizes)[:-1])
    regions = {r: np.round(part, 5).tolist() for r, part in zip(members, parts)}
    return {"mean": np.round(mean, 5).tolist(), "scale": np.round(scale, 5).tolist(), "regions": regions}


def _shaped(process: str) -> list[str]:
    """Regions in which the tilt depends on the features: those with official moments, or a yield of few events."""
    yields, moments = official.figures()["yields"], official.figures()["moments"]
    return [r for r in yields if process in moments.get(r, {}) or (r == "highMT_VBFJet" and process in yields[r])]


def cache_last(function: Callable[[DoubleArray], T]) -> Callable[[DoubleArray], T]:
    """`function` of an array, which remembers the last value."""
    memory: dict[bytes, T] = {}

    def remembering(argument: DoubleArray) -> T:
        key = argument.tobytes()
        if key not in memory:
            memory.clear()
            memory[key] = function(argument)
        return memory[key]

    return remembering


def _tilt_sample(process: str, events: int, seed: int, share: float = 0.2) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Simulated events after the learned reweighting; of those outside the regions of `_shaped`, a share.

    Returns:
        primaries float32 array (events, 16), float64 weights, `odds.features`.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(-(-events // 250_000)):
        columns, weights, x = sample.thrown(process, rng, 250_000)
        weights = weights.astype(float) * sample.learned(process, x)
        members = tilt.memberships(x)
        rare = sum((members[r] for r in _shaped(process)), np.zeros(len(x))) > 1e-2
        chance = np.where(rare, 1.0, share)
        rows = np.flatnonzero(rng.random(len(x)) < chance)
        parts.append((np.stack([columns[name][rows] for name in PRIMARIES], 1), (weights / chance)[rows], x[rows]))
    primaries, weights, x = (np.concatenate(part) for part in zip(*parts))
    return primaries, weights, x


def _cells(process: str, primaries: FloatArray, reference: pd.DataFrame) -> list[Cell]:
    """What the tilt is fitted to.

    Returns:
        list of (share of the process's yield in a region at a point of the nuisance parameters, its tolerance
        (relative), rows there, features of these in units of the official moments or None).
    """
    cells = []
    yields, moments = official.figures()["yields"], official.figures()["moments"]
    for point in ((0, 0, 0), (-3, 0, 0), (3, 0, 0), (0, -3, 0), (0, 3, 0)):
        features, kept = transform(primaries, None, 1 + official.PULL * point[0], 1 + official.PULL * point[1])
        for region, inside in official.regions(features).items():
            cell = yields.get(region, {}).get(process)
            if cell is None and any(point):
                continue
            if cell is None:
                share, tolerance = _reference_share(reference, region)
            else:
                shifted = {tuple(entry[:3]): entry[3] for entry in cell["shifted"]} | {(0, 0, 0): cell["nominal"]}
                share, tolerance = shifted[point] / YIELDS[process], TILT_TOLERANCE["yield"]
            standard = None
            if not any(point) and process in moments.get(region, {}):
                mean, sd = np.array([moments[region][process][name] for name in FEATURES]).T
                standard = ((features[inside] - mean) / sd).astype(np.float32)
            cells.append((share, tolerance, kept[inside], standard))
    return cells


def _reference_share(reference: pd.DataFrame, region: str) -> tuple[float, float]:
    """Share of the reference events in a region, and its relative error."""
    features, _ = transform(reference[list(PRIMARIES)].to_numpy(np.float32))
    number = max(int(np.count_nonzero(official.regions(features)[region])), 1)
    return number / len(reference), number**-0.5


def _tilted(weights: FloatArray, design: FloatArray, cells: list[Cell]) -> tuple[FloatArray, FloatArray]:
    """Differences of weighted events from the official figures over `TILT_TOLERANCE`, and their derivatives."""
    values, slopes = [], []
    total, total_slope = weights.sum(), weights @ design
    for share, tolerance, rows, z in cells:
        w = weights[rows]
        f = design[rows] * w[:, None].astype(np.float32)
        here, slope = w.sum(), f.sum(axis=0, dtype=float)
        ratio = here / total / share
        values.append([(ratio - 1) / tolerance])
        slopes.append((ratio * (slope / here - total_slope / total) / tolerance)[None])
        if z is None:
            continue
        mean, square = w @ z / here, w @ z**2 / here
        sd = np.sqrt(square - mean**2)
        mean_slope = (z.T @ f - np.outer(mean, slope)) / here
        square_slope = ((z**2).T @ f - np.outer(square, slope)) / here
        sd_slope = (square_slope - 2 * mean[:, None] * mean_slope) / (2 * sd[:, None])
        values += [mean / TILT_TOLERANCE["mean"], (sd - 1) / TILT_TOLERANCE["sd"]]
        slopes += [mean_slope / TILT_TOLERANCE["mean"], sd_slope / TILT_TOLERANCE["sd"]]
    return np.concatenate(values), np.concatenate(slopes)


def _print_spread(process: str, factor: FloatArray, weights: FloatArray, members: dict[str, FloatArray]) -> None:
    for name, s in ({"all": np.ones(len(weights))} | members).items():
        w = weights * s
        mean = np.average(factor, weights=w)
        rms = np.sqrt(np.average((factor / mean - 1) ** 2, weights=w))
        order = np.argsort(factor)
        reached = np.cumsum(w[order])
        low, high = np.interp(np.array([0.01, 0.99]) * reached[-1], reached, factor[order])
        print(
            f"{process} {name}: factors {mean:.3f}, relative rms {rms:.3f}, 98% in {low:.2f} to {high:.2f}", flush=True
        )


def signal_odds(events: int = 300_000) -> list[odds.Network]:
    """One network of the odds of signal against all backgrounds together, from simulated events."""
    parts = {}
    for code, process in enumerate(PROCESSES):
        _, weights, x = sample.thrown(process, np.random.default_rng(100 + code), events)
        weights = weights * sample.correction(process, x)
        parts[process] = x, weights * (YIELDS[process] / weights.sum(dtype=float))
    x, weights = (np.concatenate([parts[p][i] for p in PROCESSES if p != SIGNAL]) for i in (0, 1))
    order = np.random.default_rng(0).permutation(len(x))
    groups = np.arange(len(parts[SIGNAL][0]))
    return [_train_one((x[order], weights[order]), parts[SIGNAL], groups % 4 == 0, (32, 32), 0, 25)]


def proposal(
    process: str = "ztautau", cells: int = 24, iterations: int = 8, events: int = 400_000, bulk: float = 0.1
) -> list[list[float]]:
    """Grids for `resonance.Resonance.proposal` that minimise the variance of what decides mu, found iteratively.

    An event matters as the square of its weight times lever = s/(s + b), or in the part `bulk` as that of its weight.
    """
    grids = np.tile(np.linspace(0, 1, cells + 1), (4, 1))
    for iteration in range(iterations):
        numbers, weights, lever = _levers(process, grids, events, iteration)
        square = weights**2 * (lever**2 / np.average(lever**2, weights=weights) + bulk)
        for grid, number in zip(grids, numbers):
            cell = np.minimum(np.searchsorted(grid[1:-1], number, side="right"), cells - 1)
            chance = np.sqrt(np.bincount(cell, square, cells))
            chance = 0.85 * chance / chance.sum() + 0.15 / cells
            grid[:] = np.interp(np.linspace(0, 1, cells + 1), np.append(0, np.cumsum(chance)), grid.copy())
        grids[:, 0], grids[:, -1] = 0, 1
    rounded: list[list[float]] = np.round(grids, 5).tolist()
    return rounded


def _levers(process: str, grids: FloatArray, events: int, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The drawn numbers, weights and levers s/(s + b) of the accepted of `events` thrown events."""
    rng, model = np.random.default_rng(seed), processes.MODELS[process]
    assert isinstance(model, resonance.Resonance)
    parts = []
    for _ in range(events // (1 << 14)):
        numbers, weight = importance.draw(rng, 1 << 14, grids)
        columns, weight, rows = resonance.from_chances(rng, numbers, weight, model)
        parts.append((numbers[:, rows], weight, odds.log_odds(odds.shipped("signal"), odds.features(columns))))
    ratio = np.exp(np.concatenate([part[2] for part in parts]).astype(float))
    ratio *= YIELDS[SIGNAL] / sum(YIELDS[p] for p in PROCESSES if p != SIGNAL)
    weights = np.concatenate([part[1] for part in parts]).astype(float)
    return np.concatenate([part[0] for part in parts], axis=1), weights, ratio / (1 + ratio)


def strata_shares(world: str, events: int = 4_000_000) -> dict[str, list[float]]:
    """Share of each process's weight in each stratum in a world, counted in a run of `events` accepted events."""
    shares = {}
    for code, process in enumerate(PROCESSES):
        rng, total = np.random.default_rng(200 + code), np.zeros(len(sample.STRATA_EDGES) + 1)
        for _ in range(events // 100_000):
            _, weights, x = sample.thrown(process, rng, 100_000, world)
            weights = weights * sample.correction(process, x, world)
            stratum = np.searchsorted(sample.STRATA_EDGES, odds.log_odds(odds.shipped("signal"), x))
            total = total + np.bincount(stratum, weights, len(sample.STRATA_EDGES) + 1)
        shares[process] = (total / total.sum()).tolist()
    return shares


def held_out(reference: pd.DataFrame) -> None:
    """Train the reweighting on the events of even `parton_event`; print the two-sample AUC against the odd ones."""
    from .validate import two_sample_auc

    even = reference.parton_event % 2 == 0
    for process in PROCESSES:
        mine = reference.detailed_labels == process
        networks = reweighting(process, reference[mine & even])
        columns, weights = draw(process, 100_000, seed=9)
        learned = odds.log_odds(networks, odds.features(columns)).clip(-sample.MAX_LOG_ODDS, sample.MAX_LOG_ODDS)
        for name, factor in (("parameters only", 1), ("with reweighting", np.exp(learned))):
            auc, error = two_sample_auc(columns, weights * factor, reference[mine & ~even])
            print(f"{process} {name}: AUC {auc:.3f} +- {error:.3f} against held-out reference events", flush=True)


def _parameters(reference: pd.DataFrame) -> None:
    fitted = {p: fit_parameters(p, of, processes.PARAMETERS[p]) for p, of in reference.groupby("detailed_labels")}
    _write_parameters(fitted)


def _networks(reference: pd.DataFrame) -> None:
    odds.save({p: reweighting(p, of, processes.MODELS[p]) for p, of in reference.groupby("detailed_labels")})


def _tilt(reference: pd.DataFrame) -> None:
    fitted = {p: fit_tilt(p, of) for p, of in reference.groupby("detailed_labels")}
    tilt.TILT_FILE.write_text(json.dumps({p: fitted[p] for p in PROCESSES}) + "\n")


def _signal(_: pd.DataFrame) -> None:
    odds.save({"signal": signal_odds()})


def _proposal(_: pd.DataFrame) -> None:
    _write_parameters({"ztautau": processes.PARAMETERS["ztautau"] | {"proposal": proposal()}})


def _strata(_: pd.DataFrame) -> None:
    sample.STRATA_FILE.write_text(json.dumps({w: strata_shares(w) for w in worlds.WORLDS}, indent=1) + "\n")


def _write_parameters(entries: dict[str, Parameters]) -> None:
    entries = processes.read_parameters() | entries
    processes.PARAMETERS_FILE.write_text(json.dumps({p: entries[p] for p in PROCESSES}, indent=1) + "\n")


def _refresh() -> None:
    """Make the simulation of this process use what the files hold now."""
    processes.PARAMETERS.update(processes.read_parameters())
    processes.MODELS.update({p: processes.model(p, entry) for p, entry in processes.PARAMETERS.items()})
    for cached in (sample.models, sample.strata_shares, odds.shipped, tilt.coefficients):
        cached.cache_clear()


#: Step -> function of the reference events.
STEPS = {
    "parameters": _parameters,
    "networks": _networks,
    "tilt": _tilt,
    "signal": _signal,
    "proposal": _proposal,
    "strata": _strata,
}


def main() -> None:
    program = "python -m ingestion_test.simulation.tune"
    parser = argparse.ArgumentParser(
        prog=program,
        description=__doc__.splitlines()[0],
        epilog=f"example: {program} --reference reference_events.parquet --held-out",
    )
    parser.add_argument("--reference", required=True, help="parquet file with reference events")
    parser.add_argument("--held-out", action="store_true", help="train on one half, test on the other, write nothing")
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"{', '.join(STEPS)} (default: all)")
    args = parser.parse_args()
    steps = args.steps or STEPS
    if unknown := [step for step in steps if step not in STEPS]:
        parser.error(f"no step {', '.join(unknown)}: {', '.join(STEPS)}")
    reference = pd.read_parquet(args.reference)
    if args.held_out:
        held_out(reference)
        return
    for name in STEPS:
        if name in steps:
            STEPS[name](reference)
            _refresh()


if __name__ == "__main__":
    main()
