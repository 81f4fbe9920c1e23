"""Steps of the systematics on columns, each computed in its own type, as the official program does it.

`ingestion_test/systematics.py` takes the same steps on arrays where all columns have one precision and every
number is an ordinary one; tests hold both to the same bits.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Columns, DoubleArray, FloatArray, IntArray
from ..schema import MIN_HAD_PT, MIN_JET_PT, MIN_LEP_PT, PRIMARIES, UNDEFINED


def shift(
    p: Columns,
    tes: float = 1.0,
    jes: float = 1.0,
    soft_met: tuple[DoubleArray, DoubleArray] | None = None,
) -> None:
    """Distort the primaries of events in place: energy scales and soft MET, rounded to 3 decimals.

    Arguments:
        p: dict from each name in `schema.PRIMARIES` to an array (events,), GeV and radians; entries are replaced.
        tes, jes: factors on the energy of hadronic taus and of jets.
        soft_met: None, or the two components in GeV of the noise added to MET, each an array (events,).

    Source: docs/protocol.md#systematics, steps 1 to 4.
    """
    met_x, met_y = p["PRI_met"] * np.cos(p["PRI_met_phi"]), p["PRI_met"] * np.sin(p["PRI_met_phi"])
    if tes != 1:
        met_x, met_y = _rescaled(p, "PRI_had", slice(None), tes, met_x, met_y)
    if jes != 1:
        met_x, met_y = _rescaled(p, "PRI_jet_leading", np.flatnonzero(p["PRI_n_jets"] > 0), jes, met_x, met_y)
        met_x, met_y = _rescaled(p, "PRI_jet_subleading", np.flatnonzero(p["PRI_n_jets"] > 1), jes, met_x, met_y)
        p["PRI_jet_all_pt"] = p["PRI_jet_all_pt"] * jes
    if soft_met is not None:
        met_x, met_y = met_x + soft_met[0], met_y + soft_met[1]
    p["PRI_met"] = np.sqrt(met_x**2 + met_y**2)
    p["PRI_met_phi"] = np.arctan2(met_y, met_x)
    for name in PRIMARIES:
        if name != "PRI_n_jets":
            p[name] = np.round(p[name], 3)


def _rescaled(
    p: Columns, name: str, rows: slice | IntArray, scale: float, met_x: FloatArray, met_y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Multiply the pT of the object `name` in `rows` by `scale`, in place, and return MET without the change."""
    pt = p[f"{name}_pt"] = p[f"{name}_pt"].astype(np.result_type(p[f"{name}_pt"], scale))
    pt[rows] *= scale
    # The change is (scale - 1) / scale of the new momentum; written as the official program does, to the last bit.
    ratio = (1 - scale) / scale
    phi = p[f"{name}_phi"][rows]
    return (
        _increased(met_x, rows, ratio * (pt[rows] * np.cos(phi))),
        _increased(met_y, rows, ratio * (pt[rows] * np.sin(phi))),
    )


def _increased(values: FloatArray, rows: slice | IntArray, change: FloatArray) -> FloatArray:
    """`values`, in place if their precision is that of `change` or higher, with `change` added in `rows`."""
    values = values.astype(np.result_type(values, change), copy=False)
    values[rows] += change
    return values


def post_selection(p: Columns) -> IntArray:
    """Apply the thresholds of the challenge: remove soft jets, in place, and say which events stay.

    Arguments:
        p: dict from each name in `schema.PRIMARIES` to an array (events,), owned by the caller.

    Returns:
        integer array, the rows that are kept.

    Source: docs/protocol.md#systematics, step 5.
    """
    kept = ~((p["PRI_had_pt"] < MIN_HAD_PT) | (p["PRI_lep_pt"] < MIN_LEP_PT))  # NaN is kept
    for jet in ("PRI_jet_subleading", "PRI_jet_leading"):
        pt = p[f"{jet}_pt"]
        soft = np.flatnonzero((pt >= 0) & (pt <= MIN_JET_PT))
        p["PRI_jet_all_pt"] = _increased(p["PRI_jet_all_pt"], soft, -pt[soft])
        p["PRI_n_jets"][soft] -= 1
        for column in ("pt", "eta", "phi"):
            p[f"{jet}_{column}"][soft] = UNDEFINED
    return np.flatnonzero(kept)
