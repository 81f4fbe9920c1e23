"""Frames and files that are not as the official one, and what it means that two are the same."""

import numpy as np
import pandas as pd

from ingestion_test.schema import PRIMARIES


def _with(**columns):
    return lambda events: events.assign(**{name: make(events) for name, make in columns.items()})


def _typed(**types):
    return lambda events: events.astype(types)


def _some(column, value, step=7):
    return lambda events: events[column].where(np.arange(len(events)) % step > 0, np.float32(value))


#: Frames that a submission may hand over, functions of an ordinary one.
FRAMES = {
    "single precision": lambda events: events,
    "double precision": _typed(**dict.fromkeys([*PRIMARIES, "weights"], np.float64)),
    "whole jets": _typed(PRI_n_jets=np.int64),
    "short whole jets": _typed(PRI_n_jets=np.int8),
    "double MET": _typed(PRI_met=np.float64),
    "double taus": _typed(PRI_had_pt=np.float64, PRI_had_eta=np.float64),
    "double jets": _typed(PRI_jet_leading_pt=np.float64, PRI_jet_subleading_phi=np.float64),
    "double azimuth": _typed(PRI_lep_phi=np.float64, PRI_jet_leading_eta=np.float64),
    "whole momenta": _typed(PRI_had_pt=np.int64, PRI_lep_pt=np.int32),
    "other index": lambda events: events.set_index(np.arange(len(events))[::-1] * 3),
    "labels that come again": lambda events: events.set_index(np.arange(len(events)) % 1000),
    "two files": lambda events: pd.concat([events[:500], events[:900]]),
    "soft leptons": _with(PRI_lep_pt=_some("PRI_lep_pt", 19.9994)),
    "soft taus and leptons": _with(PRI_lep_pt=_some("PRI_lep_pt", 3), PRI_had_pt=_some("PRI_had_pt", 5, 5)),
    "no tau": _with(PRI_had_pt=_some("PRI_had_pt", np.nan)),
    "jets that are NaN": lambda events: events.mask(events == -25),
    "jets beyond measure": _with(PRI_jet_subleading_eta=_some("PRI_jet_subleading_eta", 99)),
    "no MET": _with(PRI_met=_some("PRI_met", 0), PRI_met_phi=_some("PRI_met_phi", 0, 5)),
    "MET along the lepton": _with(PRI_met_phi=lambda events: events["PRI_lep_phi"]),
    "azimuths of any turn": _with(PRI_lep_phi=lambda events: events["PRI_lep_phi"] * 20),
    "all in one direction": _with(PRI_had_phi=lambda e: e["PRI_lep_phi"], PRI_had_eta=lambda e: e["PRI_lep_eta"]),
    "jets side by side": _with(PRI_jet_subleading_eta=lambda events: events["PRI_jet_leading_eta"]),
    "its own derived features": _with(DER_pt_h=lambda events: 0.0, DER_mass_vis=lambda events: 1),
    "further columns": _with(
        number=lambda e: np.arange(len(e)), score=lambda e: e["PRI_met"].astype(float), text=lambda e: "a"
    ),
    "columns of scratch names": _with(A=lambda events: 1.0, had_px=lambda events: 2.0, num=lambda events: 3),
    "detailedlabel": _with(detailedlabel=lambda events: 0),
    "unrounded": _with(PRI_met=lambda events: events["PRI_met"] * np.float32(1.00003)),
    "one row": lambda events: events[:1],
    "none": lambda events: events[:0],
}


#: Files that a folder may hold, functions of the content of an ordinary one.
FILES = {
    "more decimals": lambda events: events.assign(PRI_met=events["PRI_met"] * np.float32(1.00003)),
    "double precision": lambda events: events.astype(dict.fromkeys(PRIMARIES, np.float64)),
    "double weights": lambda events: events.astype({"weights": np.float64}),
    "whole jets": lambda events: events.astype({"PRI_n_jets": np.int32}),
    "further columns": lambda events: events.assign(number=np.arange(len(events)), name="a"),
    "another order": lambda events: events[sorted(events)],
    "soft leptons": lambda events: events.assign(
        PRI_lep_pt=np.where(np.arange(len(events)) % 5, events["PRI_lep_pt"], 3)
    ),
}


def assert_same(ours, others):
    """Two frames are the same to the bit, signs of zero included."""
    pd.testing.assert_frame_equal(ours, others, check_exact=True)
    for name in ours.columns:
        if ours[name].dtype.kind == "f":
            signs = [np.signbit(frame[name].dropna()) for frame in (ours, others)]
            np.testing.assert_array_equal(*signs, err_msg=name)
