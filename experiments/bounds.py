"""Cramér-Rao widths of intervals, of whole likelihoods and of parts of them."""

import dataclasses

from submission.likelihood import Likelihood
from submission.templates import Templates
from training.neyman import (
    NeymanConfig,
    cramer_rao_table,
)


def limited(likelihood, bins, nuisance):
    """The likelihood of some of the bins and nuisance parameters."""
    templates = likelihood.templates
    fewer = Templates(templates.coefficients[:, :, bins], templates.variance[:, bins])
    return Likelihood(fewer, dataclasses.replace(likelihood.config, nuisance=nuisance))


def widths(likelihood, mus, **subsets):
    """Cramer-Rao widths at any mu, as `training.neyman.cramer_rao_table`."""
    return cramer_rao_table(likelihood, NeymanConfig(bound_mus=tuple(map(float, mus))), **subsets)
