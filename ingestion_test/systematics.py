"""What the nuisance parameters do to events (docs/protocol.md#systematics): on arrays of one precision."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from .arrays import Columns, DoubleArray, FloatArray, IntArray, SingleArray
from .derived import derived_features
from .schema import FEATURES, MIN_HAD_PT, MIN_JET_PT, MIN_LEP_PT, PRIMARIES, UNDEFINED

#: The official program draws the soft MET noise of every pseudo-experiment from this seed.
SOFT_MET_SEED = 31415

#: Events worked on at a time, so that their columns stay in the processor's cache.
_CHUNK = 16384


def soft_met_noise(soft_met: float, events: int, seed: Any = SOFT_MET_SEED) -> tuple[DoubleArray, DoubleArray] | None:
    """The two components in GeV of the soft MET noise: arrays (events,), or None.

    Source: docs/protocol.md#systematics, step 3.
    """
    if not soft_met > 0:
        return None
    # What else numpy takes for a seed cannot be kept, and with None the noise is another one each time.
    normal = _standard_normal if isinstance(seed, (int, np.integer)) else _standard_normal.__wrapped__
    stream = normal(seed, -(-2 * events // _NOISE_BLOCK) * _NOISE_BLOCK)
    return soft_met * stream[:events], soft_met * stream[events : 2 * events]


#: Pseudo-experiments differ in size: whole blocks let them share what is drawn from the official, fixed seed.
_NOISE_BLOCK = 1 << 19


@functools.lru_cache(maxsize=1)
def _standard_normal(seed: Any, size: int) -> DoubleArray:
    return np.random.RandomState(seed).standard_normal(size)


def transform(
    primaries: FloatArray,
    rows: npt.NDArray[np.integer] | None = None,
    tes: float = 1.0,
    jes: float = 1.0,
    noise: tuple[DoubleArray, DoubleArray] | None = None,
    dopostprocess: bool = True,
    rounded: bool = False,
) -> tuple[SingleArray, IntArray]:
    """Shift events, apply the thresholds and compute the derived features: what a model sees.

    Arguments:
        primaries: array (events, 16) with the columns of `schema.PRIMARIES`; rows next to each other in memory are
            fastest.
        rows: integer array, the rows of `primaries` to take, in this order and as often as they occur; None for all.
        tes, jes: factors on the energy of hadronic taus and of jets.
        noise: None, or the components in GeV added to MET, a pair of arrays as long as `rows`.
        dopostprocess: whether the thresholds are applied.
        rounded: whether the primaries have 3 decimals already; then only those that change are rounded.

    Returns:
        (features, kept): float32 array (kept, 28) in Fortran order with the columns of `schema.FEATURES`, and an
        integer array (kept,), the positions in `rows` of the events that are left.
    """
    events = len(primaries) if rows is None else len(rows)
    features = np.empty((events, len(FEATURES)), dtype=np.float32, order="F")
    kept = np.empty(events, dtype=np.int64)
    buffer = np.empty((min(events, _CHUNK), len(PRIMARIES)), dtype=primaries.dtype)
    total = 0
    for first in range(0, events, _CHUNK):
        places = slice(first, first + _CHUNK)
        if rows is None:
            chunk = primaries[places]
        else:
            # With a place to go to and without the check of each index, numpy gathers three times as fast.
            chunk_rows = rows[places]
            chunk = np.take(primaries, chunk_rows, axis=0, out=buffer[: len(chunk_rows)], mode="clip")
        p: Columns = dict(zip(PRIMARIES, chunk.T.copy(order="C")))
        shift(p, tes, jes, None if noise is None else (noise[0][places], noise[1][places]), rounded)
        if dopostprocess:
            chosen = post_selection(p)
            p = {name: column[chosen] for name, column in p.items()}
        else:
            chosen = np.arange(len(chunk))
        out = slice(total, total + len(chosen))
        for column, name in enumerate(PRIMARIES):
            features[out, column] = p[name]
        derived_features(p, features[out, len(PRIMARIES) :])
        kept[out] = chosen + first
        total = out.stop
    return features[:total], kept[:total]


def shift(
    p: Columns,
    tes: float = 1.0,
    jes: float = 1.0,
    soft_met: tuple[DoubleArray, DoubleArray] | None = None,
    rounded: bool = False,
) -> None:
    """Distort the primaries of events in place: energy scales and soft MET, rounded to 3 decimals.

    Arguments:
        p: dict from each name in `schema.PRIMARIES` to an array (events,), GeV and radians; entries are replaced.
        tes, jes: factors on the energy of hadronic taus and of jets.
        soft_met: None, or the two components in GeV of the noise added to MET, each an array (events,).
        rounded: whether the entries have 3 decimals already; then only those that change are rounded.

    Source: docs/protocol.md#systematics, steps 1 to 4.
    """
    before = dict(p)
    met_x, met_y = p["PRI_met"] * np.cos(p["PRI_met_phi"]), p["PRI_met"] * np.sin(p["PRI_met_phi"])
    if tes != 1:
        _rescale(p, "PRI_had", slice(None), tes, met_x, met_y)
    if jes != 1:
        _rescale(p, "PRI_jet_leading", np.flatnonzero(p["PRI_n_jets"] > 0), jes, met_x, met_y)
        _rescale(p, "PRI_jet_subleading", np.flatnonzero(p["PRI_n_jets"] > 1), jes, met_x, met_y)
        p["PRI_jet_all_pt"] = p["PRI_jet_all_pt"] * jes
    if soft_met is not None:
        met_x, met_y = met_x + soft_met[0], met_y + soft_met[1]
    p["PRI_met"] = np.sqrt(met_x**2 + met_y**2)
    p["PRI_met_phi"] = np.arctan2(met_y, met_x)
    for name in PRIMARIES:
        if name != "PRI_n_jets" and not (rounded and p[name] is before[name]):
            p[name] = np.round(p[name], 3)


def _rescale(p: Columns, name: str, rows: slice | IntArray, scale: float, met_x: FloatArray, met_y: FloatArray) -> None:
    """Multiply the pT of the object `name` in `rows` by `scale` and take the change off MET, in place."""
    pt = p[f"{name}_pt"] = p[f"{name}_pt"].copy()
    pt[rows] *= scale
    # The change is (scale - 1) / scale of the new momentum; written as the official program does, to the last bit.
    ratio = (1 - scale) / scale
    phi = p[f"{name}_phi"][rows]
    met_x[rows] += ratio * (pt[rows] * np.cos(phi))
    met_y[rows] += ratio * (pt[rows] * np.sin(phi))


def post_selection(p: Columns) -> IntArray:
    """Apply the thresholds of the challenge: remove soft jets, in place, and say which events stay.

    Arguments:
        p: dict from each name in `schema.PRIMARIES` to an array (events,), owned by the caller.

    Returns:
        integer array, the rows that are kept.

    Source: docs/protocol.md#systematics, step 5.
    """
    kept = (p["PRI_had_pt"] >= MIN_HAD_PT) & (p["PRI_lep_pt"] >= MIN_LEP_PT)
    for jet in ("PRI_jet_subleading", "PRI_jet_leading"):
        pt = p[f"{jet}_pt"]
        soft = np.flatnonzero((pt >= 0) & (pt <= MIN_JET_PT))
        p["PRI_jet_all_pt"][soft] -= pt[soft]
        p["PRI_n_jets"][soft] -= 1
        for column in ("pt", "eta", "phi"):
            p[f"{jet}_{column}"][soft] = UNDEFINED
    return np.flatnonzero(kept)
