"""Odds learned by small neural networks on measured events, evaluated with numpy.

Two uses: the odds that an event comes from the reference and not from the simulation (a weight that takes out what the
parametric model leaves), and the odds that it is signal and not background (what strata are made of).
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ..arrays import FloatArray, SingleArray
from ..schema import UNDEFINED

#: Weights (inputs, outputs) and biases (outputs,) of the layers.
Network: TypeAlias = list[tuple[SingleArray, SingleArray]]

#: Events worked on at a time, so that what they pass through stays in the processor's cache.
_CHUNK = 6144
NETWORKS_FILE = Path(__file__).with_name("networks.npz")


def features(p: Mapping[str, FloatArray]) -> SingleArray:
    """What the networks see: features without the azimuth of the event and without the sign of its rapidity.

    Arguments:
        p: mapping from each primary to an array (events,), GeV and radians.

    Returns:
        float32 array (events, 24): logarithms of pTs and masses, rapidities with the sign that makes the lepton's
        positive, momenta relative to the lepton's azimuth on the side where the hadronic tau is; 0 where undefined.
    """
    flip = np.where(p["PRI_lep_eta"] < 0, np.float32(-1), np.float32(1))
    lep, had, met = (_transverse(p, name) for name in ("PRI_lep", "PRI_had", "PRI_met"))
    unit = lep[0] / p["PRI_lep_pt"], lep[1] / p["PRI_lep_pt"]
    turn = np.where(unit[0] * had[1] - unit[1] * had[0] < 0, np.float32(-1), np.float32(1))

    def seen(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        return unit[0] * x + unit[1] * y, (unit[0] * y - unit[1] * x) * turn

    had_seen, met_seen = seen(*had), seen(*met)
    delta_eta = p["PRI_lep_eta"] - p["PRI_had_eta"]
    mass2 = 2 * (p["PRI_lep_pt"] * p["PRI_had_pt"] * np.cosh(delta_eta) - (lep[0] * had[0] + lep[1] * had[1]))
    mt2 = 2 * p["PRI_lep_pt"] * (p["PRI_met"] - met_seen[0])
    sum_x, sum_y = lep[0] + had[0] + met[0], lep[1] + had[1] + met[1]
    columns = [
        np.log(p["PRI_lep_pt"]), np.log(p["PRI_had_pt"]), np.log(p["PRI_met"] + 5),
        flip * p["PRI_lep_eta"], flip * p["PRI_had_eta"],
        had_seen[0] / p["PRI_had_pt"], had_seen[1] / p["PRI_had_pt"], met_seen[0] / 50, met_seen[1] / 50,
        np.log(np.maximum(mass2, 1)) / 2, np.log(np.maximum(mt2, 0) + 100) / 2, np.log(np.hypot(sum_x, sum_y) + 5),
        p["PRI_n_jets"], np.log(p["PRI_jet_all_pt"] + 20),
    ]  # fmt: skip
    for jet in ("PRI_jet_leading", "PRI_jet_subleading"):
        there = p[f"{jet}_pt"] != UNDEFINED
        pt = np.where(there, p[f"{jet}_pt"], 0)
        x, y = (there * v for v in _transverse(p, jet))
        sum_x, sum_y = sum_x + x, sum_y + y
        along = seen(x, y)
        columns += [np.log(pt + 10), there * flip * p[f"{jet}_eta"], along[0] / (pt + 1), along[1] / (pt + 1)]
    columns.append(np.log(np.hypot(sum_x, sum_y) + 5))
    both = p["PRI_jet_subleading_pt"] != UNDEFINED
    columns.append(both * np.abs(p["PRI_jet_leading_eta"] - p["PRI_jet_subleading_eta"]))
    return np.stack(columns, 1).astype(np.float32, copy=False)


def _transverse(p: Mapping[str, FloatArray], name: str) -> tuple[FloatArray, FloatArray]:
    pt = p["PRI_met"] if name == "PRI_met" else p[f"{name}_pt"]
    return pt * np.cos(p[f"{name}_phi"]), pt * np.sin(p[f"{name}_phi"])


def log_odds(networks: list[Network], x: FloatArray) -> SingleArray:
    """Mean output of `networks`, each a list of layers (weight, bias), for `features` x: array (events,) float32."""
    total = np.zeros(len(x), np.float32)
    for first in range(0, len(x), _CHUNK):
        rows = slice(first, first + _CHUNK)
        for layers in networks:
            hidden = x[rows]
            for weight, bias in layers[:-1]:
                hidden = hidden @ weight
                hidden += bias
                np.maximum(hidden, 0, out=hidden)
            total[rows] += (hidden @ layers[-1][0] + layers[-1][1])[:, 0]
    return total / np.float32(len(networks))


@cache
def shipped(name: str) -> list[Network]:
    """The networks of that name in `NETWORKS_FILE`: a process's reweighting, or "signal"."""
    with np.load(NETWORKS_FILE) as file:
        count, depth = file[f"{name}/shape"]
        return [[(file[f"{name}/{i}/{k}/w"], file[f"{name}/{i}/{k}/b"]) for k in range(depth)] for i in range(count)]


def save(networks: dict[str, list[Network]]) -> None:
    """Replace networks in `NETWORKS_FILE`: dict from a name to networks."""
    content = {}
    if NETWORKS_FILE.exists():
        with np.load(NETWORKS_FILE) as file:
            content = {key: file[key] for key in file if key.split("/")[0] not in networks}
    for name, members in networks.items():
        content[f"{name}/shape"] = np.array([len(members), len(members[0])])
        for i, layers in enumerate(members):
            for k, (weight, bias) in enumerate(layers):
                content[f"{name}/{i}/{k}/w"], content[f"{name}/{i}/{k}/b"] = weight, bias
    np.savez_compressed(NETWORKS_FILE, **content)
