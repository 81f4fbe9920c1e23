"""The six nuisance parameters' effect on events (protocol, section 3): array core and the official callable."""

import numpy as np

from .schema import PRIMARIES, UNDEFINED

#: The official program draws the soft MET noise of every pseudo-experiment from this seed.
SOFT_MET_SEED = 31415

#: Post-selection thresholds in GeV.
MIN_HAD_PT, MIN_JET_PT, MIN_LEP_PT = 26.0, 26.0, 20.0


def shift(p, tes=1.0, jes=1.0, soft_met=None):
    """Distort the primaries of events in place: energy scales and soft MET, rounded to 3 decimals.

    Arguments:
        p: dict from each name in `schema.PRIMARIES` to an array (events,), GeV and radians; entries are replaced.
        tes, jes: factors on the energy of hadronic taus and of jets.
        soft_met: None, or the two components in GeV of the noise added to MET, each an array (events,).

    Source: protocol, section 3, steps 1 to 4.
    """
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
        if name != "PRI_n_jets":
            p[name] = np.round(p[name], 3)


def _rescale(p, name, rows, scale, met_x, met_y):
    """Multiply the pT of the object `name` in `rows` by `scale` and take the change off MET, in place."""
    pt = p[f"{name}_pt"] = p[f"{name}_pt"].copy()
    pt[rows] *= scale
    # The change is (scale - 1) / scale of the new momentum; written as the official program does, to the last bit.
    back = (1 - scale) / scale
    phi = p[f"{name}_phi"][rows]
    met_x[rows] += back * (pt[rows] * np.cos(phi))
    met_y[rows] += back * (pt[rows] * np.sin(phi))


def post_selection(p):
    """Apply the thresholds of the challenge: remove soft jets, in place, and say which events stay.

    Arguments:
        p: dict from each name in `schema.PRIMARIES` to an array (events,), owned by the caller.

    Returns:
        integer array, the rows that are kept.

    Source: protocol, section 3, step 5.
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
