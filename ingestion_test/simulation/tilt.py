"""Exponential tilting: smooth factors on the weights that bring yields and moments to those of the official data.

A factor is exp(sum_r s_r(x) (a_r + b_r . u(x) + c_r . u(x)^2)): s_r is a smooth membership of the region r of
`official.regions`, u are standardised features, cut off at +-`REACH`; b_r and c_r are there where official moments are
known or events are few. Of all factors that give the moments wanted, those of this form would distort the least (they
minimise the relative entropy), were the memberships sharp; smooth ones leave no edges. `tune` fits the coefficients.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import FloatArray

TILT_FILE = Path(__file__).with_name("tilt.json")
#: Where standardised features are cut off; largest log of a factor.
REACH, MAX_LOG = 2.5, 0.7


def memberships(x: FloatArray) -> dict[str, FloatArray]:
    """Smooth memberships of the regions of `official.regions`, and of the events whose hadronic tau is too soft.

    Arguments:
        x: `odds.features` of the events.

    Returns:
        dict of arrays (events,) in [0, 1]; those of the regions sum to 1.
    """
    mt = np.sqrt(np.maximum(np.exp(2 * x[:, 10]) - 100, 0))
    low = _step((70 - mt) / 8)
    vbf = _step((x[:, 14] - np.log(60)) / 0.1) * _step((x[:, 18] - np.log(40)) / 0.1)
    hard = _step((x[:, 11] - np.log(105)) / 0.1)
    return {
        "lowMT_noVBFJet_ptH0to100": low * (1 - vbf) * (1 - hard),
        "lowMT_noVBFJet_ptH100": low * (1 - vbf) * hard,
        "lowMT_VBFJet": low * vbf,
        "highMT_VBFJet": (1 - low) * vbf,
        "highMT_noVBFJet": (1 - low) * (1 - vbf),
        "soft": _step((np.log(25) - x[:, 1]) / 0.04),
    }


def _step(t: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(-np.clip(t, -30, 30)))


def basis(x: FloatArray) -> FloatArray:
    """What the factors depend on: float32 array (events, 22), from `odds.features` x."""
    # A column of a transposed copy lies together in memory.
    x = np.ascontiguousarray(x.T).T
    leading, subleading = np.exp(x[:, 14]) - 10, np.exp(x[:, 18]) - 10
    both = x[:, 18] > np.log(15)
    dphi = x[:, 16] * x[:, 20] + x[:, 17] * x[:, 21]
    mass2 = 2 * leading * subleading * (np.cosh(x[:, 23]) - dphi) * both
    side = (x[:, 3] - x[:, 4]) ** 2 + np.arccos(np.clip(x[:, 5], -1, 1)) ** 2
    columns = [
        x[:, 0], x[:, 1], x[:, 2], np.abs(x[:, 3]), np.abs(x[:, 4]), np.sqrt(side), x[:, 7], x[:, 8], x[:, 9],
        np.exp(x[:, 10]), x[:, 11], np.minimum(x[:, 12], 6), x[:, 13], x[:, 14], np.abs(x[:, 15]), x[:, 16],
        x[:, 18], np.abs(x[:, 19]), dphi, x[:, 22], x[:, 23], np.log(mass2 + 400) / 2, x[:, 15] * x[:, 19],
    ]  # fmt: skip
    return np.stack(columns, 1).astype(np.float32, copy=False)


def terms(x: FloatArray, mean: FloatArray, scale: FloatArray) -> FloatArray:
    """1, u and u^2: float32 array (events, 1 + 2 columns of `basis`)."""
    u = np.clip((basis(x) - mean) / scale, -REACH, REACH).astype(np.float32)
    return np.concatenate([np.ones((len(x), 1), np.float32), u, u * u], axis=1)


def factors(process: str, x: FloatArray) -> FloatArray:
    """Factors (events,) on the weights of a process's events with `odds.features` x."""
    entry = coefficients()[process]
    f = terms(x, *(np.array(entry[name], np.float32) for name in ("mean", "scale")))
    log = np.zeros(len(x), np.float32)
    for region, s in memberships(x).items():
        c = np.array(entry["regions"][region], np.float32)
        log += s * (f @ c if len(c) > 1 else c)
    return np.exp(np.clip(log, -MAX_LOG, MAX_LOG))


@cache
def coefficients() -> dict[str, dict[str, Any]]:
    """The content of `tilt.json`: process -> mean and scale of the `basis`, and coefficients of each region.

    Raises:
        FileNotFoundError: `tune` has not made it.
    """
    content: dict[str, dict[str, Any]] = json.loads(TILT_FILE.read_text())
    return content
