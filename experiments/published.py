"""What others have published of this challenge; docs/mathematics.md#published-numbers tells how each was measured.

The paper is I. Elsharkawy and Y. Kahn, arXiv:2505.08709.
"""

from __future__ import annotations

from typing import NamedTuple


class Measured(NamedTuple):
    """A row of the paper's Table 2: official events, 10 × 100 pseudo-experiments, four A100."""

    score: float
    interval: float
    coverage: float
    rmse: float
    minutes: float


class Separation(NamedTuple):
    """A classifier of 1- and 2-jet events, and what its score histogram allows.

    Attributes:
        auc: area under the ROC curve.
        background_kept: by the share of the signal that is kept, that of the background; shares as the record of a
            training has them.
        width_known: by mu, Cramer-Rao width with all nuisance parameters known.
        width_tes_jes: the same with tes and jes profiled.
    """

    auc: float
    background_kept: dict[str, float]
    width_known: dict[float, float]
    width_tes_jes: dict[float, float]


#: The paper's Table 2: its method, its MLE with nu (app. E), and its baseline, an MLE for mu only.
CNF = Measured(0.823, 0.438, 0.672, 0.191, 5.0)
MLE_NU = Measured(0.001, 0.998, 0.701, 0.575, 41.0)
BASELINE = Measured(-11.152, 1.34, 0.431, 1.575, 3.0)

#: The paper's classifier, from the score histograms that the authors have published beside it.
CLASSIFIER = Separation(
    auc=0.899,
    background_kept={"0.1": 0.00096, "0.2": 0.0037, "0.3": 0.0089, "0.5": 0.0294},
    width_known={0.1: 0.375, 1.0: 0.409, 2.0: 0.437, 3.0: 0.461},
    width_tes_jes={1.0: 0.426},
)

#: Mean bootstrapped score of the challenge's winners in the final phase, from its public ranking.
WINNERS_SCORE = -0.58

#: Mean bootstrapped score that the interval of the paper's 10 × 1000 pseudo-experiments would have with a coverage of
#: 0.6827 in all sets, by the formulas of the final phase.
EXACT_SCORE = 0.69
