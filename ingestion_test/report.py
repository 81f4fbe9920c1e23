"""`detailed_results.html`: one file with all that a run of the challenge gave, for screen, phone and paper."""

# ruff: noqa: RUF001 (Greek letters and minus signs are meant)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from runtime.files import replaced

from . import figures
from .arrays import DoubleArray
from .fit_quality import Distribution
from .schema import RESULT_LISTS
from .score_table import coverage_text, number
from .scoring import BOOTSTRAPS, Bootstrap, Score, Scores, SetScore, coverage_band

#: What the final phase bootstraps, and how it is called here.
BOOTSTRAPPED = {"quantiles_score": "Score", "coverage": "Coverage", "interval": "Interval"}

#: What the words of the page mean.
WORDS = {
    "μ, μ̂": "The signal strength: the number of Higgs bosons relative to that of the Standard Model; its estimate.",
    "Pseudo-experiment, set": "A simulated measurement; those that have the same true μ. Each pseudo-experiment has "
    "nuisance parameters of its own: properties of detector and theory that are known only roughly.",
    "tes, jes, soft_met, ttbar_scale, diboson_scale, bkg_scale": "The nuisance parameters: the energy scales of taus "
    "and of jets, the noise in the missing momentum, and the yields of top pairs, of pairs of W and Z, and of all "
    "backgrounds.",
    "p16, p84": "The ends of the submission's interval for μ, which shall hold the true μ in 68.27% of the cases.",
    "Coverage": "The share of the intervals that hold the true μ.",
    "σ₆₈": "The statistical error of the coverage of N right intervals, √(0.6827 · 0.3173 / N).",
    "Interval": "The mean length |p84 − p16| of the intervals.",
    "Penalty f": "1 where the coverage is within 0.6827 ± 2σ₆₈; beyond, 1 + (distance / σ₆₈)⁴ below and "
    "1 + (distance / σ₆₈)³ above.",
    "Score": "−ln((interval + 0.001) f). Beside it stands the range of 68% of the scores where the pseudo-experiments "
    "of each set are redrawn with replacement.",
    "RMSE, MAE": "The challenge's own: with e = μ̂ − μ and the Δμ̂ that the submission gives, means of "
    "√(e² + (e² − Δμ̂²)²) and of |e| + ||e| − Δμ̂|.",
    "Pull": "(μ̂ − μ) in units of half the interval; 68% of them should lie between −1 and 1. That of a nuisance "
    "parameter is its distance from the expected value in units of what is known beforehand.",
    "−2 ln L, χ²": "How badly the best fit describes the data, and the distribution of that where the expected events "
    "are right.",
    "Bootstrap": "The same computation on sets that are drawn with replacement, to see how much of a number is chance.",
}

_FOLDER = Path(__file__).parent

Row = tuple[object, ...]


@dataclass(frozen=True)
class Plot:
    """A plot with its caption; `svg` is an SVG element."""

    title: str
    text: str
    svg: str


@dataclass(frozen=True)
class Section:
    """Plots below a headline; whether they show intervals, whose colours are then explained."""

    title: str
    plots: Sequence[Plot]
    shows_intervals: bool = False


