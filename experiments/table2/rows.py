"""A method's row of the table, with statistical errors, and the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments import published
from experiments.bounds import widths
from ingestion_test.scoring import Scores, score_sets
from runtime.tables import Table
from submission.arrays import FloatArray
from submission.likelihood import PRESETS as LIKELIHOODS
from submission.likelihood import Likelihood

#: Redrawings behind the statistical errors, and their seed.
BOOTSTRAPS, BOOTSTRAP_SEED = 1000, 7

#: The paper's rows; they say nothing on the bound with six nuisance parameters.
PAPER = {
    "paper: CNF + DNN": published.CNF,
    "paper: MLE with nu": published.MLE_NU,
    "paper: baseline, MLE for mu only": published.BASELINE,
}

#: Columns of the table: key of a row, title and format.
COLUMNS = (
    ("score", "score", ".3f"),
    ("interval", "interval", ".3f"),
    ("relative", "relative", ".3f"),
    ("coverage", "coverage", ".3f"),
    ("rmse", "RMSE", ".3f"),
    ("minutes", "CPU minutes", ".2f"),
    ("cramer_rao", "Cramér-Rao", ".3f"),
)


def row(
    mus: Sequence[float],
    results: Sequence[Mapping[str, Any]],
    seconds: Sequence[float] | None = None,
    belt_error: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """What is said of a method.

    Arguments:
        mus: true mu of each set.
        results: of each set, dict of lists as in `result_{i}.json`.
        seconds: CPU time of each prediction; None where it is not known.
        belt_error: what the pseudo-experiments behind the belt leave unknown: of "interval" the relative error, of
            "coverage" the error; both are added to those of the overall values. None where it does not count.

    Returns:
        dict: of "score", "interval", "coverage", "rmse" (the challenge's), "rms" (root mean square of mu_hat - mu) and
        "minutes" (CPU time of 1000 predictions, None without `seconds`) the value and its statistical error;
        "cramer_rao", None; "sets", a list with mu and the same numbers of each; the numbers of sets and of experiments.
    """
    values, of_belt = _numbers(score_sets(mus, results)), dict(belt_error or {"interval": 0.0, "coverage": 0.0})
    of_width = values["interval"] * of_belt["interval"]
    random = np.random.default_rng(BOOTSTRAP_SEED)
    redrawn = [_numbers(score_sets(mus, [_redrawn(result, random) for result in results])) for _ in range(BOOTSTRAPS)]
    return {
        **{name: (values[name], _spread(redrawn, name)) for name in ("score", "rmse", "rms")},
        "interval": _with(values["interval"], _spread(redrawn, "interval"), of_width),
        "coverage": _with(values["coverage"], values["coverage_error"], of_belt["coverage"]),
        "belt_error": of_belt,
        "minutes": None if seconds is None else _mean(1000 / 60 * np.asarray(seconds)),
        "sets": [
            {
                "mu": subset["mu"],
                "coverage": (subset["coverage"], subset["coverage_error"]),
                **{
                    name: (subset[name], float(np.std([drawn["sets"][number][name] for drawn in redrawn])))
                    for name in ("interval", "rmse", "rms")
                },
            }
            for number, subset in enumerate(values["sets"])
        ],
        "cramer_rao": None,
        "num_sets": len(results),
        "num_experiments": len(results[0]["p16"]),
    }


def bound(likelihood: Likelihood | None, mus: Sequence[float]) -> float | None:
    """Mean Cramer-Rao width at the true `mus` of a method's own bins, whatever its fit makes of them.

    That is the mean length of the ± 1 sigma intervals of an efficient unbiased estimate that does not know the range of
    mu; intervals that know it can be shorter. With yields, six nuisance parameters profiled and the templates' error.
    None for a method without a `Likelihood`.
    """
    if likelihood is None:
        return None
    complete = Likelihood(likelihood.templates, LIKELIHOODS["default"])
    return float(np.mean([width["profiled"] for width in widths(complete, mus)]))


def _with(value: float, *errors: float) -> tuple[float, float]:
    """A value and the sum in quadrature of its errors."""
    return value, float(np.linalg.norm(errors))


def _mean(values: FloatArray) -> tuple[float, float]:
    """The mean and its statistical error."""
    return float(values.mean()), float(values.std() / np.sqrt(len(values)))


def _numbers(scores: Scores) -> dict[str, Any]:
    """The numbers of scores, overall and of each set, as dicts."""
    sets = [
        {name: getattr(subset, name) for name in ("mu", "interval", "coverage", "coverage_error", "rmse")}
        | {"rms": float(np.sqrt(np.mean((subset.mu_hats - subset.mu) ** 2)))}
        for subset in scores.sets
    ]
    return {
        "score": scores.quantiles_score,
        "rms": float(np.sqrt(np.mean([subset["rms"] ** 2 for subset in sets]))),
        "sets": sets,
        **{name: getattr(scores, name) for name in ("interval", "coverage", "coverage_error", "rmse")},
    }


def _redrawn(result: Mapping[str, Any], random: np.random.Generator) -> dict[str, FloatArray]:
    """The results of a set, pseudo-experiments drawn with replacement."""
    rows = random.integers(len(result["p16"]), size=len(result["p16"]))
    return {key: np.asarray(values)[rows] for key, values in result.items()}


def _spread(redrawn: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(np.std([drawn[name] for drawn in redrawn]))


def table(rows: Mapping[str, Any]) -> Table:
    """The comparison as `Table`; `rows` is a dict from method to its row, with "label" and, if known, "relative"."""
    head = ["method", *(title for _, title, _ in COLUMNS), "data sets"]
    lines = []
    for name, row in rows.items():
        numbers = [_cell(row.get(key), kind) for key, _, kind in COLUMNS]
        lines.append([f"{name}: {row['label']}", *numbers, f"{row['num_sets']} × {row['num_experiments']}"])
    for name, values in PAPER.items():
        lines.append([name, *(_cell(getattr(values, key, None), kind) for key, _, kind in COLUMNS), "10 × 100"])
    return Table(head, lines)


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What table2.json makes of the page: section -> Markdown."""
    return {"table2": table(result["methods"]).markdown(), "mle-nu": _mle_nu(result["methods"])}


def relative(
    row: Mapping[str, Any], reference: Mapping[str, Any], widths: FloatArray, others: FloatArray
) -> tuple[float, float]:
    """Mean interval of a method relative to that of another on the same data sets, and its statistical error.

    What the data sets have in common cancels; the errors of the belts do not.

    Arguments:
        row, reference: of the two methods, as of `row`.
        widths, others: arrays (sets, pseudo-experiments), lengths of their intervals.
    """
    ratio = widths.mean() / others.mean()
    residual = (widths - ratio * others) / others.mean()
    error = np.sqrt(np.mean(residual.var(axis=1)) / residual.size)
    belts = ratio * np.array([one["belt_error"]["interval"] for one in (row, reference)])
    return _with(float(ratio), error, *belts)


def _mle_nu(rows: Mapping[str, Any]) -> str:
    """A sentence on the paper's claim of its two methods; nothing where one of them has no row."""
    if "relative" not in rows.get("mle-nu", {}):
        return ""
    cnf, mle = published.CNF, published.MLE_NU
    coverages = " and ".join(_cell(rows[name]["coverage"], ".3f") for name in ("mle-nu", "default"))
    return (
        f"On the same data sets its mean interval is {_cell(rows['mle-nu']['relative'], '.3f')} times that of "
        f"`default`, at coverages of {coverages}. In the paper it is {mle.interval / cnf.interval:.2f} times that of "
        f"the CNF, at {mle.coverage} and {cnf.coverage}.\n"
    )


def _cell(value: float | Sequence[float] | None, kind: str) -> str:
    """A number, or a pair of number and error, as text; nothing for None."""
    if value is None:
        return ""
    return " ± ".join(f"{number:{kind}}" for number in (value if isinstance(value, list | tuple) else (value,)))
