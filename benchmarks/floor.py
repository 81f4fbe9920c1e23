"""What a pseudo-experiment must cost at least on this machine, beside what it costs: `python -m benchmarks.floor`.

The amounts are counted from the algorithm: bytes that have to be moved once, calls of transcendental functions,
multiplications of the networks, numbers of the official random streams. The rates are measured in the same run, on one
core and on arrays that fit its cache (but for the bandwidth): what numpy, torch and the compiled stream reach when they
do nothing else. Products, comparisons and copies of columns, which the floor leaves out, are the rest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.profile import numpy_rows
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import make_test_set, process_scales
from ingestion_test.schema import FEATURES, PRIMARIES
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import OfficialFolder, TestEvents
from runtime.tables import Table
from submission import artifacts
from submission.estimator import Estimator
from submission.features import CATEGORIES, LOGARITHMIC, categories
from submission.features import FEATURES as READ

_SIZE = 1 << 15


def rate(function: Callable[[], object], amount: float, rounds: int = 9) -> float:
    """Amount per CPU second of a function, the best of some rounds."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(20):
            function()
        seconds.append((time.process_time() - start) / 20)
    return amount / min(seconds)


def rates() -> dict[str, float]:
    """What this machine does in a second."""
    random = np.random.default_rng(0)
    angle = {kind: random.uniform(-3, 3, _SIZE).astype(kind) for kind in (np.float32, np.float64)}
    large = np.ones(1 << 25, np.float32)  # zeros would have no pages of their own
    layer, inputs = torch.nn.Linear(64, 64), torch.rand(4096, 64)
    legacy = np.random.RandomState(0)
    with torch.inference_mode():
        return {
            "bytes moved": rate(partial(np.copyto, large.copy(), large), 2 * large.nbytes, 3),
            "sin or cos, single": rate(partial(np.sin, angle[np.float32]), _SIZE),
            "sin, double": rate(partial(np.sin, angle[np.float64]), _SIZE),
            "arctan2, double": rate(partial(np.arctan2, angle[np.float64], angle[np.float64][::-1].copy()), _SIZE),
            "log, single": rate(partial(np.log, np.abs(angle[np.float32])), _SIZE),
            "multiply-adds": rate(partial(layer, inputs), inputs.numel() * 64),
            "GELU": rate(partial(torch.nn.functional.gelu, inputs), inputs.numel()),
            "random words": rate(partial(legacy.bytes, 4 * _SIZE), _SIZE),
        }


def weights_and_units(network: Any, number: int) -> tuple[int, int]:
    """Multiplications per event of category `number`, and units with an activation."""
    parts = [network.networks[number]] if hasattr(network, "networks") else []
    parts = parts or [network.branches[number], network.trunk, network.heads[number]]
    linears = [layer for part in parts for layer in part if isinstance(layer, torch.nn.Linear)]
    return sum(layer.weight.numel() for layer in linears), sum(layer.out_features for layer in linears[:-1])


def amounts(test_events: TestEvents, estimator: Estimator, data: pd.DataFrame, rows: int) -> dict[str, float]:
    """What a pseudo-experiment with the events `data`, from `rows` rows drawn, needs of each."""
    which, scorer = categories(data), estimator.histogram.scorer
    if scorer.gate is None:
        raise SystemExit("the floor is of artifacts with a gate")
    n, n1, n2 = len(data), int(np.sum(which >= 0)), int(np.sum(which == 1))
    bytes_moved = 4 * (rows * len(PRIMARIES) + 2 * n * len(FEATURES) + len(test_events.weights))
    logs = multiply = gelu = 0
    for number, category in enumerate(CATEGORIES):
        members = np.flatnonzero(which == number)
        columns = {name: np.asarray(data[name])[members] for name in READ[category]}
        passed = int(np.sum(scorer.gate.logits(scorer.standardised(columns, number), number) >= 0))
        logs += len(members) * len(LOGARITHMIC & set(READ[category]))
        multiply += len(members) * weights_and_units(scorer.gate, number)[0]
        for network in getattr(scorer.classifier, "members", (scorer.classifier,)):
            of_network, units = weights_and_units(network, number)
            multiply, gelu = multiply + passed * of_network, gelu + passed * units
    return {
        "bytes moved": bytes_moved,
        # MET and the tau shifted, lepton and tau; both jets shifted and in the total momentum; the pair of jets.
        "sin or cos, single": 9 * n + 4 * n1 + 8 * n2,
        "sin, double": 2 * n,
        "arctan2, double": n,
        "log, single": logs,
        "multiply-adds": multiply,
        "GELU": gelu,
        "random words": 2 * len(test_events.weights) + 2 * rows + 1.4 * rows,
    }


def main() -> None:
    """Print the floor beside the measured time."""
    program = "python -m benchmarks.floor"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --rounds 3"
    )
    parser.add_argument("--rounds", type=int, default=5, help="pseudo-experiments (default 5)")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    test_events, estimator = OfficialFolder(cached_folder()).test_events(), artifacts.load()
    seconds = []
    for seed in range(-1, rounds):
        nuisance = draw_nuisance_parameters(seed + 1, NUISANCE_NAMES)
        start = time.process_time()
        test_set = make_test_set(test_events, 1.0, nuisance, seed + 1)
        estimator.estimate(**test_set)
        seconds.append(time.process_time() - start)
    scales = process_scales(1.0, *(nuisance[name] for name in ("ttbar_scale", "diboson_scale", "bkg_scale")))
    needed = amounts(test_events, estimator, test_set["data"], len(numpy_rows(test_events, scales, seed + 1)))
    possible = rates()
    least = {name: amount / possible[name] for name, amount in needed.items()}
    total, measured = sum(least.values()), float(np.median(seconds[1:]))
    rows = [(name, f"{needed[name]:.3g}", f"{possible[name]:.3g}", f"{least[name]:.4f}") for name in needed]
    rows.append(("sum", "", "", f"{total:.3f}"))
    rows.append(("generation + prediction, measured", "", "", f"{measured:.3f}"))
    print(Table(("", "amount", "per second", "seconds"), rows).text())
    print(f"measured: {measured / total:.1f} times the sum")


if __name__ == "__main__":
    main()
