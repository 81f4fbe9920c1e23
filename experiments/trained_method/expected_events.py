"""The templates: expected events, and the widths of intervals that they allow."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.bounds import limited, widths
from ingestion_test.schema import PROCESSES
from submission.arrays import FloatArray
from submission.estimator import Estimator
from submission.features import CATEGORIES
from submission.parameters import PARAMETERS
from submission.templates import SIGNAL

from .scored_events import BOTH

#: True mu at which widths are shown.
MUS = (0.1, 1.0, 2.0, 3.0)


def yields(estimator: Estimator) -> dict[str, dict[str, Any]]:
    """Expected events at mu = 1 and 10/fb: per channel and bin ("bins"), and in the sum of a channel ("channels").

    The former are bins of the histogram's first axis, each the sum of its shares of the second one.
    The latter have the largest S/B of a bin and the square root of the sum of S^2/B over the bins, which is 1 over the
    error of mu at mu = 0 if all else is known.
    """
    nominal, variance = estimator.likelihood.templates.nominal, estimator.likelihood.templates.variance
    result: dict[str, dict[str, Any]] = {"bins": {}, "channels": {}}
    for name, bins in estimator.histogram.channels.items():
        shares = estimator.histogram.shares[name]
        first, variances = (
            np.add.reduceat(values[:, bins], np.cumsum(shares) - shares, axis=1) for values in (nominal, variance)
        )
        ratio, background = _ratio(first)
        errors = np.sqrt(variances[SIGNAL] + ratio**2 * np.delete(variances, SIGNAL, axis=0).sum(axis=0))
        result["bins"][name] = dict(zip(PROCESSES, first.tolist())) | {"ratio_error": (errors / background).tolist()}
        counts = nominal[:, bins]
        ratio, _ = _ratio(counts)
        result["channels"][name] = {
            "bins": counts.shape[1],
            **dict(zip(PROCESSES, counts.sum(axis=1).tolist())),
            "best_ratio": float(np.max(ratio)),
            "significance": float(np.sqrt(np.sum(counts[SIGNAL] * ratio))),
        }
    return result


def _ratio(counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """S/B and B of counts (processes, bins): arrays (bins,)."""
    background = np.maximum(counts.sum(axis=0) - counts[SIGNAL], 1e-9)
    return counts[SIGNAL] / background, background


def cramer_rao(estimator: Estimator) -> dict[str, list[dict[str, float]]]:
    """Cramer-Rao widths 2 sigma at `MUS`, from the templates.

    Returns:
        dict from "all bins" and `BOTH` (the paper has no others) to lists of dicts: mu, and the width with the nuisance
        parameters "known", all six "profiled", and "tes_jes" alone profiled (the others then known).
    """
    likelihood, channels = estimator.likelihood, estimator.histogram.channels
    places = np.arange(likelihood.templates.bins)
    jets = np.concatenate([places[channels[name]] for name in CATEGORIES])
    return {
        name: widths(limited(likelihood, bins, PARAMETERS[1:]), MUS, tes_jes=("tes", "jes"))
        for name, bins in (("all bins", places), (BOTH, jets))
    }