def write_report(
    path: Path,
    scores: Scores,
    bootstrap: Bootstrap | None = None,
    settings: Mapping[str, object] | None = None,
    seconds_per_experiment: float | None = None,
    warnings: Sequence[str] = (),
    further: Mapping[str, Sequence[Distribution]] | None = None,
    nuisance: Sequence[Mapping[str, DoubleArray]] = (),
) -> None:
    """Write the report: one HTML file that needs no other file and no network.

    Arguments:
        path: the file to write.
        scores: of the run.
        bootstrap: those of the final phase, or None.
        settings: texts that say what was run, such as {"Submission": "model.py", "Seed": "42"}.
        seconds_per_experiment: seconds for one pseudo-experiment, where known.
        warnings: texts to show beside those of `scores.warnings`.
        further: plots of what is known of the pseudo-experiments beyond the four numbers, by the titles of sections.
        nuisance: of each set, the true values of nuisance parameters, by their names; empty where they are not known.

    Raises:
        OSError: the file cannot be written.
    """
    texts = {name: str(value) for name, value in (settings or {}).items()}
    nuisance = nuisance or [{}] * len(scores.sets)
    low, high = coverage_band(scores.size)
    sections = [Section("Against the true μ", _against_mu(scores))]
    if bootstrap is not None:
        sections.append(Section(f"Final phase: {BOOTSTRAPS} bootstraps of the sets", _bootstraps(bootstrap, scores)))
    for title, plots in (further or {}).items():
        if plots:
            sections.append(Section(title, [Plot(*shown) for shown in plots]))
    sections.append(Section("Intervals of each set", _sets(scores), shows_intervals=True))
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    environment.policies["json.dumps_kwargs"] = {}  # the keys in our order
    page = environment.get_template("report.html.jinja").render(
        style=style(),
        warnings=[*scores.warnings, *warnings],
        tiles=_tiles(scores, seconds_per_experiment),
        verdict="below" if scores.coverage < low else "above" if scores.coverage > high else "within",
        band=(low, high),
        scores=scores,
        settings=texts,
        sections=sections,
        words=[(word, meaning) for word, meaning in WORDS.items() if bootstrap or word != "Bootstrap"],
        tables=_tables(scores, bootstrap),
        experiments=[_experiments(score, values) for score, values in zip(scores.sets, nuisance)],
        content=_content(scores, bootstrap, texts, seconds_per_experiment, nuisance),
    )
    with replaced(path, "wb") as file:
        file.write(page.encode(errors="backslashreplace"))  # the name of a file may hold bytes that are no text


def style() -> str:
    """The style sheet of this project's pages."""
    return (_FOLDER / "report.css").read_text(encoding="utf-8")


def _tiles(scores: Scores, seconds_per_experiment: float | None) -> list[tuple[str, str, str]]:
    """The numbers at the top: name, value and what stands small beside it."""
    tiles = [
        ("Score", number(scores.quantiles_score), " to ".join(map(number, scores.score_quantiles))),
        ("Interval", number(scores.interval), f"± {number(scores.interval_error)}"),
        ("Coverage", number(scores.coverage), coverage_text(scores).partition(" ")[2]),
        ("Penalty f", f"{scores.f:.4g}", ""),
        ("RMSE", number(scores.rmse), ""),
        ("MAE", number(scores.mae), ""),
        ("Intervals", str(scores.size), f"in {len(scores.sets)} sets"),
    ]
    if seconds_per_experiment is not None:
        tiles.append(("Time", f"{seconds_per_experiment:.3g} s", "each"))
    return tiles


def _against_mu(scores: Scores) -> list[Plot]:
    residuals = np.concatenate([score.mu_hats - score.mu for score in scores.sets])
    mean, deviation = float(np.mean(residuals)), float(np.std(residuals))
    return [
        _plot(
            "Coverage",
            "Share of each set's intervals that hold the true μ, with its 68% interval (Wilson's). "
            "Dashed: all sets; line: 0.6827.",
            figures.coverage_against_mu,
            scores,
        ),
        _plot(
            "Interval",
            "Mean width of each set's intervals, with its error.",
            figures.interval_against_mu,
            scores,
        ),
        _plot(
            "Pull",
            "(μ̂ − μ) / (half the interval). Point and thick bar: the median and its error; thin bar: the central 68%.",
            figures.pull_against_mu,
            scores,
        ),
        _plot(
            "μ̂ against μ",
            "The estimates of each set. Point and thick bar: the mean and its error; thin bar: the standard deviation; "
            "line: μ̂ = μ.",
            figures.estimate_against_mu,
            scores,
        ),
        _plot(
            "Ends of the intervals",
            "Each p16 and p84. Line: the true μ.",
            figures.ends_against_mu,
            scores,
        ),
        _plot(
            "Estimates",
            f"μ̂ − μ of all sets. Mean {number(mean)} ± {number(deviation / np.sqrt(len(residuals)))}, "
            f"standard deviation {number(deviation)}. Line: 0.",
            figures.histogram,
            residuals,
            "μ̂ − μ",
            0,
        ),
        _plot(
            "Score",
            "Of each set on its own. Bar: the central 68% where its pseudo-experiments are redrawn.",
            figures.score_against_mu,
            scores,
        ),
    ]


