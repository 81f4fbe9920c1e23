"""The tables of the toy studies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from runtime.tables import Table

from .density import STRENGTHS
from .networks import NETWORKS, PREDICTIONS


def density_table(flows: Sequence[Mapping[str, Any]]) -> Table:
    """Learned and analytic densities: per c the mean and the worst over the seeds."""
    rows = []
    for strength in STRENGTHS:
        difference, beyond = (
            np.array([flow[key] for flow in flows if flow["c"] == strength]) for key in ("difference", "beyond")
        )
        good = np.sum((difference <= 0.10) & (beyond <= 0.02))
        rows.append(
            [
                f"{strength:g}",
                f"{difference.mean():.3f} (worst {difference.max():.3f})",
                f"{beyond.mean():.2%} (worst {beyond.max():.2%})",
                f"{good} of {len(difference)}",
            ]
        )
    return Table(("c", "integrated difference from q_c", "mass beyond the boundary", "seeds within 0.10 and 2%"), rows)


def network_tables(panels: Mapping[str, Mapping[str, Any]]) -> Iterator[Table]:
    """The accuracies at every second nu, in percent with their errors: a `Table` per panel."""
    for panel, result in panels.items():
        shown = range(0, len(result["nu"]), 2)
        accuracy, error = result["accuracy"], result["error"]
        labels = {name: f"({name}) {label}" for name, label in NETWORKS.items()} | PREDICTIONS
        rows = [
            [label, *(f"{100 * accuracy[name][place]:.2f} ± {100 * error[name][place]:.2f}" for place in shown)]
            for name, label in labels.items()
        ]
        gain = [100 * (accuracy["iv"][place] - accuracy["iii"][place]) for place in shown]
        rows.append(["(iv) less (iii)", *(f"{value:+z.2f}" for value in gain)])
        rows.append(["best of (i) to (iv)", *(_verdict(result["winner"][place]) for place in shown)])
        head = ("nu", *(f"{result['nu'][place]:.2f}" for place in shown))
        yield Table(head, rows, f"{panel}: accuracy in percent")


def _verdict(winner: Mapping[str, Any]) -> str:
    """The winner, or both names where its lead is less than two errors, and the lead."""
    clear = winner["lead"] > 2 * winner["error"]
    names = winner["network"] if clear else f"{winner['network']} ~ {winner['next']}"
    return f"{names} ({100 * winner['lead']:+.2f} ± {100 * winner['error']:.2f})"


def tables(result: Mapping[str, Any]) -> dict[str, list[Table]]:
    """The tables of toy.json, by the study."""
    return {
        "density": [density_table(result["density"]["flows"])],
        "networks": [*network_tables(result["networks"]["panels"])],
    }


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What toy.json makes of the page: section -> Markdown."""
    return {name: "\n".join(table.markdown() for table in of_study) for name, of_study in tables(result).items()}
