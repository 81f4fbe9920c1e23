"""The answer in a few sentences, from the files that the other commands have left in `docs/`."""

# ruff: noqa: RUF001 (sigma is meant)

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import published
from experiments.table2.rows import quotient
from experiments.trained_artifacts import load_manifest
from experiments.trainings import MUS
from ingestion_test.scoring import sigma68
from runtime import files
from runtime.documents import fill
from runtime.tables import Table
from submission.confidence import COVERAGE

SUMMARY = "the answer in a few sentences, from the files in docs/: fills README.md and docs/results.md"

#: Files in docs/, by the names that are used here, and what the pages call them.
FILES = {
    "method": "method/method.json",
    "table2": "results/table2.json",
    "final": "results/final.json",
    "ablation": "results/ablation.json",
    "robustness": "results/robustness.json",
    "trainings": "method/trainings.json",
    "worlds": "method/refit-worlds.json",
}
TITLES = {
    "table2": "methods",
    "final": "the final phase",
    "ablation": "one factor at a time",
    "robustness": "robustness",
}

#: Shifts of tes and jes that count as large, in standard deviations of the priors.
LARGE = 3

_OURS, _OTHERS = "default", "no-flows"
_PAPER = published.CNF


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--docs", type=Path, default=Path("docs"), metavar="DIR", help="default: docs")


def run(arguments: argparse.Namespace) -> None:
    """Fill the section `answer` of results.md, and those of the README beside docs/."""
    results = read(arguments.docs)
    shipped = load_manifest()["sha256"]
    print(answer(results, shipped))
    fill(arguments.docs / "results.md", {"answer": answer(results, shipped)})
    fill(arguments.docs.parent / "README.md", reached(results))


def read(docs: Path) -> dict[str, Any]:
    """The content of those of `FILES` that are there, by name.

    Raises:
        ChallengeError: one cannot be read.
    """
    paths = {name: docs / file for name, file in FILES.items()}
    return {name: files.read_json(path) for name, path in paths.items() if path.exists()}


def answer(results: Mapping[str, Any], shipped: Any) -> str:
    """A sentence for each question that `results`, as from `read`, answers, as a list in Markdown.

    Arguments:
        shipped: checksum of the shipped artifacts, to tell which results belong to others.
    """
    return "".join(f"- {sentence}\n" for sentence in _sentences(results, shipped))


def _sentences(results: Mapping[str, Any], shipped: Any) -> Iterator[str]:
    others = [name for name in TITLES if name in results and results[name].get("shipped") != shipped]
    if others:
        titles = ", ".join(TITLES[name] for name in others)
        yield f"**Which weights**: these sections have other weights than those that ship, and other results: {titles}."
    if "table2" in results:
        yield from _against_methods(results["table2"]["methods"])
    results = {name: result for name, result in results.items() if name not in others}
    yield from _honesty(results)
    yield from _flows(results)
    if "method" in results:
        belt = results["method"]["coverage"]["belts"]["shipped"]
        ratio = _pair((belt["ratio"], belt["ratio_error"]))
        yield (
            f"**What limits them**: they are {ratio} of the Cramér-Rao width of their own bins, so belt and fit "
            f"leave little to gain{_events(results.get('trainings', {}))}."
        )


def _against_methods(methods: Mapping[str, Any]) -> Iterator[str]:
    ours = methods[_OURS]
    score, interval, coverage = (ours[name] for name in ("score", "interval", "coverage"))
    yield (
        f"**How short**: the default method, {ours['label']}, has a mean interval of {_pair(interval)} at a coverage "
        f"of {_pair(coverage)} on {_size(ours)} data sets of simulated events, and a score of {_pair(score, '.2f')}; "
        f"the paper reports {_PAPER[1]}, {_PAPER[2]} and {_PAPER[0]} on official ones."
    )
    if len(methods) == 1:
        return
    honest = {name: row for name, row in methods.items() if _covers(row)}
    order = sorted(honest, key=lambda name: honest[name]["interval"][0])
    listed = ", ".join(f"`{name}` {_pair(honest[name]['interval'])}" for name in order)
    yield (
        f"**Against whom**: of {len(methods)} methods on the same data sets these have a coverage within 2 σ68 of "
        f"{COVERAGE}, from the shortest mean interval on: {listed}."
    )


