"""The answer in a few sentences, from the files that the other commands have left in `docs/`."""

# ruff: noqa: RUF001 (sigma is meant)

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import published
from experiments.robustness import NONE
from experiments.trained_artifacts import load_manifest
from experiments.trainings import MUS
from ingestion_test.scoring import sigma68
from runtime import files
from runtime.documents import fill
from runtime.errors import ChallengeError
from runtime.tables import Table
from submission.artifacts import ESTIMATOR
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
    "adaptation": "method/adaptation.json",
    "official_shift": "simulation/official-shift.json",
}

#: What the pages call those whose results depend on the shipped weights.
TITLES = {
    "table2": "methods",
    "final": "the final phase",
    "ablation": "one factor at a time",
    "robustness": "robustness",
    "method": "the method",
    "worlds": "the challenge's own events",
    "adaptation": "a classifier that goes on learning",
    "official_shift": "the official comparison",
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
    # Both first: an incomplete folder changes no page.
    sentences, sections = answer(results, shipped), reached(results, shipped)
    print(sentences)
    fill(arguments.docs / "results.md", {"answer": sentences})
    fill(arguments.docs.parent / "README.md", sections)


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

    Raises:
        ChallengeError: the comparison of methods lacks the default one.
    """
    return "".join(f"- {sentence}\n" for sentence in _sentences(results, shipped))


def _sentences(results: Mapping[str, Any], shipped: Any) -> Iterator[str]:
    ours = _of_shipped(results, shipped)
    if others := ", ".join(title for name, title in TITLES.items() if name in results.keys() - ours.keys()):
        yield f"**Which weights**: these sections have other weights than those that ship, and other results: {others}."
    if "table2" in results:
        if _OURS not in results["table2"]["methods"]:
            command = f"table2 --methods {_OURS} --resume --docs docs"
            raise ChallengeError(f"docs/{FILES['table2']} has no row {_OURS}: run `python -m experiments {command}`")
        yield from _against_methods(results["table2"]["methods"], _which_mus(ours))
    yield from _honesty(ours)
    yield from _flows(ours)
    if "method" in ours:
        belt = ours["method"]["coverage"]["belts"]["shipped"]
        yield (
            f"**What limits them**: they are {_to_efficient(belt)} times as long as those of the same belt for an "
            f"efficient estimate from the same bins, which is all that a better fit could gain"
            f"{_events(ours.get('trainings', {}))}."
        )


def _of_shipped(results: Mapping[str, Any], shipped: Any) -> dict[str, Any]:
    """Those of `results` that are of the shipped weights, or of none."""

    def checksums(result: Mapping[str, Any]) -> Any:
        return result["shipped"] if "shipped" in result else {ESTIMATOR: result.get("artifacts")}

    return {name: of for name, of in results.items() if name not in TITLES or checksums(of) == shipped}


def _to_efficient(belt: Mapping[str, Any]) -> str:
    """Mean length relative to that which the same belt gives for an estimate with the least error of the bins."""
    return _pair(np.divide((belt["width"], belt["width_error"]), belt["efficient_width"]))


def _which_mus(results: Mapping[str, Any]) -> str:
    """How much the mean interval depends on the mu that are drawn; "" where that is not known."""
    if "final" not in results:
        return ""
    phases = results["final"]["repeated"]
    intervals = [phase["interval"] for phase in phases]
    spread = f"{np.mean(intervals):.3f} with a standard deviation of {np.std(intervals):.3f}"
    return (
        f"The ± of a mean interval is that of other pseudo-experiments at the same μ. Other μ change it more, since "
        f"intervals end where the range of μ does: for {len(phases)} draws of {len(phases[0]['mu'])} μ, with throws "
        f"from the templates, it is {spread}."
    )


def _against_methods(methods: Mapping[str, Any], which_mus: str) -> Iterator[str]:
    ours = methods[_OURS]
    score, interval, coverage = (ours[name] for name in ("score", "interval", "coverage"))
    yield (
        f"**How short**: the default method, {ours['label']}, has a mean interval of {_pair(interval)} at a coverage "
        f"of {_pair(coverage)} on {_size(ours)} data sets of simulated events, and a score of {_pair(score, '.2f')}; "
        f"the paper reports {_PAPER.interval}, {_PAPER.coverage} and {_PAPER.score} on official ones."
        f" {which_mus}".rstrip()
    )
    methods = {name: row for name, row in methods.items() if name == _OURS or "relative" in row}
    if len(methods) == 1:
        return
    honest = {name: row for name, row in methods.items() if _covers(row)}
    order = sorted(honest, key=lambda name: honest[name]["interval"][0])
    listed = ", ".join(f"`{name}` {_pair(honest[name]['interval'])}" for name in order)
    yield (
        f"**Against whom**: of {len(methods)} methods on the same data sets these have a coverage within twice its "
        f"error (σ68, and that of the belt where it counts) of {COVERAGE}, from the shortest mean interval on: "
        f"{listed}."
    )


def _covers(row: Mapping[str, Any]) -> bool:
    error = np.hypot(sigma68(row["num_sets"] * row["num_experiments"]), row["belt_error"]["coverage"])
    return bool(abs(row["coverage"][0] - COVERAGE) < 2 * error)


def _honesty(results: Mapping[str, Any]) -> Iterator[str]:
    parts = []
    if "method" in results:
        flat = results["method"]["coverage"]["belts"]["shipped"]["flatness"]
        parts.append(
            f"for data as the templates describe them the coverage is {flat['mean']:.4f} ± {flat['mean_error']:.4f}, "
            f"at {flat['dof']} μ from {flat['least']:.3f} to {flat['largest']:.3f}, its slope in μ "
            f"{_slope(flat, '+.4f')}"
        )
    final = results.get("final", {}).get("events")
    if final:
        size = sum(final["size_of_sets"])
        parts.append(
            f"{size:,} pseudo-experiments of events have {final['coverage']:.3f} ± {sigma68(size):.3f} and a score of "
            f"{final['score']:.2f}; over bootstraps of the sets, as the challenge scores, it has the mean "
            f"{final['bootstrapped_score']:.2f} and the standard deviation {final['bootstrapped_score_deviation']:.2f}"
        )
    if parts:
        slope = f" {_slope_with_events(results)}" if final else ""
        yield f"**How honest**: {'; '.join(parts)}.{slope}"


def _slope_with_events(results: Mapping[str, Any]) -> str:
    """The slope of the coverage of events in mu, of the more precise run, and that of a common shift of this size."""
    final = results.get("final", {})
    runs = [final["events"]["flatness"]] if "events" in final else []
    runs += [results["method"]["event_level"]["flatness"]] if "event_level" in results.get("method", {}) else []
    flat = min(runs, key=lambda run: np.inf if run["slope"] is None else run["slope_error"])
    text = (
        f"With events the slope is {_slope(flat, '+.3f')} (p = {flat['p']:.2g} for {COVERAGE} at all {flat['dof']} μ)"
    )
    if flat is not runs[0] or "common_move" not in final:
        return f"{text}."
    moved = final["common_move"]
    return (
        f"{text}: all their estimates are shifted by {_pair((moved['move'], moved['error']), '+.3f')} in μ against "
        f"those of throws from the templates, and throws that are moved by as much have a slope of "
        f"{_slope(moved['flatness'], '+.3f')}."
    )


def _with_flows(results: Mapping[str, Any]) -> str:
    """Mean interval with flow features relative to that without, on the same data sets; "" where that is not known.

    With what two trainings may differ by chance: their networks' scatter says how well their means are known.
    """
    without = results.get("table2", {}).get("methods", {}).get(_OTHERS, {})
    if "relative" not in without:
        return ""
    ratio, error = without["relative"]
    rows = results.get("trainings", {}).get("trainings", ())
    most = max((row["rows"] for row in rows), default=0)
    several = [row for row in rows if row["rows"] == most and row["members"] > 1]
    pair = [next((row for row in several if bool(row["flows"]) is flows), None) for flows in (True, False)]
    lengths = [_mean_length(row["single"]) for row in pair if row]
    chance = float(np.linalg.norm([error / length for length, error in lengths]))
    by_chance = f"; two trainings differ by {chance:.3f} of it by chance" if len(lengths) == 2 else ""
    return f"{_pair((1 / ratio, error / ratio**2))} of that without{by_chance}"


def _flows(results: Mapping[str, Any]) -> Iterator[str]:
    if with_flows := _with_flows(results):
        yield f"**Flow features**: with them the mean interval is {with_flows}."
    if "robustness" in results:
        off = {name: _off(rows) for name, rows in results["robustness"]["methods"].items()}
        text = f"where tes or jes is {LARGE} standard deviations off or more, the lowest coverage is {off[_OURS]}"
        if _OTHERS in off:
            text += f"; without flow features {off[_OTHERS]}"
        yield f"**Large shifts**: {text}. The change is against no shift; the errors are those of the throws alone."


def _off(rows: Sequence[Mapping[str, Any]]) -> str:
    """Of the large shifts of tes and jes the lowest coverage, the largest change of the bias, and where they are.

    The errors are those of the throws: most of that of the finite samples is common to all shifts.
    """
    (none,) = (row for row in rows if row["label"] == NONE.label)
    large = [row for row in rows if row["label"].endswith(" sd") and abs(int(row["label"].split()[1])) >= LARGE]
    changes = [(row["bias"] - none["bias"], np.hypot(row["bias_error"], none["bias_error"])) for row in large]
    lowest = min(large, key=lambda row: row["coverage"])
    change, at = max(zip(changes, large), key=lambda pair: abs(pair[0][0]))
    coverage = _pair((lowest["coverage"], lowest["coverage_error"]))
    return (
        f"{coverage} ({lowest['label']}) and the largest change of the bias {_pair(change, '+.2f')} σ ({at['label']})"
    )


def _events(trainings: Mapping[str, Any]) -> str:
    """What the number of training events is worth: single networks without flows, all nuisance parameters known."""
    rows = [row for row in trainings.get("trainings", ()) if not row["flows"] and row["members"] > 1]
    most = max((row["rows"] for row in rows), default=0)
    known = {row["rows"]: _mean_length(row["single"]) for row in reversed(rows)}
    if most / 10 not in known:
        return ""
    (less, less_error), (all_of_them, error) = known[most / 10], known[most]
    ratio = less / all_of_them
    longer = _pair((ratio, ratio * np.hypot(less_error / less, error / all_of_them)))
    return f"; networks trained on a tenth of the events allow intervals {longer} times as long at μ = 1"


def _mean_length(single: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Mean over networks of the length at mu = 1, and its standard error."""
    lengths = np.array(single)[:, MUS.index(1.0)]
    return float(lengths.mean()), float(lengths.std(ddof=1) / np.sqrt(len(lengths)))


def reached(results: Mapping[str, Any], shipped: Any) -> dict[str, str]:
    """The README's sections: what the shipped method reaches and how that was checked; arguments as for `answer`.

    Raises:
        ChallengeError: no pseudo-experiments of events, with the shipped weights, are there.
    """
    results = _with_events(results, shipped)
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
    paper = (
        "the paper, official events, 10 × 100",
        *(f"{number:.3f}" for number in (_PAPER.score, _PAPER.interval, _PAPER.coverage, _PAPER.rmse)),
    )
    rows = [ours, *_in_another_world(results.get("worlds", {}).get("events")), paper]
    table = Table(("", "score", "mean interval", "coverage", "RMSE"), rows).markdown()
    if which_mus := _which_mus(results):
        table += "\n" + textwrap.fill(which_mus, 120) + "\n"
    furthest = max(abs(flat[name] - COVERAGE) for name in ("least", "largest"))
    checks = belt["table"]
    error = float(np.mean([row["coverage_error"] for row in checks]))
    checked = [
        f"**Is the coverage right everywhere?** Sets of counts thrown, that is, drawn at random, from the expected "
        f"ones at {len(checks)} values of μ have a coverage within {furthest:.3f} of {COVERAGE}, each known to "
        f"{error:.3f}; its slope per unit of μ is {_slope(flat, '+.4f')} ([how](docs/method.md#belt-and-coverage)). "
        f"{_slope_with_events(results)} ([The final phase](docs/results.md#final-phase).)",
        f"**Can the intervals be shorter?** Not much with this classifier. Their mean length over the range of μ is "
        f"{_pair((belt['width'], belt['width_error']))}, which is {_to_efficient(belt)} times what the same belt "
        f"gives for an efficient estimate: an unbiased one with the least error that the same bins allow, the "
        f"Cramér-Rao bound with all six nuisance parameters fitted.",
    ]
    if with_flows := _with_flows(results):
        checked.append(
            f"**Do flows help, as the paper says?** Not that can be seen. On the same data sets the mean interval with "
            f"them is {with_flows} ([methods compared](docs/results.md)). The paper's toy study is "
            f"reproduced, but for the gain by flow features ([toy studies](docs/toy.md))."
        )
    if "official_shift" in results:
        shift = max(results["official_shift"]["shifts"]["all cells"], key=lambda pair: abs(pair[0]))
        checked.append(
            f"**What would official events do?** Events weighted to the official yields in twelve cells of regions and "
            f"processes move the estimate by {_pair(shift, '+.2f')} of its standard deviation, at the μ where they "
            f"move it most ([the simulation](docs/simulation.md#the-official-comparison))."
        )
    return {"reached": table, "checked": "".join(map(_bullet, checked))}


def _bullet(text: str) -> str:
    """An item of a list in Markdown, as lines of the README."""
    return textwrap.fill(f"- {text}", 120, subsequent_indent="  ", break_on_hyphens=False) + "\n"


def _with_events(results: Mapping[str, Any], shipped: Any) -> dict[str, Any]:
    """Those of `results` that are of the shipped weights, with pseudo-experiments of events among them."""
    ours = _of_shipped(results, shipped)
    if "event_level" in ours.get("method", {}):
        return ours
    if "method" not in results:
        fault = "is not there"
    else:
        fault = "has no pseudo-experiments of events" if "method" in ours else "is not of the weights that ship"
    command = "method --event-level DIR --docs docs"
    raise ChallengeError(f"docs/{FILES['method']} {fault}: run `python -m experiments {command}` (docs/method.md)")


def _in_another_world(events: Mapping[str, Any] | None) -> Iterator[tuple[str, ...]]:
    """Rows of runs on events whose distributions are not those of the training."""
    if events is None:
        return
    for run in events["runs"]:
        tables = "shipped tables" if run["tables"].startswith("as shipped") else "tables that `fit` made of them"
        title = f"other events ({events['title']}), {tables}, {_size(run)}"
        yield title, _pair(run["score"], ".2f"), *(_pair(run[name]) for name in ("interval", "coverage", "rmse"))


def _slope(flat: Mapping[str, Any], kind: str) -> str:
    return "unknown at a single μ" if flat["slope"] is None else _pair((flat["slope"], flat["slope_error"]), kind)


def _pair(values: Any, kind: str = ".3f") -> str:
    value, error = values
    return f"{value:{kind}} ± {error:{kind.lstrip('+')}}"


def _size(row: Mapping[str, Any]) -> str:
    return f"{row['num_sets']} × {row['num_experiments']}"
