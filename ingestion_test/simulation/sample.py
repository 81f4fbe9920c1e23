"""Samples of any number of events from a seed: blocks of rows that are small samples of all processes themselves.

Block number b of process p has its own stream, `SeedSequence(seed, spawn_key=(p, b))`, so the events do not depend on
how many workers make them. Every block holds the same number of rows of every process (give or take one), and its
weights sum to the same share of the process's yield, stratum by stratum. So the first 30% of a file, the challenge's
test events, and the rest hold every process and stratum in exact proportion.

Strata are intervals of the learned odds of signal against background. Of the background events thrown, those that look
like signal are kept with small weights and the others thinned out to few heavy ones: see `RICHNESS`.
"""

import json
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from runtime.errors import ChallengeError
from runtime.tasks import in_order

from ..arrays import Columns, FloatArray
from ..derived import derived_features
from ..schema import DERIVED, PRIMARIES, PROCESSES, SIGNAL, YIELDS
from . import odds, tilt, worlds
from .importance import thin
from .processes import throw

#: Columns of a block, arrays (rows,): see `simulate`.
Block: TypeAlias = dict[str, npt.NDArray[Any]]

#: Rows of the named sizes.
SIZES = {"small": 40_000, "default": 5_000_000, "large": 30_000_000}
MIN_ROWS = 1000
#: Share of the rows that each process gets.
SHARES = {"ztautau": 0.50, "diboson": 0.08, "ttbar": 0.25, "htautau": 0.17}
#: Blocks come in tens, so that 30% of the rows end with a block.
_BLOCK_ROWS = 100_000
_BATCH = 1 << 14

#: Events thrown per row kept.
THROWN_PER_ROW = {"ztautau": 10.0, "diboson": 1.5, "ttbar": 3.0, "htautau": 1.2}
#: A background event with the signal-to-background density ratio r gets rows in proportion to 1 + RICHNESS r.
RICHNESS = 2.0
#: Largest log of the odds by which the reweighting changes a weight.
MAX_LOG_ODDS = 0.6

#: Inner edges of the strata in the log of the density ratio of signal to background.
STRATA_EDGES = (-2.0, -1.0, 0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0)
STRATA_FILE = Path(__file__).with_name("strata.json")


def number_of_rows(size: str | int) -> int:
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


def number_of_blocks(rows: int) -> int:
    """Blocks that a sample of `rows` rows is made in."""
    return 10 * -(-rows // (10 * _BLOCK_ROWS))


def simulate(
    size: str | int = "default", seed: int = 0, workers: int = 1, unweighted: bool = False, world: str = worlds.DEFAULT
) -> Iterator[Block]:
    """Simulated events, block after block.

    Arguments:
        size: "small", "default", "large" or a number of rows.
        seed: non-negative integer; the same seed gives the same events for any number of workers.
        workers: processes that make blocks at the same time.
        unweighted: whether all events of a process have the same weight; the processes
            then have as many rows each.
        world: variant of the simulation, a name in `worlds.WORLDS`.

    Returns:
        iterator over blocks; each is a dict from the name of every primary, derived feature and "weights" to a float32
        array (rows,), GeV and radians, the primaries rounded to 3 decimals, and from "process" to an int8 array
        (rows,), the place in `schema.PROCESSES`.

    Raises:
        ChallengeError: a bad `size`, `seed`, `world` or number of `workers`; or these die again and again.
    """
    rows = number_of_rows(size)
    if seed < 0:
        raise ChallengeError(f"the seed {seed} is negative: use 0 or a positive integer")
    if workers < 1:
        raise ChallengeError(f"{workers} workers cannot work: use 1 or more")
    worlds.get(world)
    tasks = [partial(_block, rows, seed, number, unweighted, world) for number in range(number_of_blocks(rows))]
    yield from in_order(tasks, workers)


def _block(rows: int, seed: int, number: int, unweighted: bool = False, world: str = worlds.DEFAULT) -> Block:
    blocks = number_of_blocks(rows)
    parts = []
    for code, process in enumerate(PROCESSES):
        total = round(rows * (1 / len(PROCESSES) if unweighted else SHARES[process]))
        count = (number + 1) * total // blocks - number * total // blocks
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(code, number))))
        columns, weights = (_unweighted if unweighted else _weighted)(process, rng, count, world)
        weights *= YIELDS[process] / blocks / weights.sum()
        parts.append(columns | {"weights": weights.astype(np.float32), "process": np.full(count, code, np.int8)})
    shuffle = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(len(PROCESSES), number))))
    order = shuffle.permutation(sum(len(part["process"]) for part in parts))
    block = {name: np.concatenate([part[name] for part in parts])[order] for name in parts[0]}
    derived = derived_features(block)
    return block | {name: derived[:, i] for i, name in enumerate(DERIVED)}


