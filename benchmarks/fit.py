"""The fit of mu beside iminuit and pyhf: `python -m benchmarks.fit`.

All fit the same data sets, thrown from the shipped templates at mu = 1. iminuit (MIGRAD, with derivatives and without)
gets the very function that we minimise. pyhf cannot express it: its modifiers interpolate each parameter by itself, and
ours are polynomials with mixed terms. So beside it stands the likelihood that both can express: mu, tes and jes with
the linear terms of the same templates, the common scale of the backgrounds, no error of the templates. That the
estimates are the same, within the tolerance of MIGRAD, is printed.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from iminuit import Minuit

from benchmarks.timing import Call, ratios, side_by_side
from submission import artifacts
from submission.arrays import FloatArray
from submission.likelihood import Likelihood, LikelihoodConfig
from submission.parameters import PARAMETERS, draw_pulls, values_from_pulls
from submission.templates import PROCESSES, SIGNAL, TERMS, Templates

#: Data sets that our fit treats side by side, as for the belt.
BLOCK = 256

#: Terms of the reduced likelihood: the nominal counts, and what tes and jes add per unit of their pull.
LINEAR = {"tes": TERMS.index((1, 0, 0)), "jes": TERMS.index((0, 1, 0))}
REDUCED = LikelihoodConfig(("tes", "jes", "bkg_scale"), template_error=False, check_fit=False)


def throw(likelihood: Likelihood, size: int, random: np.random.Generator) -> FloatArray:
    """Counts of data sets at mu = 1: array (size, bins)."""
    pulls = np.where(likelihood.fitted, np.column_stack([np.ones(size), draw_pulls(random, size)]), likelihood.start)
    return random.poisson(likelihood.templates.expected(values_from_pulls(pulls))).astype(float)


def migrad(likelihood: Likelihood, counts: FloatArray, derivatives: bool) -> float:
    """mu_hat by iminuit, from the start and within the bounds of our fit."""

    def value(pulls: FloatArray) -> float:
        return likelihood.twice_nll(pulls[None], counts[None])[0]

    def gradient(pulls: FloatArray) -> FloatArray:
        return likelihood.gradient(pulls[None], counts[None])[0]

    minuit = Minuit(value, likelihood.start, grad=gradient if derivatives else None, name=PARAMETERS)
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.limits = likelihood.bounds.T
    minuit.fixed = ~likelihood.fitted
    return minuit.migrad().values["mu"]


def reduced(templates: Templates) -> Templates:
    """The templates with the linear terms of tes and jes alone."""
    kept = np.zeros(len(TERMS), bool)
    kept[[0, *LINEAR.values()]] = True
    return Templates(np.where(kept[:, None], templates.coefficients, 0.0), templates.variance)


def pyhf_model(templates: Templates) -> Any:
    """The reduced likelihood as pyhf's workspace describes it."""
    import pyhf

    samples = []
    for number, process in enumerate(PROCESSES):
        nominal = templates.nominal[number]
        scale = ("mu", "normfactor") if number == SIGNAL else ("lumi", "lumi")
        modifiers: list[dict[str, Any]] = [{"name": scale[0], "type": scale[1], "data": None}]
        for name, term in LINEAR.items():
            change = templates.coefficients[number, term]
            ends = {"hi_data": (nominal + change).tolist(), "lo_data": (nominal - change).tolist()}
            modifiers.append({"name": name, "type": "histosys", "data": ends})
        samples.append({"name": process, "data": nominal.tolist(), "modifiers": modifiers})
    common = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.001], "bounds": [[0.99, 1.01]], "inits": [1.0]}
    mu = {"name": "mu", "bounds": [[-5.0, 20.0]], "inits": [1.0]}
    spec = {"channels": [{"name": "all", "samples": samples}], "parameters": [common, mu]}
    return pyhf.Model(spec, poi_name="mu", validate=False)


def pyhf_fit(backend: str, optimizer: Any, templates: Templates) -> Callable[[FloatArray], float]:
    """A function from counts to mu_hat."""
    import pyhf

    pyhf.set_backend(backend, optimizer)
    model = pyhf_model(templates)

    def fit(counts: FloatArray) -> float:
        pyhf.set_backend(backend, optimizer)
        tensor = pyhf.tensorlib
        data = tensor.astensor([*counts, *model.config.auxdata])
        return float(tensor.tolist(pyhf.infer.mle.fit(data, model))[model.config.poi_index])

    return fit


def compare(title: str, calls: Mapping[str, Call], rounds: int, sigma: float) -> None:
    """Time the calls in turn; print the table and the largest difference of mu_hat from the first one's."""
    seconds, estimates = side_by_side(calls, rounds)
    first = next(iter(calls))
    print(f"\n{title}, {rounds} data sets\n{ratios(seconds, first).text()}")
    for name in list(calls)[1:]:
        difference = max(abs(theirs - ours) for theirs, ours in zip(estimates[name], estimates[first])) / sigma
        print(f"mu_hat of {name} differs from ours by at most {difference:.1e} of its error")


def main() -> None:
    """Print the times of the fits and how far their estimates differ."""
    program = "python -m benchmarks.fit"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --rounds 5"
    )
    parser.add_argument("--rounds", type=int, default=15, help="data sets (default 15)")
    rounds = parser.parse_args().rounds
    import pyhf

    warnings.filterwarnings("ignore", module="pyhf")
    likelihood = artifacts.load().likelihood
    random = np.random.default_rng(0)
    counts = throw(likelihood, max(rounds, BLOCK), random)
    sigma = float(np.median(likelihood.fit(counts).sigma))
    print(f"{likelihood.templates.bins} bins; all parameters: 7; CPU milliseconds per data set, median")
    compare(
        "the likelihood of the submission",
        {
            "ours": (lambda i: likelihood.fit(counts[i : i + 1]).mu_hat[0], 1),
            f"ours, {BLOCK} side by side": (lambda i: likelihood.fit(counts[:BLOCK]).mu_hat[i], BLOCK),
            "iminuit, our derivatives": (lambda i: migrad(likelihood, counts[i], True), 1),
            "iminuit, its own": (lambda i: migrad(likelihood, counts[i], False), 1),
        },
        rounds,
        sigma,
    )
    small = Likelihood(reduced(likelihood.templates), REDUCED)
    thrown = throw(small, rounds, random)
    scipy, minuit = pyhf.optimize.scipy_optimizer(), pyhf.optimize.minuit_optimizer()
    fits = {
        "pyhf, numpy and SLSQP": pyhf_fit("numpy", scipy, small.templates),
        "pyhf, numpy and MIGRAD": pyhf_fit("numpy", minuit, small.templates),
        "pyhf, torch and SLSQP": pyhf_fit("pytorch", scipy, small.templates),
    }
    calls: dict[str, Call] = {"ours": (lambda i: small.fit(thrown[i : i + 1]).mu_hat[0], 1)}
    calls["iminuit, our derivatives"] = (lambda i: migrad(small, thrown[i], True), 1)
    for name, fit in fits.items():
        calls[name] = (lambda i, fit=fit: fit(thrown[i]), 1)  # type: ignore[misc]  # a lambda with a default
    compare("the likelihood that pyhf can express too", calls, rounds, sigma)


if __name__ == "__main__":
    main()
