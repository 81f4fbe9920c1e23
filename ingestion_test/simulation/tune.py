"""Tune the simulation to reference events; needs torch and scikit-learn, which the simulation itself does not.

Steps, in this order (default: all):
- parameters: the numbers of `parameters.json`, fitted to the histograms of `observables` by least squares;
- networks: the odds of reference against simulation, one ensemble per process, and of signal against background;
- proposal: the grids that Z events are drawn from, so that those which look like signal are many (Vegas);
- strata: the share of each process in each stratum, counted in a long run.
With --held-out, networks are trained with the reference events of even `parton_event` only, nothing is written, and the
two-sample AUC against the odd ones is printed: what the reweighting is worth on events it was not trained on.
"""

import argparse
import json
from itertools import pairwise

import numpy as np
import pandas as pd

from ..schema import PRIMARIES, PROCESSES, SIGNAL, YIELDS
from . import importance, odds, processes, resonance, sample
from .observables import histograms, pulls
from .radiation import NODES

STEPS = ("parameters", "networks", "proposal", "strata")

#: Fitted numbers per process with the step of the derivative: "a.b" is b in the part a, or element b of the list a.
_COMMON = {
    "spread": 0.3,
    **{f"radiation.rate.{i}": 0.15 for i in range(len(NODES))},
    "radiation.boost": 0.2,
    "radiation.follow": 0.2,
    "radiation.spread": 0.3,
    "radiation.narrowing": 0.15,
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
_PAIR = {"mean_pt": 15.0, "separation": 0.2, "fake_slope": 20.0}
FITTED = {
    "ztautau": _COMMON,
    "htautau": _COMMON | {"quark_pt": 10.0, "quark_rapidity": 0.3, "quark_spread": 0.2, "associated_pt": 20.0},
    "ttbar": _COMMON | _PAIR | {"channels.tt:fake": 0.2, "channels.tw:tau": 0.2, "channels.tw:fake": 0.1},
    "diboson": _COMMON
    | _PAIR
    | {"alignment": 0.3, "channels.ww:fake": 0.2, "channels.zz:qq": 0.1, "channels.zz:nunu": 0.1},
}


def fit_parameters(process, reference, parameters, iterations=6, events=60_000):
    """Least-squares fit of the numbers `FITTED[process]` (Levenberg-Marquardt, same random numbers in every step).

    Arguments:
        reference: DataFrame of the process's reference events.
        parameters: entry of `parameters.json` to start from.

    Returns:
        the fitted entry.
    """
    targets = histograms(reference)
    steps = FITTED[process]

    def residuals(entry):
        columns, weights = draw(process, events, processes.model(process, entry))
        # One observable counts as one number, however many bins it has.
        return np.concatenate([v / np.sqrt(len(v)) for v in pulls(columns, weights, targets).values()])

    best, damping = residuals(parameters), 0.03
    for _ in range(iterations):
        slopes = [(residuals(_moved(parameters, {k: step / 2})) - best) * 2 for k, step in steps.items()]
        jacobian = np.stack(slopes, 1)
        curvature, gradient = jacobian.T @ jacobian, jacobian.T @ best
        for _ in range(5):
            damped = curvature + damping * np.diag(np.diag(curvature) + 1e-3)
            move = np.clip(-np.linalg.solve(damped, gradient), -3, 3)
            candidate = _moved(parameters, {k: z * step for z, (k, step) in zip(move, steps.items())})
            tried = residuals(candidate)
            if tried @ tried < best @ best:
                break
            damping *= 5
        else:
            return parameters
        gain = best @ best - tried @ tried
        parameters, best, damping = candidate, tried, damping / 4
        print(f"{process}: sum of chi-square per bin {best @ best:.1f} ({len(targets)} observables)", flush=True)
        if gain < 1:
            break
    return parameters


def _moved(parameters, moves):
    """A copy of an entry with the named numbers moved; all but logarithms and the alignment stay positive."""
    copy = json.loads(json.dumps(parameters))
    for name, move in moves.items():
        *path, last = name.split(".")
        holder = copy
        for part in path:
            holder = holder[part]
        key = int(last) if isinstance(holder, list) else last
        value = holder[key] + float(move)
        holder[key] = round(value if ".rate." in name or name == "alignment" else abs(value), 4)
    return copy


def draw(process, events, model=None, seed=0):
    """About `events` accepted events before any reweighting: (columns rounded as in the file, weights)."""
    rng = np.random.default_rng(seed)
    parts, found = [], 0
    while found < events:
        parts.append(processes.throw(process, rng, 1 << 14, model))
        found += len(parts[-1][1])
    columns = {k: np.round(np.concatenate([p[0][k] for p in parts]), 3) for k in PRIMARIES}
    return columns, np.concatenate([p[1] for p in parts])


def train(background, target, groups, hidden, folds=4, epochs=25):
    """Networks whose mean output is the log of the density ratio target / background.

    Arguments:
        background, target: (features (events, features), weights (events,)).
        groups: array (target events,): each network stops early on the events with groups % folds = its number.

    Returns:
        list of networks as `odds.log_odds` takes them.
    """
    return [_train_one(background, target, groups % folds == fold, hidden, fold, epochs) for fold in range(folds)]


def _train_one(background, target, held_out, hidden, seed, epochs):
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
    lowest, best = np.inf, None
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


def reweighting(process, reference, model=None, events=250_000):
    """Networks of the odds of reference against simulated events of one process."""
    columns, weights = draw(process, events, model, seed=5)
    target = odds.features({name: reference[name].to_numpy() for name in PRIMARIES})
    groups = reference.parton_event.to_numpy() // 2
    hidden = (32, 32) if len(reference) > 5000 else (16, 16)
    return train((odds.features(columns), weights), (target, np.ones(len(target))), groups, hidden)


def signal_odds(events=300_000):
    """One network of the odds of signal against all backgrounds together, from simulated events."""
    parts = {}
    for code, process in enumerate(PROCESSES):
        _, weights, x = sample.thrown(process, np.random.default_rng(100 + code), events)
        weights = weights * sample.correction(process, x)
        parts[process] = x, weights * (YIELDS[process] / weights.sum(dtype=float))
    background = [np.concatenate([parts[p][i] for p in PROCESSES if p != SIGNAL]) for i in (0, 1)]
    order = np.random.default_rng(0).permutation(len(background[0]))
    groups = np.arange(len(parts[SIGNAL][0]))
    return [_train_one([v[order] for v in background], parts[SIGNAL], groups % 4 == 0, (32, 32), 0, 25)]


def proposal(process="ztautau", cells=24, iterations=8, events=400_000, bulk=0.1):
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
    return np.round(grids, 5).tolist()


def _levers(process, grids, events, seed):
    """The drawn numbers, weights and levers s/(s + b) of the accepted of `events` thrown events."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(events // (1 << 14)):
        numbers, weight = importance.draw(rng, 1 << 14, grids)
        columns, weight, rows = resonance.from_chances(rng, numbers, weight, processes.MODELS[process])
        parts.append((numbers[:, rows], weight, odds.log_odds(odds.shipped("signal"), odds.features(columns))))
    ratio = np.exp(np.concatenate([part[2] for part in parts]).astype(float))
    ratio *= YIELDS[SIGNAL] / sum(YIELDS[p] for p in PROCESSES if p != SIGNAL)
    weights = np.concatenate([part[1] for part in parts]).astype(float)
    return np.concatenate([part[0] for part in parts], axis=1), weights, ratio / (1 + ratio)


def strata_shares(events=4_000_000):
    """Share of each process's weight in each stratum, counted in a run of `events` accepted events."""
    shares = {}
    for code, process in enumerate(PROCESSES):
        rng, total = np.random.default_rng(200 + code), 0
        for _ in range(events // 100_000):
            _, weights, x = sample.thrown(process, rng, 100_000)
            weights = weights * sample.correction(process, x)
            stratum = np.searchsorted(sample.STRATA_EDGES, odds.log_odds(odds.shipped("signal"), x))
            total = total + np.bincount(stratum, weights, len(sample.STRATA_EDGES) + 1)
        shares[process] = (total / total.sum()).tolist()
    return shares


def held_out(reference):
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


def main():
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
    if "parameters" in steps:
        fitted = {p: fit_parameters(p, of, processes.PARAMETERS[p]) for p, of in reference.groupby("detailed_labels")}
        processes.PARAMETERS_FILE.write_text(json.dumps({p: fitted[p] for p in PROCESSES}, indent=1) + "\n")
    if "networks" in steps:
        models = {p: processes.model(p, entry) for p, entry in processes.read_parameters().items()}
        odds.save({p: reweighting(p, of, models[p]) for p, of in reference.groupby("detailed_labels")})
        odds.shipped.cache_clear()
        odds.save({"signal": signal_odds()})
    if "proposal" in steps:
        entries = processes.read_parameters()
        entries["ztautau"]["proposal"] = proposal()
        processes.PARAMETERS_FILE.write_text(json.dumps(entries, indent=1) + "\n")
        processes.MODELS["ztautau"] = processes.model("ztautau", entries["ztautau"])
    if "strata" in steps:
        sample.STRATA_FILE.write_text(json.dumps(strata_shares(), indent=1) + "\n")


if __name__ == "__main__":
    main()
