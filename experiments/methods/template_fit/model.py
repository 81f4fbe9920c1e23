"""A template fit of the visible mass, without any training beforehand."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import iminuit
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.optimize

#: What the axes are the docstrings say.
Array = npt.NDArray[Any]

#: Energy scales at which templates are made, in units of the prior width.
SHIFTS = (-3.0, -1.5, 1.5, 3.0)

#: Prior widths of the nuisance parameters that move this fit; MET does not enter, so soft_met has no effect.
WIDTHS = {"tes": 0.01, "jes": 0.01, "ttbar_scale": 0.02, "diboson_scale": 0.25, "bkg_scale": 0.001}

PROCESSES = ("htautau", "ztautau", "ttbar", "diboson")

CATEGORIES = 3  # events with 0, with 1, and with 2 or more jets

#: Rows of the training set that templates are made of, at the most.
TRAIN_ROWS = 4_000_000

#: Size of the training set over that of the test set.
TRAIN_TO_TEST = 0.7 / 0.3

#: Bins of a category at the most, and simulated events in a bin at the least.
MAX_BINS, MIN_BIN_EVENTS = 40, 25


class Model:
    """Binned profile-likelihood fit of DER_mass_vis in three categories of jet multiplicity.

    `fit` makes, from the training set, one template per process and its dependence on tes and jes. `predict` maximises
    the Poisson likelihood in mu and five nuisance parameters with their Gaussian terms, the finite number of simulated
    events included (Barlow and Beeston's method with one parameter per bin, Conway, arXiv:1103.0354, section 5). The
    interval is where the profile likelihood ratio 2 ln L falls by 1; mu is not negative, so neither is the interval.

    Pseudo-experiments are made from test events that are a finite sample too, 3/7 as large as the training set. Where
    the training set is small enough to be taken whole, that sample's error is therefore added to the templates' own.

    Arguments:
        get_train_set: callable that returns the training events as a DataFrame.
        systematics: the official callable that shifts events.
    """

    def __init__(self, get_train_set: Callable[..., pd.DataFrame], systematics: Callable[..., pd.DataFrame]) -> None:
        self.get_train_set = get_train_set
        self.systematics = systematics

    def fit(self) -> None:
        """Make the templates."""
        train = self.get_train_set(train_size=TRAIN_ROWS)
        train = train[[name for name in train.columns if name.startswith("PRI")] + ["weights", "detailed_labels"]]
        nominal = self.systematics(train)
        self.edges = [_edges(nominal[_category(nominal) == number]) for number in range(CATEGORIES)]
        self.template, variance = self._histograms(nominal)
        # A bin that no simulated event reaches gets the error of one event, so that no data set is impossible.
        variance = np.where(variance.sum(axis=0) > 0, variance.sum(axis=0), train["weights"].max() ** 2)
        self.variance = variance * (1 + TRAIN_TO_TEST if len(train) < TRAIN_ROWS else 1)
        self.slopes = {name: self._response(train, name) for name in ("tes", "jes")}

    def predict(self, test_set: Mapping[str, Any]) -> dict[str, float]:
        """Estimate mu.

        Arguments:
            test_set: {"data": DataFrame of events, "weights": one weight per event}.

        Returns:
            dict of floats: mu_hat, delta_mu_hat (half the interval), p16 and p84.

        Raises:
            RuntimeError: the fit does not converge.
        """
        data = self._count(test_set["data"], np.asarray(test_set["weights"], dtype=float))
        fit = iminuit.Minuit(lambda parameters: self.twice_nll(parameters, data), [1.0, *[0.0] * len(WIDTHS)])
        fit.errordef = iminuit.Minuit.LEAST_SQUARES
        fit.errors[0] = 1.0
        best = _minimum(fit)
        mu, sigma = fit.values[0], fit.errors[0]

        @functools.cache  # two minimisations at the same mu end a little apart, which a search for a root does not bear
        def above(value: float) -> float:
            """How far 2 ln L, maximised over the nuisance parameters, is from its fall by 1 at mu = `value`."""
            fit.fixed[0], fit.values[0] = True, value
            return _minimum(fit) - best - 1

        p16, p84 = (max(0.0, _root(above, mu, step)) for step in (-sigma, sigma))
        return {"mu_hat": max(0.0, mu), "delta_mu_hat": (p84 - p16) / 2, "p16": p16, "p84": p84}

    def expected(self, parameters: Sequence[float]) -> Array:
        """Expected events per bin for (mu, pulls of the nuisance parameters), array (bins,)."""
        mu, *pulls = parameters
        value = dict(zip(WIDTHS, pulls))
        shape = self.template.copy()
        for name, (slope, curvature) in self.slopes.items():
            shape *= np.maximum(1e-3, 1 + slope * value[name] + curvature * value[name] ** 2)
        scale = {name: 1 + WIDTHS[name] * value[name] for name in ("ttbar_scale", "diboson_scale", "bkg_scale")}
        common = scale["bkg_scale"]
        return np.array([mu, common, scale["ttbar_scale"] * common, scale["diboson_scale"] * common]) @ shape

    def twice_nll(self, parameters: Sequence[float], data: Array) -> float:
        """-2 ln L of the counts `data`, array (bins,), up to a constant, profiled over the bins' simulation errors."""
        mean = np.maximum(self.expected(parameters), 1e-6)
        # With beta the factor on a bin's expectation, constrained to 1 ± r: the maximum is a root of a quadratic.
        relative = self.variance / mean**2
        half = (1 - mean * relative) / 2
        beta = half + np.sqrt(half**2 + data * relative)
        fitted = np.maximum(mean * beta, 1e-9)
        deviance = 2 * (fitted - data + data * np.log(np.maximum(data, 1e-9) / fitted))
        return np.sum(deviance + (beta - 1) ** 2 / relative) + np.sum(np.square(parameters[1:]))

    def _response(self, train: pd.DataFrame, name: str) -> tuple[Array, Array]:
        """Slope and curvature of each template against the pull of `name`: two arrays (processes, bins)."""
        shifted = [self._histograms(self.systematics(train, **{name: 1 + WIDTHS[name] * pull}))[0] for pull in SHIFTS]
        ratio = np.array(shifted) / np.maximum(self.template, 1e-9) - 1
        ratio[:, self.template <= 0] = 0
        basis = np.array([[pull, pull**2] for pull in SHIFTS])
        slope, curvature = np.tensordot(np.linalg.pinv(basis), ratio, axes=1)
        return slope, curvature

    def _histograms(self, events: pd.DataFrame) -> tuple[Array, Array]:
        """Template and its variance of each process, arrays (processes, bins)."""
        weights = events["weights"].to_numpy(dtype=float)
        rows = [(events["detailed_labels"] == process).to_numpy() for process in PROCESSES]
        counts = np.array([self._count(events[select], weights[select]) for select in rows])
        return counts, np.array([self._count(events[select], weights[select] ** 2) for select in rows])

    def _count(self, events: pd.DataFrame, weights: Array) -> Array:
        """Weighted events per bin, all categories one after the other, array (bins,)."""
        category = _category(events)
        mass = events["DER_mass_vis"].to_numpy()
        counts = []
        for number, edges in enumerate(self.edges):
            rows = category == number
            bins = np.searchsorted(edges, mass[rows], side="right")
            counts.append(np.bincount(bins, weights=weights[rows], minlength=len(edges) + 1))
        return np.concatenate(counts)


def _minimum(fit: iminuit.Minuit) -> float:
    """Value of the likelihood's minimum in the parameters that are free."""
    fit.migrad()
    if not fit.valid:
        fit.simplex().migrad()
    if not fit.valid:
        raise RuntimeError(f"the template fit does not converge:\n{fit.fmin}")
    return fit.fval


def _root(function: Callable[[float], float], start: float, step: float) -> float:
    """Where `function`, negative at `start`, becomes 0 in the direction of `step`."""
    end = start + step
    for _ in range(20):
        if function(end) > 0:
            return scipy.optimize.brentq(function, start, end, xtol=1e-4 * abs(step))
        start, end = end, end + step
    raise RuntimeError(f"the likelihood of the template fit has no end: mu {start:.4g} is as likely as the best")


def _category(events: pd.DataFrame) -> Array:
    return np.minimum(events["PRI_n_jets"].to_numpy(), CATEGORIES - 1).astype(int)


def _edges(events: pd.DataFrame) -> Array:
    """Inner bin edges in GeV that share the expected events evenly, each bin with enough simulated ones."""
    mass = events["DER_mass_vis"].to_numpy(dtype=float)
    order = np.argsort(mass)
    share = np.cumsum(events["weights"].to_numpy(dtype=float)[order])
    bins = int(np.clip(len(mass) // MIN_BIN_EVENTS, 1, MAX_BINS))
    inner = np.searchsorted(share, share[-1] * np.arange(1, bins) / bins) if len(mass) else []
    return np.unique(mass[order][inner])
