"""Throws: pseudo-experiments at histogram level, which belts are made of.

A throw draws the six nuisance parameters from their priors, the counts from Poisson distributions around the templates,
and fits.
"""

import dataclasses
from typing import Any

import numpy as np

from .arrays import BoolArray, FloatArray
from .confidence import spread_mu
from .likelihood import Likelihood
from .parameters import draw_pulls, values_from_pulls

#: Throws that share a random stream.
BLOCK = 5000

#: Independent random streams of a run.
STREAMS = ("mu", "belt", "check", "bound", "redraw")


@dataclasses.dataclass(frozen=True)
class Throws:
    """Fitted pseudo-experiments: arrays (throws,) of true mu, estimate, its error and whether the fit is valid."""

    mu: FloatArray
    mu_hat: FloatArray
    sigma: FloatArray
    valid: BoolArray

    def select(self, rows: Any) -> "Throws":
        """The throws `rows`: whatever indexes arrays."""
        return Throws(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))

    @classmethod
    def joined(cls, parts: "list[Throws]") -> "Throws":
        """All throws of `parts`."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def throw(likelihood: Likelihood, mu: FloatArray, random: np.random.Generator) -> Throws:
    """Draw and fit one pseudo-experiment for each true mu.

    The templates' own error, where the likelihood includes it, is drawn too: each throw has other true templates.

    Arguments:
        likelihood: `likelihood.Likelihood`.
        mu: array (throws,).
        random: `numpy.random.Generator`.

    Returns:
        `Throws`.
    """
    pulls = np.column_stack([mu, draw_pulls(random, len(mu))])
    expected = likelihood.templates.expected(values_from_pulls(pulls))
    fit = likelihood.fit(random.poisson(with_template_error(likelihood, expected, random)))
    return Throws(mu, fit.mu_hat, fit.sigma, fit.valid)


def with_template_error(likelihood: Likelihood, expected: FloatArray, random: np.random.Generator) -> FloatArray:
    """Expected counts (throws, bins) of templates that differ from those of `likelihood` by their statistical error.

    Each throw has other true templates; a likelihood without that error gets its counts back.
    """
    return expected * np.maximum(1 + np.sqrt(likelihood.relative_variance) * random.standard_normal(expected.shape), 0)


def belt_mu(seed: int, size: int, mu_range: tuple[float, float]) -> FloatArray:
    """True mu of the throws that a belt over `mu_range` is made of, array (size,)."""
    return spread_mu(random_stream(seed, "mu", 0), size, mu_range)


def random_stream(seed: int, stream: str, number: int) -> np.random.Generator:
    """The generator of block `number` of one of `STREAMS`."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAMS.index(stream), number)))
