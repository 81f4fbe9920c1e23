"""The estimates that a belt accepts at each true mu."""

from __future__ import annotations

import numpy as np

from submission.arrays import FloatArray
from submission.confidence import Belt


def acceptance(belt: Belt, mu_hat: FloatArray, log_tau: float = 0.0) -> dict[str, list[float | None]]:
    """The mu_hat that a belt accepts at each true mu.

    Arguments:
        belt: of which the region is shown.
        mu_hat: rising array, within which the region is looked for; where it reaches beyond, it ends there.
        log_tau: logarithm of the data sets' error over the usual one (`Belt.log_tau_of`).

    Returns:
        dict of lists: "mu", "low", "high"; None where nothing is accepted.
    """
    margin = belt.margin(mu_hat, np.full(len(mu_hat), log_tau)).T
    low: list[float | None] = []
    high: list[float | None] = []
    for row in margin:
        inside = np.flatnonzero(row > 0)
        if not len(inside):
            low.append(None)
            high.append(None)
            continue
        for ends, step, place in ((low, -1, inside[0]), (high, 1, inside[-1])):
            beyond = place + step
            if 0 <= beyond < len(row):
                share = row[place] / (row[place] - row[beyond])
                ends.append(float(mu_hat[place] + share * (mu_hat[beyond] - mu_hat[place])))
            else:
                ends.append(float(mu_hat[place]))
    return {"mu": belt.mu.tolist(), "low": low, "high": high}
