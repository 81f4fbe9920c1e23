"""What is kept of a final phase, and its tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.coverage import chi2_text, flatness, slope_text
from ingestion_test.scoring import Scores, bootstrap, sigma68
from runtime.tables import Table
from submission.confidence import COVERAGE

#: What is kept of a final phase as one number: key and title.
NUMBERS = {
    "bootstrapped_score": "score, mean of 1000 bootstraps",
    "bootstrapped_score_deviation": "score, standard deviation of the bootstraps",
    "score": "score of all pseudo-experiments",
    "coverage": "coverage",
    "coverage_spread": "coverage of the sets, standard deviation",
    "interval": "interval",
}


def summary(scores: Scores) -> dict[str, Any]:
    """What is kept of a final phase: the `NUMBERS`, and what `of_sets` says."""
    drawn = bootstrap(scores).summary()
    return {
        "coverage": scores.coverage,
        "coverage_spread": float(np.std([subset.coverage for subset in scores.sets])),
        "interval": scores.interval,
        "score": scores.quantiles_score,
        "bootstrapped_score": drawn["quantiles_score"]["mean"],
        "bootstrapped_score_deviation": drawn["quantiles_score"]["std"],
        **of_sets(scores),
    }


def of_sets(scores: Scores) -> dict[str, Any]:
    """Lists of what the sets have, and the "flatness" of their coverage (`coverage.flatness`)."""
    mus, coverages, sizes = zip(*((subset.mu, subset.coverage, subset.size) for subset in scores.sets))
    return {
        "mu": list(mus),
        "coverage_of_sets": list(coverages),
        "interval_of_sets": [subset.interval for subset in scores.sets],
        "size_of_sets": list(sizes),
        "flatness": flatness(mus, coverages, sizes),
    }


def mean_and_spread(summaries: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of the `NUMBERS` of several final phases."""
    values = {name: [summary[name] for summary in summaries] for name in NUMBERS}
    return {name: (float(np.mean(numbers)), float(np.std(numbers))) for name, numbers in values.items()}


def tables(result: Mapping[str, Any]) -> Iterator[Table]:
    """The result as tables, `Table`."""
    phases = {kind: result[kind] for kind in ("events", "templates") if kind in result}
    yield _numbers(result, phases)
    if "common_move" in result:
        moved = result["common_move"]
        phases[f"templates moved by {moved['move']:+.3f} ± {moved['error']:.3f}"] = moved
    yield _sets(phases)
    yield _flatness(result, phases)
    rows = [
        [f"{row['move']:+.3f}", *(f"{row[name][0]:.4f}" for name in ("coverage", "coverage_spread"))]
        + [f"{row['bootstrapped_score'][0]:.3f} ± {row['bootstrapped_score'][1]:.3f}"]
        for row in result["moved"]
    ]
    yield Table(["all μ̂ moved by", "coverage", "its standard deviation over the sets", "bootstrapped score"], rows)
    if "comparison" in result:
        rows = [
            [row["quantity"], *(f"{row[name]:.4f}" for name in ("events", "templates", "error"))]
            for row in result["comparison"]
        ]
        number = result["comparison"][0]["number"]
        yield Table([f"{number} pseudo-experiments", "events", "templates", "error of the difference"], rows)
    duration = result.get("events", {}).get("duration")
    if duration:
        each = (f"{duration[name]:.3f}" for name in ("generation", "prediction", "prediction_cpu"))
        head = ["events", "the run, minutes", "generation, s each", "prediction, s each", "prediction, CPU s each"]
        yield Table(head, [[_size(result["events"]), f"{duration['minutes']:.0f}", *each]])


def _numbers(result: Mapping[str, Any], phases: Mapping[str, Mapping[str, Any]]) -> Table:
    """The `NUMBERS` of each phase, and of those with other seeds."""
    repeated = mean_and_spread(result["repeated"])
    rows = [
        [
            title,
            *(f"{phase[name]:.4f}" for phase in phases.values()),
            f"{repeated[name][0]:.4f} ± {repeated[name][1]:.4f}",
        ]
        for name, title in NUMBERS.items()
    ]
    head = [f"{kind}, {_size(phase)}" for kind, phase in phases.items()]
    others = f"templates, {len(result['repeated'])} other seeds: mean ± standard deviation"
    return Table([f"seed {result['seed']}", *head, others], rows)


def _sets(phases: Mapping[str, Mapping[str, Any]]) -> Table:
    """Coverage and interval of each set, by mu."""
    columns = ("coverage_of_sets", "size_of_sets", "interval_of_sets")
    sets = [dict(zip(phase["mu"], zip(*(phase[name] for name in columns)))) for phase in phases.values()]
    rows = []
    for mu in sorted(sets[0]):
        cells = (
            (f"{share:.4f} ± {sigma68(size):.4f}", f"{width:.4f}") for share, size, width in (of[mu] for of in sets)
        )
        rows.append([f"{mu:.3f}", *itertools.chain(*cells)])
    return Table(["true μ", *(f"{name}, {kind}" for kind in phases for name in ("coverage", "interval"))], rows)


def _flatness(result: Mapping[str, Any], phases: Mapping[str, Mapping[str, Any]]) -> Table:
    """Whether the coverage is the same at all mu."""
    flat = {f"{kind}, {_size(phase)}": phase["flatness"] for kind, phase in phases.items()}
    if "common_move" in result:
        flat["events less moved templates, against 0"] = result["common_move"]["left"]
    rows = [[name, chi2_text(of), slope_text(of)] for name, of in flat.items()]
    return Table(["coverage of the sets", f"χ² / dof of {COVERAGE} (p)", "slope in μ"], rows)


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What final.json makes of the page: section -> Markdown."""
    return {"final": "\n".join(table.markdown() for table in tables(result))}


def _size(phase: Mapping[str, Any]) -> str:
    """Sets and pseudo-experiments of a `summary`, as text."""
    return f"{len(phase['mu'])} × {phase['size_of_sets'][0]}"
