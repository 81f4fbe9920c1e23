"""What goodness of fit to expect of data that are drawn from a finite sample of events.

Each row of the sample is drawn as often as a Poisson number with its weight as mean says. So the counts of a bin are
Poisson, around the sum of the weights of the rows that fall into it, and this sum is what templates of other events
miss by the sample's own statistical error. That error is the same for all pseudo-experiments of a sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import ncx2

from submission.arrays import FloatArray
from submission.likelihood import FitResult, Likelihood


@dataclass(frozen=True)
class Sample:
    """What a finite sample expects at the true parameters of a pseudo-experiment.

    The noise of the soft MET smears a row over bins, and a pseudo-experiment draws it anew for each of its events. So
    what two sums of weights with independent noise have in common is the sample's error.

    Arguments:
        counts: array (2, bins), mean of the counts, with independent soft MET noise of the rows in each.
        variance: array (bins,), of these sums, as that of independent rows: the sum of squared weights.
    """

    counts: FloatArray
    variance: FloatArray


@dataclass(frozen=True)
class SampleFit:
    """Fits of what a sample expects, as if it were data, and the distribution of -2 ln L that follows.

    Attributes:
        fit: of the mean of both sums of weights.
        twice_nll: frozen distribution of `scipy.stats` of -2 ln L of data that are drawn from the sample.
    """

    fit: FitResult
    twice_nll: Any


def fit_sample(likelihood: Likelihood, counts: FloatArray) -> SampleFit:
    """Fit what a sample expects.

    -2 ln L is nearly quadratic in counts: that of Poisson counts around the sample's is a sum of squares, with the
    sample's own -2 ln L as parameter of non-centrality. Of two sums with independent noise it is that of their product,
    2 q((a + b) / 2) - (q(a) + q(b)) / 2. The Poisson variance is less than the one of the likelihood, which has the
    templates' own error too, by the factor `scale`. The sample's -2 ln L includes the priors at the true pulls, so only
    the bins scatter, less what the data alone say of the fitted parameters.

    Arguments:
        likelihood: of the submission.
        counts: array (2, bins), as in `Sample`.
    """
    mean = counts.mean(axis=0)
    fit, single = likelihood.fit(mean[None]), likelihood.fit(counts)
    excess = max(0.0, float(2 * fit.twice_nll[0] - single.twice_nll.mean()))
    scale = float(np.mean(1 / (1 + likelihood.relative_variance * mean)))
    errors = fit.errors[0, 1:][likelihood.fitted[1:]]
    freedom = float(fit.degrees_of_freedom[0] - len(errors) + np.sum(errors**2))
    return SampleFit(fit, ncx2(freedom, excess / scale, scale=scale))
