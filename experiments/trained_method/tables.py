"""The method's numbers as tables of text, Markdown, beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.coverage import chi2_text, slope_text
from experiments.published import CLASSIFIER
from ingestion_test.schema import PROCESSES
from runtime.tables import Table
from submission.confidence import COVERAGE

from .scored_events import BOTH


def all_tables(result: Mapping[str, Any]) -> dict[str, Table]:
    """All tables: dict from the name of the section of docs/method.md that one fills to `Table`."""
    shown = {
        "separation": _separation_table(result["separation"]),
        "cut": _cut_table(result["shifted"]),
        "yields": _yields_table(result["yields"]["channels"]),
        "cramer-rao": _cramer_rao_table(result["cramer_rao"]),
        "coverage": _coverage_table(result["coverage"], result.get("event_level")),
        "moves": _shifts_table(result["common_shifts"]),
    }
    if "event_level" in result:
        shown["events"] = _event_level_table(result["event_level"]["table"])
    if "official" in result:
        shown["official"] = _official_table(result["official"])
    return shown


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What method.json makes of the page: section -> Markdown."""
    return {name: table.markdown() for name, table in all_tables(result).items()}


def _separation_table(separation: Mapping[str, Any]) -> Table:
    rows = []
    for name, part in separation.items():
        kept = (
            _with_error(part["background_kept"][e], part["background_kept_error"][e])
            for e in CLASSIFIER.background_kept
        )
        rows.append([name, _with_error(part["auc"], part["auc_error"]), *kept])
    paper = CLASSIFIER.auc, *CLASSIFIER.background_kept.values()
    rows.append([f"paper, {BOTH}", *(f"{value:g}" for value in paper)])
    head = ["held-out events", "AUC", *(f"B kept at {float(e):.0%} of S" for e in CLASSIFIER.background_kept)]
    return Table(head, rows, "Separation, nuisance parameters nominal")


def _cut_table(shifted: Mapping[str, Any]) -> Table:
    rows = []
    for name, parts in shifted["events"].items():
        cells = (_with_error(row[kind], row[f"{kind}_error"]) for kind in ("signal", "background") for row in parts)
        rows.append([name, *cells])
    tes = [row["tes"] for row in shifted["events"][BOTH]]
    head = ["held-out events", *(f"{kind} kept, tes = {shift:.2f}" for kind in "SB" for shift in tes)]
    return Table(head, rows, f"A cut that keeps {shifted['signal_kept']:.0%} of the nominal signal, on shifted events")


def _yields_table(channels: Mapping[str, Any]) -> Table:
    names = ["htautau", *(name for name in PROCESSES if name != "htautau")]
    rows = []
    for name, channel in channels.items():
        counts = (f"{channel[process]:,.0f}" for process in names)
        rows.append(
            [name, str(channel["bins"]), *counts, f"{channel['best_ratio']:.3g}", f"{channel['significance']:.3g}"]
        )
    total = np.sqrt(sum(channel["significance"] ** 2 for channel in channels.values()))
    sums = (f"{sum(channel[process] for channel in channels.values()):,.0f}" for process in names)
    rows.append(["all", str(sum(channel["bins"] for channel in channels.values())), *sums, "", f"{total:.3g}"])
    head = ["channel", "bins", *names, "largest S/B", "sqrt(sum S²/B)"]
    return Table(head, rows, "Expected events at 10/fb and mu = 1")


def _cramer_rao_table(result: Mapping[str, Any]) -> Table:
    labels = {"known": "all nuisance parameters known", "tes_jes": "tes, jes profiled", "profiled": "six profiled"}
    mus = [row["mu"] for row in result[BOTH]]
    rows = [
        [f"{bins}, {label}", *(f"{row[key]:.3f}" for row in widths)]
        for bins, widths in result.items()
        for key, label in labels.items()
    ]
    for label, paper in ((labels["known"], CLASSIFIER.width_known), (labels["tes_jes"], CLASSIFIER.width_tes_jes)):
        rows.append([f"paper, {BOTH}, {label}", *(f"{paper[mu]:.3f}" if mu in paper else "" for mu in mus)])
    head = ["Cramér-Rao width of mu, 2 sigma", *(f"mu = {mu:g}" for mu in mus)]
    return Table(head, rows, "What the templates allow, and what the paper's do")


def _coverage_table(coverage: Mapping[str, Any], events: Mapping[str, Any] | None) -> Table:
    named = {f"{name} belt, histogram level": belt for name, belt in coverage["belts"].items()}
    if events:
        named["shipped belt, events"] = events
    rows = []
    for name, belt in named.items():
        flat = belt["flatness"]
        rows.append(
            [
                name,
                f"{flat['mean']:.4f} ± {flat['mean_error']:.4f}",
                f"{flat['least']:.4f}, {flat['largest']:.4f}",
                chi2_text(flat),
                slope_text(flat),
                f"{belt['width']:.4f} ± {belt['width_error']:.4f}",
                f"{belt['ratio']:.3f} ± {belt['ratio_error']:.3f}",
            ]
        )
    bound = coverage["mean_cramer_rao"]
    efficient = {f"efficient estimate, {name} belt": row["efficient_width"] for name, row in coverage["belts"].items()}
    for name, width in ({"efficient estimate, ± 1 sigma": bound} | efficient).items():
        rows.append([name, "", "", "", "", f"{width:.4f}", f"{width / bound:.3f}"])
    head = [
        "",
        "coverage",
        "least, largest",
        f"χ² / dof of {COVERAGE} (p)",
        "slope in mu",
        "mean width",
        "width / Cramér-Rao",
    ]
    return Table(head, rows, "Coverage and width over the range of mu")


def _shifts_table(shifts: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        [
            f"{row['shift']:+.3f}",
            f"{row['mean']:.4f} ± {row['mean_error']:.4f}",
            slope_text(row),
        ]
        for row in shifts
    ]
    return Table(["move of mu_hat", "coverage", "slope in mu"], rows, "All estimates moved alike")


def _event_level_table(table: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        [
            f"{row['mu']:.3f}",
            str(row["number"]),
            f"{row['coverage']:.3f} ± {row['coverage_error']:.3f}",
            f"{row['width']:.4f} ± {row['width_error']:.4f}",
            f"{row['cramer_rao']:.4f}",
            f"{row['bias']:+.4f} ± {row['bias_error']:.4f}",
        ]
        for row in table
    ]
    head = ["true mu", "pseudo-experiments", "coverage", "mean width", "Cramér-Rao width", "mean of mu_hat - mu"]
    return Table(head, rows, "Pseudo-experiments of events")


def _official_table(result: Mapping[str, Any]) -> Table:
    rows = []
    for name in ("weighted", "unweighted"):
        sample = result[name]
        rows.append([f"official, {name}", f"{sample['signal_events']} + {sample['background_events']}"])
        rows[-1].append(_with_error(sample["auc"], sample["auc_error"]))
    sample = result["simulated"]
    rows.append(
        [
            f"simulated, {sample['samples']} samples as large",
            rows[0][1],
            _with_error(sample["auc"], sample["auc_spread"]),
        ]
    )
    return Table(["events", "S + B", "AUC"], rows, f"The classifier on {BOTH} events")


def _with_error(value: float, error: float) -> str:
    """Value and error, with two digits of the error.

    >>> _with_error(0.00961, 0.00034)
    '0.00961 ± 0.00034'
    """
    digits = 4 if not error > 0 else min(8, max(0, 1 - int(np.floor(np.log10(error)))))
    return f"{value:.{digits}f} ± {error:.{digits}f}"
