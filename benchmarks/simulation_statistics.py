"""How much does the finite simulated sample add to the error of mu?

    python -m benchmarks.simulation_statistics [--size default] [--seed N] [--bins 20] [--blocks N]

A boosted classifier is trained on another sample (another seed); its score is cut into bins of equal signal. With s
and b expected events per bin, the data alone determine mu = 1 to sigma = I^(-1/2), I = sum s^2/(s + b), and a deviation
d of the simulated b shifts mu by sum s d/(s + b) / I. The standard deviation of that shift is given for the test events
(30% of the rows) and for the training events (70%), as a share of sigma: from the sum of squared weights (as if the
rows were independent), and from the scatter of the blocks of the file, which also sees that their strata hold exact
shares.
"""

import argparse
from itertools import islice

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from tqdm import tqdm

from ingestion_test.arrays import FloatArray
from ingestion_test.schema import FEATURES, PROCESSES, SIGNAL
from ingestion_test.simulation import simulate
from ingestion_test.simulation.sample import number_of_blocks, number_of_rows


def train(seed: int, rows: int = 400_000) -> HistGradientBoostingClassifier:
    """Signal-background classifier on a sample of its own, classes balanced."""
    blocks = list(simulate(rows, seed))
    x = np.concatenate([np.stack([block[name] for name in FEATURES], 1) for block in blocks])
    weights = np.concatenate([block["weights"] for block in blocks]).astype(float)
    signal = np.concatenate([block["process"] for block in blocks]) == PROCESSES.index(SIGNAL)
    for side in (signal, ~signal):
        weights[side] *= len(x) / 2 / weights[side].sum()
    return HistGradientBoostingClassifier(max_iter=200, learning_rate=0.08, max_leaf_nodes=24).fit(x, signal, weights)


def main() -> None:
    """Print the table."""
    program = "python -m benchmarks.simulation_statistics"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --blocks 15"
    )
    parser.add_argument("--size", default="default", help="of the sample, as in `simulate` (default: default)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default: 0)")
    parser.add_argument("--bins", type=int, default=20, help="of the score (default: 20)")
    parser.add_argument("--blocks", type=int, help="look at the first so many blocks only; they are alike")
    args = parser.parse_args()
    trees = train(args.seed + 1000)
    edges, sums, squares = None, [], []
    blocks = number_of_blocks(number_of_rows(args.size))
    looked_at = min(args.blocks or blocks, blocks)
    for block in tqdm(islice(simulate(args.size, args.seed), looked_at), total=looked_at, unit="block", disable=None):
        score = trees.decision_function(np.stack([block[name] for name in FEATURES], 1))
        signal = block["process"] == PROCESSES.index(SIGNAL)
        if edges is None:
            edges = np.quantile(score[signal], np.linspace(0, 1, args.bins + 1)[1:-1])
        cell = np.searchsorted(edges, score) + args.bins * block["process"].astype(int)
        w, length = block["weights"].astype(float), args.bins * len(PROCESSES)
        sums.append(np.bincount(cell, w, length).reshape(-1, args.bins))
        squares.append(np.bincount(cell, w**2, length).reshape(-1, args.bins))
    sums, squares = np.array(sums), np.sum(squares, axis=0)
    report(sums * (blocks / looked_at), squares * (blocks / looked_at), blocks)


def report(sums: FloatArray, squares: FloatArray, blocks: int) -> None:
    """Print sigma(mu) and the shares of it that the sample adds.

    Arguments:
        sums: weights per block looked at, process and bin, scaled so that those of the blocks looked at add up to all.
        squares: squared weights of all blocks per process and bin.
        blocks: number of blocks of the file.
    """
    total = sums.sum(0)
    signal = total[PROCESSES.index(SIGNAL)]
    lever = signal / total.sum(0)
    information = (signal**2 / total.sum(0)).sum()
    print(f"sigma(mu) of the data alone {information**-0.5:.3f}")
    print("share of sigma(mu)         test rows            training rows")
    print("                        weights  blocks       weights  blocks")
    for name, rows in [*((p, [i]) for i, p in enumerate(PROCESSES)), ("all", [0, 1, 2, 3])]:
        by_weights = np.sqrt((squares[rows].sum(0) * lever**2).sum() / information)
        shifts = (sums[:, rows].sum(1) * lever).sum(1)
        by_blocks = np.sqrt((shifts * len(sums)).var(ddof=1) / blocks / information)
        # A side with the share f of the rows has weights 1/f times as large: its error is that of all rows / sqrt(f).
        cells = [f"{v / np.sqrt(f):8.3f}" for f in (0.3, 0.7) for v in (by_weights, by_blocks)]
        print(f"{name:22s}{cells[0]}{cells[1]}      {cells[2]}{cells[3]}")


if __name__ == "__main__":
    main()
