"""Sampling where it matters, with the weights that keep every expectation as it was."""

import numpy as np
import numpy.typing as npt

from ..arrays import FloatArray, IntArray, Numbers, SingleArray


def draw(rng: np.random.Generator, n: int, grids: npt.ArrayLike) -> tuple[SingleArray, SingleArray]:
    """Numbers in (0, 1) per event, one per grid, drawn with the density of the grid, and the weights that undo it.

    Arguments:
        grids: for each number the edges of cells that are equally probable, from 0 to 1, as in Vegas (Lepage,
            J. Comput. Phys. 27 (1978) 192).

    Returns:
        (numbers, weight): float32 arrays (len(grids), n) and (n,).
    """
    grids = np.asarray(grids, np.float32)
    cells = grids.shape[1] - 1
    place = rng.random((len(grids), n), dtype=np.float32) * np.float32(cells)
    cell = np.minimum(place.astype(np.int32), cells - 1)
    numbers, weight = np.empty_like(place), np.ones(n, np.float32)
    for number, grid, at, inside in zip(numbers, grids, cell, place - cell.astype(np.float32)):
        low = grid[at]
        width = grid[at + 1] - low
        # Away from 0, where the logarithms of what is drawn here have their pole.
        number[:] = np.maximum(low + inside * width, np.float32(1e-7))
        weight *= width * np.float32(cells)
    return numbers, weight


def thin(rng: np.random.Generator, weights: FloatArray, richness: Numbers, count: int) -> tuple[IntArray, FloatArray]:
    """Choose `count` weighted events, each with a probability proportional to weight times richness, at most 1.

    Arguments:
        weights: positive array (events,).
        richness: positive array (events,): rows wanted per unit of weight, on any scale.
        count: number of rows wanted, at most the number of events.

    Returns:
        (rows, weights): integer array (count,) and the weights of the chosen, so that sums over them are unbiased.
        The weights are proportional to 1 / richness unless an event's own weight is larger.
    """
    wanted = weights.astype(np.float64) * richness
    order = np.sort(wanted)[::-1]
    rest = np.cumsum(order[::-1])[::-1]
    # The `certain` largest get probability 1, the rest share what is left of `count`.
    certain = np.argmax(order * (count - np.arange(len(order))) <= rest)
    chance = np.minimum(wanted * ((count - certain) / rest[certain]), 1)
    # Systematic sampling: one draw for all, so that exactly `count` are chosen.
    reached = np.cumsum(chance)
    rows = np.searchsorted(reached, (np.arange(count) + rng.random()) * (reached[-1] / count))
    rows = np.minimum(rows, len(weights) - 1)
    return rows, weights[rows] / chance[rows]
