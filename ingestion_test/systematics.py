"""What the nuisance parameters do to events (docs/protocol.md#systematics): on arrays of one precision."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from runtime.compiled import compiled

from .arrays import Columns, DoubleArray, FloatArray, IntArray, SingleArray
from .derived import JETS, Directions, cos_sin, derived_features
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
    tes, jes = float(tes), float(jes)
    primaries = np.asarray(primaries, None if primaries.dtype == np.float32 else np.float64)
    features = np.empty((events, len(FEATURES)), dtype=np.float32, order="F")
    columns = dict(zip(PRIMARIES, features.T))
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
        directions = shift(p, tes, jes, None if noise is None else (noise[0][places], noise[1][places]), rounded)
        chosen = post_selection(p, directions) if dopostprocess else np.arange(len(chunk))
        out = slice(total, total + len(chosen))
        for name, values in p.items():
            column = columns[name][out]
            if values.dtype == np.float32:
                p[name] = np.take(values, chosen, out=column, mode="clip")
            else:
                p[name] = values[chosen]
                column[:] = p[name]
        directions = {
            name: (np.take(cos, chosen, mode="clip"), np.take(sin, chosen, mode="clip"))
            for name, (cos, sin) in directions.items()
        }
        derived_features(p, features[out, len(PRIMARIES) :], directions)
        kept[out] = chosen + first
        total = out.stop
    return features[:total], kept[:total]


def shift(
    p: Columns,
    tes: float = 1.0,
    jes: float = 1.0,
    soft_met: tuple[DoubleArray, DoubleArray] | None = None,
    rounded: bool = False,
) -> Directions:
    """Distort the primaries of events in place: energy scales and soft MET, rounded to 3 decimals.

    Arguments:
        p: dict from each name in `schema.PRIMARIES` to an array (events,), GeV and radians, owned by the caller;
            entries are changed or replaced.
        tes, jes: factors on the energy of hadronic taus and of jets.
        soft_met: None, or the two components in GeV of the noise added to MET, each an array (events,).
        rounded: whether the entries have 3 decimals already; then only those that change are rounded.

    Returns:
        the directions of lepton, tau and jets.

    Source: docs/protocol.md#systematics, steps 1 to 4.
    """
    directions = {name: cos_sin(p[f"{name}_phi"]) for name in _SHIFTED}
    cos, sin = cos_sin(p["PRI_met_phi"])
    met_x, met_y = p["PRI_met"] * cos, p["PRI_met"] * sin
    changed = ["PRI_met", "PRI_met_phi"]
    for (name, least), scale in zip(_SHIFTED.items(), (tes, jes, jes)):
        if scale != 1:
            # The change is (scale - 1) / scale of the new momentum; written as the official program does, to the bit.
            ratio, (cos, sin) = (1 - scale) / scale, directions[name]
            _rescale(p[f"{name}_pt"], p["PRI_n_jets"], least, scale, ratio, cos, sin, met_x, met_y)
            changed.append(f"{name}_pt")
    if jes != 1:
        p["PRI_jet_all_pt"] *= jes
        changed.append("PRI_jet_all_pt")
    if soft_met is not None:
        met_x, met_y = met_x + soft_met[0], met_y + soft_met[1]
    p["PRI_met"] = np.sqrt(met_x**2 + met_y**2)
    p["PRI_met_phi"] = np.arctan2(met_y, met_x)
    for name in changed if rounded else PRIMARIES:
        if name != "PRI_n_jets":
            _round(p[name])
    if not rounded:
        directions = {name: cos_sin(p[f"{name}_phi"]) for name in _SHIFTED}
    return directions | {"PRI_lep": cos_sin(p["PRI_lep_phi"])}


#: Objects whose energy is uncertain, and the jets that an event has at least where they are there.
_SHIFTED = {"PRI_had": 0, **{jet: number for number, jet in enumerate(JETS, 1)}}


@compiled
def _rescale(
    pt: FloatArray,
    jets: FloatArray,
    least: int,
    scale: float,
    ratio: float,
    cos: FloatArray,
    sin: FloatArray,
    met_x: FloatArray,
    met_y: FloatArray,
) -> None:
    """Multiply the pT of an object by `scale` in events of at least so many jets and take the change off MET."""
    scale, ratio = pt.dtype.type(scale), pt.dtype.type(ratio)
    for i in range(len(pt)):
        if least == 0 or jets[i] >= least:
            pt[i] *= scale
            met_x[i] += ratio * (pt[i] * cos[i])
            met_y[i] += ratio * (pt[i] * sin[i])


@compiled
def _round(values: FloatArray) -> None:
    """Round to 3 decimals in place, as `numpy.round` does."""
    per_unit = values.dtype.type(1000)
    for i in range(len(values)):
        values[i] = np.rint(values[i] * per_unit) / per_unit


def post_selection(p: Columns, directions: Directions) -> IntArray:
    """Apply the thresholds of the challenge: remove soft jets, in place, and say which events stay.

    Arguments:
        p: dict from each name in `schema.PRIMARIES` to an array (events,), owned by the caller.
        directions: of lepton, tau and jets, changed with them.

    Returns:
        integer array, the rows that are kept.

    Source: docs/protocol.md#systematics, step 5.
    """
    for jet in reversed(JETS):
        pt, eta, phi = (p[f"{jet}_{part}"] for part in ("pt", "eta", "phi"))
        cos, sin = directions[jet]
        (no_cos,), (no_sin,) = cos_sin(np.full(1, UNDEFINED, phi.dtype))
        _remove_soft(pt, eta, phi, cos, sin, p["PRI_jet_all_pt"], p["PRI_n_jets"], no_cos, no_sin)
    return np.flatnonzero((p["PRI_had_pt"] >= MIN_HAD_PT) & (p["PRI_lep_pt"] >= MIN_LEP_PT))


@compiled
def _remove_soft(
    pt: FloatArray,
    eta: FloatArray,
    phi: FloatArray,
    cos: FloatArray,
    sin: FloatArray,
    all_pt: FloatArray,
    jets: FloatArray,
    undefined_cos: float,
    undefined_sin: float,
) -> None:
    """Remove the jets of these columns that are below the threshold, in place."""
    number = pt.dtype.type
    zero, one, least, undefined = number(0), number(1), number(MIN_JET_PT), number(UNDEFINED)
    for i in range(len(pt)):
        if zero <= pt[i] <= least:
            all_pt[i] -= pt[i]
            jets[i] -= one
            pt[i] = eta[i] = phi[i] = undefined
            cos[i], sin[i] = undefined_cos, undefined_sin
