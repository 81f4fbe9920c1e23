"""Cramér-Rao widths of intervals, of whole likelihoods and of parts of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from submission.arrays import IntArray
from submission.likelihood import Likelihood
from submission.templates import Templates
from training.neyman import NeymanConfig, cramer_rao_table


def limited(likelihood: Likelihood, bins: IntArray, nuisance: Sequence[str]) -> Likelihood:
    """The likelihood of some of the bins, array (bins,) of their places, and of some nuisance parameters."""
    templates = likelihood.templates
    fewer = Templates(templates.coefficients[:, :, bins], templates.variance[:, bins])
    return Likelihood(fewer, dataclasses.replace(likelihood.config, nuisance=tuple(nuisance)))


def widths(likelihood: Likelihood, mus: Iterable[float], **subsets: Sequence[str]) -> list[dict[str, float]]:
    """Cramer-Rao widths at any mu, as `training.neyman.cramer_rao_table`."""
    return cramer_rao_table(likelihood, NeymanConfig(bound_mus=tuple(map(float, mus))), **subsets)