def _weighted(process: str, rng: np.random.Generator, count: int, world: str) -> tuple[Columns, FloatArray]:
    """Exactly `count` events of one process: (columns, float64 weights whose scale means nothing)."""
    columns, weights, x = thrown(process, rng, int(count * THROWN_PER_ROW[process]) + 1, world)
    ratio = odds.log_odds(odds.shipped("signal"), x)
    richness = 1 if process == SIGNAL else 1 + RICHNESS * np.exp(ratio)
    rows, weights = thin(rng, weights, richness, count)
    weights *= correction(process, x[rows], world)
    stratum = np.searchsorted(STRATA_EDGES, ratio[rows])
    filled = np.bincount(stratum, weights, len(STRATA_EDGES) + 1)
    shares = np.array(strata_shares(world)[process])
    return {name: v[rows] for name, v in columns.items()}, weights * (shares / np.maximum(filled, 1e-30))[stratum]


def _unweighted(process: str, rng: np.random.Generator, count: int, world: str) -> tuple[Columns, FloatArray]:
    """The first `count` events that accepting and rejecting by weight leaves: (columns, equal weights)."""
    parts, found = [], 0
    while found < count:
        columns, weights, x = thrown(process, rng, min(_BATCH, 4 * count + 100), world)
        weights = weights * correction(process, x, world)
        kept = np.flatnonzero(weights > rng.random(len(weights)) * np.quantile(weights, 0.999))
        parts.append({name: v[kept] for name, v in columns.items()})
        found += len(kept)
    return {name: np.concatenate([part[name] for part in parts])[:count] for name in PRIMARIES}, np.ones(count)


def thrown(
    process: str, rng: np.random.Generator, count: int, world: str = worlds.DEFAULT
) -> tuple[Columns, FloatArray, FloatArray]:
    """At least `count` accepted events of one process, before any reweighting.

    Returns:
        (columns, weights, features): dict from each primary to a float32 array (events,), rounded to 3 decimals;
        weights (events,) whose scale means nothing; `odds.features` of the events.
    """
    parts, found = [], 0
    while found < count:
        columns, weights = throw(process, rng, min(_BATCH, 2 * count + 100), models(world)[process])
        columns = {name: np.round(columns[name].astype(np.float32), 3) for name in PRIMARIES}
        parts.append((columns, weights, odds.features(columns)))
        found += len(weights)
    columns = {name: np.concatenate([part[0][name] for part in parts]) for name in PRIMARIES}
    return columns, np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts])


models = cache(worlds.models)


def correction(process: str, x: FloatArray, world: str = worlds.DEFAULT) -> FloatArray:
    """Factors (events,) on the weights of events with `odds.features` x: the learned reweighting times the tilt."""
    if not worlds.get(world).corrected:
        return np.ones(len(x), np.float32)
    return learned(process, x) * tilt.factors(process, x)


def learned(process: str, x: FloatArray) -> FloatArray:
    """The learned reweighting of events with `odds.features` x: factors (events,)."""
    return np.exp(np.clip(odds.log_odds(odds.shipped(process), x), -MAX_LOG_ODDS, MAX_LOG_ODDS))


@cache
def strata_shares(world: str = worlds.DEFAULT) -> dict[str, list[float]]:
    """Share of each process's yield in each stratum, from a long run (`tune`): dict from a process to a list."""
    shares: dict[str, list[float]] = json.loads(STRATA_FILE.read_text())[world]
    return shares
