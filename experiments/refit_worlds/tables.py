"""Tables of the worlds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from runtime.tables import Table

#: Name of the world of the templates' own simulation.
OWN = "own"

HEAD = (
    *("world", "tables", "p of the test", "coverage", "least to largest", "slope in mu", "mean interval"),
    *("shift of mu_hat / sigma", "invalid"),
)

#: Numbers of a run, and their digits.
_COLUMNS = {"score": 2, "interval": 3, "coverage": 3, "rmse": 3}


def of_worlds(result: Mapping[str, Any]) -> Table:
    """What tables reach in each world."""
    rows = []
    for name, world in result["worlds"].items():
        rows.append(_row(name, "shipped", [world["shipped"]]))
        for refit in world["refits"]:
            title = f"of {refit['rows']:,} events"
            rows.append(_row(name, f"{title}, disjoint" if refit.get("disjoint") else title, refit["samples"]))
        rows.append(_row(name, "exact", [world["exact"]]))
        if "trained" in world:
            rows.append(_row(name, "of a full training", [world["trained"]]))
    return Table(HEAD, rows, "Tables in other worlds")


def _row(name: str, tables: str, samples: list[Mapping[str, float]]) -> tuple[str, ...]:
    def mean(column: str, error: str, digits: int, sign: str = "") -> str:
        values = [sample[column] for sample in samples if sample.get(column) is not None]
        if not values:
            return ""
        # Samples differ by more than the pseudo-experiments' error: by the training events that they have.
        spread = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else samples[0][error]
        return f"{np.mean(values):{sign}z.{digits}f} ± {spread:.{digits}f}"

    coverage = [sample["coverage"] for sample in samples]
    p_values = [f"{sample['p_value']:.2g}" for sample in samples if "p_value" in sample]
    return (
        name,
        tables,
        ", ".join(p_values),
        mean("coverage", "coverage_error", 3),
        f"{min(coverage):.3f} to {max(coverage):.3f}" if len(samples) > 1 else "",
        mean("slope", "slope_error", 3, "+"),
        f"{np.mean([sample['width'] for sample in samples]):.3f}",
        mean("shift", "shift_error", 2, "+"),
        f"{np.mean([sample['invalid'] for sample in samples]):.2g}",
    )


def p_values(world: Mapping[str, Any]) -> Table:
    """Whether the p-values of the test are uniform in the world of the training."""
    tests = world["tests"]
    values = np.array(tests["p_values"])
    limits = (0.01, 0.1, 0.5, 0.9)
    shares = [f"{np.mean(values < limit):.2f}" for limit in limits]
    head = (
        "tests",
        "events of each",
        "below 0.01",
        "below 0.1",
        "below 0.5",
        "below 0.9",
        "p of uniformity (Kolmogorov)",
    )
    row = (str(len(values)), f"{tests['rows']:,}", *shares, f"{tests['ks']:.2f}")
    return Table(head, [row], "p-values of the test in the world of the training")


def of_runs(events: Mapping[str, Any]) -> Table:
    """What runs of `score` have reached in a world."""
    rows = []
    for run in events["runs"]:
        numbers = (f"{run[name][0]:.{digits}f} ± {run[name][1]:.{digits}f}" for name, digits in _COLUMNS.items())
        rows.append((run["tables"], f"{run['num_sets']} × {run['num_experiments']}", *numbers))
    head = ("tables", "pseudo-experiments", "score", "mean interval", "coverage", "RMSE")
    return Table(head, rows, f"Events of the world {events['world']}")


def all_tables(result: Mapping[str, Any]) -> list[Table]:
    """The tables of refit-worlds.json."""
    own, events = result["worlds"].get(OWN), result.get("events")
    tables = [of_worlds(result), *([] if own is None else [p_values(own)])]
    return [*tables, *([] if events is None else [of_runs(events)])]


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What refit-worlds.json makes of the page: section -> Markdown."""
    return {"refit-worlds": "\n".join(table.markdown() for table in all_tables(result))}