def _bootstraps(bootstrap: Bootstrap, scores: Scores) -> list[Plot]:
    numbers = bootstrap.summary()
    return [
        _plot(
            title,
            f"Mean {number(numbers[name]['mean'])}, standard deviation {number(numbers[name]['std'])}. "
            "Line: without bootstrap.",
            figures.histogram,
            getattr(bootstrap, name),
            title.lower(),
            getattr(scores, name),
        )
        for name, title in BOOTSTRAPPED.items()
    ]


def _sets(scores: Scores) -> list[Plot]:
    return [
        _plot(
            f"Set {i}",
            f"μ = {score.mu:.4f}, coverage {coverage_text(score)}, "
            f"interval {number(score.interval)}, score {number(score.quantiles_score)}",
            figures.intervals,
            score,
        )
        for i, score in enumerate(scores.sets)
    ]


def _plot(title: str, text: str, figure: Callable[..., str], *arguments: object) -> Plot:
    """A plot of `figures`, called with its description and `arguments`, with its caption."""
    return Plot(title, text, figure(f"{title}. {text}", *arguments))


def _tables(scores: Scores, bootstrap: Bootstrap | None) -> list[tuple[Row, list[Row]]]:
    """Head and rows of the tables of all sets and of the bootstraps."""
    heads = (
        *("Set", "N", "μ", "mean μ̂", "std μ̂", "RMSE", "MAE", "interval", "coverage", "f"),
        *("score", "score 16/84%", "pull 16/50/84%"),
    )
    rows: list[Row] = [
        (
            *(
                i,
                score.size,
                number(score.mu),
                number(float(np.mean(score.mu_hats))),
                number(float(np.std(score.mu_hats))),
            ),
            *_score_cells(score),
            *(_quantiles(score.score_quantiles), _quantiles(score.pull_quantiles) if len(score.pulls) else ""),
        )
        for i, score in enumerate(scores.sets)
    ]
    tables: list[tuple[Row, list[Row]]] = [
        (heads, [*rows, ("all", scores.size, "", "", "", *_score_cells(scores), "", "")])
    ]
    if bootstrap is not None:
        numbers = bootstrap.summary()
        rows = [(title, *map(number, numbers[name].values())) for name, title in BOOTSTRAPPED.items()]
        tables.append(((f"{BOOTSTRAPS} bootstraps", "mean", "standard deviation"), rows))
    return tables


def _score_cells(score: Scores | SetScore) -> Row:
    """The cells from RMSE to score."""
    return (
        number(score.rmse),
        number(score.mae),
        f"{number(score.interval)} ± {number(score.interval_error)}",
        coverage_text(score),
        f"{score.f:.4g}",
        number(score.quantiles_score),
    )


def _quantiles(values: DoubleArray) -> str:
    return " / ".join(f"{value:.2f}" for value in values)


def _experiments(score: SetScore, nuisance: Mapping[str, DoubleArray]) -> tuple[Row, list[Row]]:
    """Head of the table of a set, and a row for each of its pseudo-experiments."""
    columns = [*(getattr(score, name) for name in RESULT_LISTS), *nuisance.values()]
    head = ("Pseudo-experiment", "μ̂", "Δμ̂", "p16", "p84", *(f"true {name}" for name in nuisance))
    return head, list(zip(range(score.size), *(map(number, column) for column in columns)))


def _content(
    scores: Scores,
    bootstrap: Bootstrap | None,
    settings: Mapping[str, str],
    seconds_per_experiment: float | None,
    nuisance: Sequence[Mapping[str, DoubleArray]],
) -> dict[str, Any]:
    """All numbers as JSON can hold them, those of each pseudo-experiment too."""

    def summary(score: Score) -> dict[str, Any]:
        names = ("rmse", "mae", "interval", "interval_error", "coverage", "coverage_error", "size", "f")
        return {name: getattr(score, name) for name in (*names, "quantiles_score")}

    return {
        "settings": settings,
        "seconds_per_experiment": seconds_per_experiment,
        "scores": summary(scores),
        "bootstrap": bootstrap.summary() if bootstrap is not None else None,
        "sets": [
            {"mu": score.mu, **summary(score)}
            | {name: np.round(getattr(score, name), 6).tolist() for name in ("score_quantiles", *RESULT_LISTS)}
            | {"nuisance": {name: np.round(column, 6).tolist() for name, column in values.items()}}
            for score, values in zip(scores.sets, nuisance)
        ],
    }
