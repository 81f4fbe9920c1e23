"""Samples of any number of events from a seed: blocks of rows that are small samples of all processes themselves.

Block number b of process p has its own stream, `SeedSequence(seed, spawn_key=(p, b))`, so the events do not depend on how
many workers make them. Every block holds the same number of rows of every process (give or take one), and their
weights sum to the same share of the process's yield. So the first 30% of a file, the challenge's test events, and the
rest hold every process in its exact proportion.
"""

import multiprocessing

import numpy as np

from ..derived import derived_features
from ..errors import ChallengeError
from ..schema import DERIVED, PRIMARIES, PROCESSES, YIELDS
from .processes import throw

#: Rows of the named sizes.
SIZES = {"small": 40_000, "default": 4_000_000, "large": 40_000_000}
MIN_ROWS = 1000
#: Share of the rows that each process gets.
SHARES = {"ztautau": 0.45, "diboson": 0.10, "ttbar": 0.25, "htautau": 0.20}
#: Blocks come in tens, so that 30% of the rows end with a block.
_BLOCK_ROWS = 100_000
_THROWN = 1 << 14


def number_of_rows(size):
    """Rows of a sample of `size`: "small", "default", "large" or a number, as int or text.

    Raises:
        ChallengeError: not such a size, or fewer than `MIN_ROWS`.
    """
    if size in SIZES:
        return SIZES[size]
    try:
        rows = int(size)
    except (TypeError, ValueError):
        raise ChallengeError(f"no sample size {size!r}: use {', '.join(SIZES)} or a number of rows") from None
    if rows < MIN_ROWS:
        raise ChallengeError(f"a sample of {rows} rows is too small for four processes: use {MIN_ROWS} or more")
    return rows


def number_of_blocks(rows):
    """Blocks that a sample of `rows` rows is made in."""
    return 10 * -(-rows // (10 * _BLOCK_ROWS))


def simulate(size="default", seed=0, workers=1, unweighted=False):
    """Simulated events, block after block.

    Arguments:
        size: "small", "default", "large" or a number of rows.
        seed: non-negative integer; the same seed gives the same events for any number of workers.
        workers: processes that make blocks at the same time.
        unweighted: whether all events of a process have the same weight.

    Returns:
        iterator over blocks; each is a dict from the name of every primary, derived feature and "weights" to a float32
        array (rows,), GeV and radians, the primaries rounded to 3 decimals, and from "process" to an int8 array, the place in
        `schema.PROCESSES`.

    Raises:
        ChallengeError: `size` is not a size.
    """
    rows = number_of_rows(size)
    tasks = [(rows, seed, number, unweighted) for number in range(number_of_blocks(rows))]
    if workers == 1:
        yield from map(_block, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(_block, tasks)


def _block(task):
    rows, seed, number, unweighted = task
    blocks = number_of_blocks(rows)
    parts = []
    for code, process in enumerate(PROCESSES):
        total = round(rows * SHARES[process])
        count = (number + 1) * total // blocks - number * total // blocks
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(code, number))))
        columns, weights = events(process, rng, count, unweighted)
        weights = weights * (YIELDS[process] / blocks / weights.sum(dtype=np.float64))
        parts.append(columns | {"weights": weights.astype(np.float32), "process": np.full(count, code, np.int8)})
    shuffle = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(len(PROCESSES), number))))
    order = shuffle.permutation(sum(len(part["process"]) for part in parts))
    block = {name: np.concatenate([part[name] for part in parts])[order] for name in parts[0]}
    derived = derived_features(block)
    return block | {name: derived[:, i] for i, name in enumerate(DERIVED)}


def events(process, rng, count, unweighted=False):
    """Exactly `count` accepted events of one process.

    Returns:
        (columns, weights): dict from each primary to a float32 array (count,), and an array (count,) of weights whose
        scale means nothing.
    """
    parts, found = [], 0
    while found < count:
        columns, weights = throw(process, rng, _THROWN)
        if unweighted:
            kept = np.flatnonzero(weights > rng.random(len(weights)) * np.quantile(weights, 0.999))
            columns, weights = {name: v[kept] for name, v in columns.items()}, np.ones(len(kept), np.float32)
        parts.append((columns, weights))
        found += len(weights)
    columns = {
        name: np.round(np.concatenate([part[0][name] for part in parts])[:count].astype(np.float32), 3)
        for name in PRIMARIES
    }
    return columns, np.concatenate([part[1] for part in parts])[:count]