def _covers(row: Mapping[str, Any]) -> bool:
    error = sigma68(row["num_sets"] * row["num_experiments"])
    return bool(abs(row["coverage"][0] - COVERAGE) < 2 * error)


def _honesty(results: Mapping[str, Any]) -> Iterator[str]:
    parts = []
    if "method" in results:
        flat = results["method"]["coverage"]["belts"]["shipped"]["flatness"]
        parts.append(
            f"for data as the templates describe them the coverage is {flat['mean']:.4f} ± {flat['mean_error']:.4f}, "
            f"at 20 μ from {flat['least']:.3f} to {flat['largest']:.3f}, with a slope of {_pair(_slope(flat), '+.4f')}"
        )
    final = results.get("final", {}).get("events")
    if final:
        size = sum(final["size_of_sets"])
        parts.append(
            f"{size:,} pseudo-experiments of events have {final['coverage']:.3f} ± {sigma68(size):.3f} and a score of "
            f"{final['bootstrapped_score']:.2f} ± {final['bootstrapped_score_deviation']:.2f}"
        )
    if parts:
        yield f"**How honest**: {'; '.join(parts)}."


def _with_flows(results: Mapping[str, Any]) -> str:
    """Mean interval with flow features relative to that without, on the same data sets; "" where that is not known."""
    methods = results.get("table2", {}).get("methods", {})
    if not {_OURS, _OTHERS} <= methods.keys():
        return ""
    return _paired(*(methods[name]["sets"] for name in (_OURS, _OTHERS)))


def _flows(results: Mapping[str, Any]) -> Iterator[str]:
    if with_flows := _with_flows(results):
        yield f"**Flow features**: with them the mean interval is {with_flows} of that without."
    if "robustness" in results:
        off = {name: _off(rows) for name, rows in results["robustness"]["methods"].items()}
        text = f"where tes or jes is {LARGE} standard deviations off or more, the coverage is on average "
        text += "{} and the size of the bias {} σ".format(*off[_OURS])
        if _OTHERS in off:
            text += ", without flow features {} and {} σ".format(*off[_OTHERS])
        yield f"**Large shifts**: {text}."


def _off(rows: list[Mapping[str, Any]]) -> tuple[str, str]:
    """Mean coverage, and mean size of the bias, of the large shifts of tes and jes, with their errors.

    The throws are others at each shift. The finite samples, most of the bias's error, are the same.
    """
    large = [row for row in rows if row["label"].endswith(" sd") and abs(int(row["label"].split()[1])) >= LARGE]
    coverage, bias = (np.array([row[name] for row in large]) for name in ("coverage", "bias"))
    error = np.linalg.norm([row["coverage_error"] for row in large]) / len(large)
    of_samples = np.mean([row["bias_of_samples"] for row in large])
    return _pair((coverage.mean(), error)), _pair((np.abs(bias).mean(), of_samples), ".2f")


def _events(trainings: Mapping[str, Any]) -> str:
    """What the number of training events is worth: single networks without flows, all nuisance parameters known."""
    rows = [row for row in trainings.get("trainings", ()) if not row["flows"] and row["members"] > 1]
    most = max((row["rows"] for row in rows), default=0)
    known = {row["rows"]: _mean_length(row["single"]) for row in reversed(rows)}
    if most / 10 not in known:
        return ""
    ratio = quotient(known[most / 10], known[most])
    return f"; networks trained on a tenth of the events allow intervals {ratio} times as long at μ = 1"


