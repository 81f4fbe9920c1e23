"""numpy's frozen random streams (`numpy.random.RandomState`), as the official program draws from them, compiled.

The numbers are those of `RandomState` to the last bit. Compiled they come much faster where there are many rows with
small means, as in the official file: a Poisson number hardly ever needs its exponential, and only the rows that are
drawn are written. `python -m benchmarks.draws` compares (docs/performance.md#a-pseudo-experiment).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from runtime.compiled import compiled

from .arrays import FloatArray, IntArray

#: From this mean on `RandomState.poisson` uses another algorithm; such streams are left to it.
_LARGE_MEAN = 10.0

#: Words of the Mersenne twister MT19937 and the distance of those that are mixed (Matsumoto and Nishimura, 1998).
_WORDS, _DISTANCE = 624, 397

#: Means that numpy draws from at a time.
_CHUNK = 1 << 20

#: Above the rounding of 1 - mean.
_MARGIN = 1e-15


def poisson_rows(seed: int, weights: FloatArray, scale: float = 1.0, first: int = 0) -> IntArray:
    """Rows repeated as often as a Poisson number says: those of `RandomState(seed).poisson(scale * weights)`.

    Arguments:
        seed: of the stream.
        weights: array (rows,), not negative; nothing else of its size is made.
        scale: factor on the weights; the product has the precision that numpy gives it.
        first: number of the first row.

    Returns:
        int64 array of row numbers in ascending order.

    Raises:
        ValueError: a mean is negative or not a number.

    >>> poisson_rows(3, np.array([0.5, 2.0, 0.0, 1.0]), first=10).tolist() == np.repeat(
    ...     np.arange(10, 14), np.random.RandomState(3).poisson([0.5, 2.0, 0.0, 1.0])
    ... ).tolist()
    True
    """
    random, scale = np.random.RandomState(seed), np.result_type(scale, weights).type(scale)
    ends = scale * np.array([weights.min(), weights.max()]) if len(weights) else np.zeros(2)
    if not (ends.min() >= 0 and ends.max() < _LARGE_MEAN):
        return _numpy_rows(random, weights, scale, first)
    state, expected = _state(random), float(scale * weights.sum())
    rows = np.empty(int(expected + 6 * math.sqrt(expected) + 10), np.int64)
    drawn = _poisson_rows(state, weights, scale, first, rows)
    if drawn > len(rows):  # hardly ever
        rows = np.empty(drawn, np.int64)
        _poisson_rows(state, weights, scale, first, rows)
    return rows[:drawn]


def _numpy_rows(random: np.random.RandomState, weights: FloatArray, scale: Any, first: int) -> IntArray:
    """The same by numpy, from the stream `random`; chunk by chunk the numbers are those of all at once."""
    parts = [np.empty(0, np.int64)]
    for start in range(0, len(weights), _CHUNK):
        counts = random.poisson(scale * weights[start : start + _CHUNK])
        rows = np.flatnonzero(counts)
        parts.append(np.repeat(first + start + rows, counts[rows]))
    return np.concatenate(parts)


def shuffle(seed: int, values: IntArray) -> None:
    """Shuffle a one-dimensional array in place, as `RandomState(seed).shuffle` does.

    >>> values, same = np.arange(9), np.arange(9)
    >>> shuffle(5, values), np.random.RandomState(5).shuffle(same)
    (None, None)
    >>> bool((values == same).all())
    True
    """
    _shuffle(_state(np.random.RandomState(seed)), values)


def _state(random: np.random.RandomState) -> npt.NDArray[np.uint32]:
    """The Mersenne twister's words, array (624,)."""
    words: npt.NDArray[np.uint32] = random.get_state(legacy=False)["state"]["key"]
    return words


@compiled
def _twisted(upper: Any, lower: Any, far: Any) -> Any:
    mixed = (upper & np.uint32(0x80000000)) | (lower & np.uint32(0x7FFFFFFF))
    return far ^ (mixed >> np.uint32(1)) ^ (np.uint32(0x9908B0DF) * (mixed & np.uint32(1)))


@compiled
def _next_words(state: npt.NDArray[np.uint32], words: npt.NDArray[np.uint32]) -> None:
    """Advance the state by as many words as it has, and temper them into `words`."""
    for i in range(_WORDS - _DISTANCE):
        state[i] = _twisted(state[i], state[i + 1], state[i + _DISTANCE])
    for i in range(_WORDS - _DISTANCE, _WORDS - 1):
        state[i] = _twisted(state[i], state[i + 1], state[i + _DISTANCE - _WORDS])
    state[_WORDS - 1] = _twisted(state[_WORDS - 1], state[0], state[_DISTANCE - 1])
    for i in range(_WORDS):
        word = state[i]
        word ^= word >> np.uint32(11)
        word ^= (word << np.uint32(7)) & np.uint32(0x9D2C5680)
        word ^= (word << np.uint32(15)) & np.uint32(0xEFC60000)
        words[i] = word ^ (word >> np.uint32(18))


@compiled
def _poisson_rows(state: npt.NDArray[np.uint32], weights: FloatArray, scale: Any, first: int, rows: IntArray) -> int:
    """Fill `rows` as far as it reaches, and return how many rows are drawn.

    A Poisson number is how many uniform ones can be multiplied before the product falls to exp(-mean).
    """
    state, words = state.copy(), np.empty(_WORDS, np.uint32)
    place, drawn = _WORDS, 0
    for row in range(len(weights)):
        mean = np.float64(scale * weights[row])
        if mean == 0:
            continue
        product, least = 1.0, -1.0
        while True:
            if place == _WORDS:
                _next_words(state, words)
                place = 0
            product *= (np.float64(words[place] >> 5) * 67108864.0 + np.float64(words[place + 1] >> 6)) / 2.0**53
            place += 2
            if product <= 1 - mean - _MARGIN:  # exp(-mean) is not smaller
                break
            if least < 0:
                least = math.exp(-mean)
            if product <= least:
                break
            if drawn < len(rows):
                rows[drawn] = first + row
            drawn += 1
    return drawn


@compiled
def _shuffle(state: npt.NDArray[np.uint32], values: IntArray) -> None:
    """Swap each entry, from the last one on, with one at or before its place."""
    state, words = state.copy(), np.empty(_WORDS, np.uint32)
    place = _WORDS
    for last in range(len(values) - 1, 0, -1):
        mask = np.uint32(last)
        for shift in (1, 2, 4, 8, 16):
            mask |= mask >> np.uint32(shift)
        while True:
            if place == _WORDS:
                _next_words(state, words)
                place = 0
            other = words[place] & mask
            place += 1
            if other <= last:
                break
        values[last], values[other] = values[other], values[last]
