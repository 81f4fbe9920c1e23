"""Variants beside the first of their group: ratios of widths, and the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.coverage import chi2_text, slope_text
from runtime.tables import Table
from submission.confidence import COVERAGE

from .variants import FITS, NETWORKS


def groups(rows: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The variants of each group that have been measured, beside the group's first: list of (title, variants).

    Arguments:
        rows: dict from variant to its row.

    Returns:
        list of pairs: title, and list of dicts with label, "ratio" of the width to the first's and its error, "failed".
    """
    result = []
    for title, variants in (("networks trained anew", NETWORKS), ("likelihood and belt", FITS)):
        first = rows.get(next(iter(variants)))
        measured = [rows[name] for name in variants if name in rows]
        if first is None or "failed" in first or not measured:
            continue
        result.append((title, [{"label": row["label"], **_against(row, first)} for row in measured]))
    return result


def _against(row: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    """Ratio of widths and its statistical error, belts redrawn alike; the first's scatter is common to all: not in."""
    if "failed" in row:
        return {"failed": row["failed"], "ratio": None}
    base = first["width"][0]
    belts = np.std(np.divide(row["redrawn"], first["redrawn"]), ddof=1)
    return {"ratio": (row["width"][0] / base, float(np.hypot(row["scatter"] / base, belts)))}


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What ablation.json makes of the page: section -> Markdown."""
    return {"ablation": table(result["variants"]).markdown()}


HEAD = (
    "variant",
    "interval",
    "relative",
    "coverage",
    "least, largest",
    f"χ² / dof of {COVERAGE} (p)",
    "slope in μ",
    "Cramér-Rao",
    "AUC 1-jet, 2-jet",
)


def table(rows: Mapping[str, Any]) -> Table:
    """All groups as `Table`; `rows` is a dict from variant to its row."""
    lines = []
    measured = {variant["label"]: variant for _, variants in groups(rows) for variant in variants}
    for row in rows.values():
        label = row["label"]
        if "failed" in row:
            lines.append([label, f"failed: {row['failed']}", *[""] * (len(HEAD) - 2)])
            continue
        flat, ratio = row["flatness"], measured.get(label, {}).get("ratio")
        lines.append(
            [
                label,
                f"{row['width'][0]:.4f} ± {row['width'][1]:.4f}",
                " ± ".join(f"{number:.3f}" for number in ratio or ()),
                f"{flat['mean']:.4f} ± {flat['mean_error']:.4f}",
                f"{flat['least']:.3f}, {flat['largest']:.3f}",
                chi2_text(flat),
                slope_text(flat),
                f"{row['cramer_rao']:.4f}",
                ", ".join(f"{area:.4f}" for area, _ in row.get("auc", {}).values()),
            ]
        )
    return Table(HEAD, lines)