def _mean_length(single: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Mean over networks of the length at mu = 1, and its standard error."""
    lengths = np.array(single)[:, MUS.index(1.0)]
    return float(lengths.mean()), float(lengths.std(ddof=1) / np.sqrt(len(lengths)))


def reached(results: Mapping[str, Any]) -> dict[str, str]:
    """The README's sections: what the shipped method reaches and how that was checked; `results` as from `read`."""
    method = results["method"]
    events, belt = method["event_level"], method["coverage"]["belts"]["shipped"]
    flat, sets = belt["flatness"], events["table"]
    coverage = events["flatness"]
    ours = (
        f"shipped weights, simulated events, {len(sets)} × {sets[0]['number']}",
        _pair(events["score"], ".2f"),
        f"{events['width']:.3f} ± {events['width_error']:.3f}",
        f"{coverage['mean']:.3f} ± {coverage['mean_error']:.3f}",
        _pair(events["rmse"]),
    )
    paper = ("the paper, official events, 10 × 100", *(f"{number:.3f}" for number in _PAPER[:4]))
    rows = [ours, *_in_another_world(results.get("worlds", {}).get("events")), paper]
    table = Table(("", "score", "mean interval", "coverage", "RMSE"), rows).markdown()
    furthest = max(abs(flat[name] - COVERAGE) for name in ("least", "largest"))
    checks = belt["table"]
    error = float(np.mean([row["coverage_error"] for row in checks]))
    checked = (
        f"- **Is the coverage right everywhere?** Sets of counts thrown, that is, drawn at random, from the expected "
        f"ones\n  at {len(checks)} values of μ have a coverage within {furthest:.3f} of {COVERAGE}, each known to "
        f"{error:.3f}.\n  Its slope is {_pair(_slope(flat), '+.4f')} per unit of μ, with events "
        f"{_pair(_slope(coverage), '+.3f')}\n  ([how](docs/method.md#belt-and-coverage)).\n"
        f"- **Can the intervals be shorter?** Not much with this classifier. Their mean length over the range of μ is "
        f"{_pair((belt['width'], belt['width_error']))},\n  which is {_pair((belt['ratio'], belt['ratio_error']))} of "
        f"the Cramér-Rao width, the least width of an unbiased estimate with all six "
        f"nuisance\n  parameters fitted. The ratio can be below 1 because the range of μ is "
        f"known.\n"
    )
    if with_flows := _with_flows(results):
        checked += (
            f"- **Do flows help, as the paper says?** On the same data sets the mean interval with them is "
            f"{with_flows} of\n  that of a classifier without ([methods compared](docs/results.md)). The paper's "
            f"toy study is reproduced, but for\n  the gain by flow features ([toy studies](docs/toy.md)).\n"
        )
    return {"reached": table, "checked": checked}


def _in_another_world(events: Mapping[str, Any] | None) -> Iterator[tuple[str, ...]]:
    """Rows of runs on events whose distributions are not those of the training."""
    if events is None:
        return
    for run in events["runs"]:
        tables = "shipped tables" if run["tables"].startswith("as shipped") else "tables that `fit` made of them"
        title = f"other events ({events['title']}), {tables}, {_size(run)}"
        yield title, _pair(run["score"], ".2f"), *(_pair(run[name]) for name in ("interval", "coverage", "rmse"))


def _slope(flat: Mapping[str, Any]) -> tuple[float, float]:
    return flat["slope"], flat["slope_error"]


def _pair(values: Any, kind: str = ".3f") -> str:
    value, error = values
    return f"{value:{kind}} ± {error:{kind.lstrip('+')}}"


def _paired(above: Sequence[Mapping[str, Any]], below: Sequence[Mapping[str, Any]]) -> str:
    """Quotient of the mean intervals of two methods on the same sets; its error is that of their mean difference."""
    ours, others = (np.array([row["interval"][0] for row in sets]) for sets in (above, below))
    error = np.std(ours - others, ddof=1) / np.sqrt(len(ours))
    return f"{ours.mean() / others.mean():.3f} ± {error / others.mean():.3f}"


def _size(row: Mapping[str, Any]) -> str:
    return f"{row['num_sets']} × {row['num_experiments']}"
