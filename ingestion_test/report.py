"""`detailed_results.html`: one file with all that a run of the challenge gave, for screen, phone and paper."""

# ruff: noqa: RUF001 (Greek letters and minus signs are meant)

import html
import json
from pathlib import Path

import numpy as np

from runtime.files import replaced

from . import figures
from .schema import RESULT_LISTS
from .score_table import number
from .scoring import BOOTSTRAPS, coverage_band

#: What the final phase bootstraps, and how it is called here.
BOOTSTRAPPED = {"quantiles_score": "Score", "coverage": "Coverage", "interval": "Interval"}


def write_report(path, scores, bootstrap=None, settings=None, seconds_per_experiment=None, warnings=()):
    """Write the report: one HTML file that needs no other file and no network.

    Arguments:
        path: the file to write.
        scores: `scoring.Scores`.
        bootstrap: `scoring.Bootstrap` of the final phase, or None.
        settings: dict of texts that say what was run, such as {"Submission": "model.py", "Seed": "42"}.
        seconds_per_experiment: seconds for one pseudo-experiment, where known.
        warnings: texts to show beside those of `scores.warnings`.

    Raises:
        OSError: the file cannot be written.
    """
    sections = [
        "<h1>FAIR Universe HiggsML: detailed results</h1>",
        _warnings([*scores.warnings, *warnings]),
        _summary(scores, settings or {}, seconds_per_experiment),
        _against_mu(scores),
        _bootstrap(bootstrap, scores) if bootstrap is not None else "",
        _sets(scores),
        _numbers(scores, bootstrap),
        _embedded(scores, bootstrap, settings or {}, seconds_per_experiment),
    ]
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>HiggsML: detailed results</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )
    with replaced(path, "wb") as file:
        file.write(page.encode(errors="backslashreplace"))  # the name of a file may hold bytes that are no text


def _warnings(texts):
    if not texts:
        return ""
    return '<div class="warnings" role="alert">' + "".join(f"<p>{html.escape(text)}</p>" for text in texts) + "</div>"


def _summary(scores, settings, seconds_per_experiment):
    low, high = coverage_band(scores.size)
    verdict = "below" if scores.coverage < low else "above" if scores.coverage > high else "within"
    tiles = {
        "Score": number(scores.quantiles_score),
        "Interval": f"{number(scores.interval)} <small>± {number(scores.interval_error)}</small>",
        "Coverage": f"{number(scores.coverage)} <small>± {number(scores.coverage_error)}</small>",
        "Penalty f": f"{scores.f:.4g}",
        "RMSE": number(scores.rmse),
        "MAE": number(scores.mae),
        "Intervals": f"{scores.size} <small>in {len(scores.sets)} sets</small>",
    }
    if seconds_per_experiment is not None:
        tiles["Time"] = f"{seconds_per_experiment:.3g} s <small>each</small>"
    return (
        '<dl class="tiles">'
        + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles.items())
        + f"</dl><p>The coverage is {verdict} the range that is not penalised, {low:.4f} to {high:.4f} "
        f"(0.6827 ± 2σ₆₈, {scores.size} intervals). Score = −ln((interval + 0.001) f), the larger the better; μ = 1 is "
        "the signal strength of the Standard Model, and every number but the time is dimensionless.</p>"
        + (_table((), [(name, html.escape(str(text))) for name, text in settings.items()], "texts") if settings else "")
    )


def _against_mu(scores):
    residuals = np.concatenate([one.mu_hats - one.mu for one in scores.sets])
    return _figures(
        "Against the true μ",
        _figure(
            "Coverage",
            "Share of each set's intervals that hold the true μ, with its error √(c(1−c)/N). "
            "Dashed: all sets; line: 0.6827.",
            figures.coverage_against_mu,
            scores,
        ),
        _figure(
            "Interval",
            "Mean width of each set's intervals, with its error.",
            figures.interval_against_mu,
            scores,
        ),
        _figure(
            "Pull",
            "(μ̂ − μ) / (half the interval). Point and thick bar: the median and its error; thin bar: the central 68%.",
            figures.pull_against_mu,
            scores,
        ),
        _figure(
            "Ends of the intervals",
            "Each p16 and p84. Line: the true μ.",
            figures.ends_against_mu,
            scores,
        ),
        _figure(
            "Estimates",
            f"μ̂ − μ of all sets. Mean {number(np.mean(residuals))} ± "
            f"{number(np.std(residuals) / np.sqrt(len(residuals)))}, standard deviation {number(np.std(residuals))}. "
            "Line: 0.",
            figures.histogram,
            residuals,
            "μ̂ − μ",
            0,
        ),
        _figure(
            "Score",
            "Of each set on its own. Bar: the central 68% where its pseudo-experiments are redrawn.",
            figures.score_against_mu,
            scores,
        ),
    )


def _bootstrap(bootstrap, scores):
    numbers = bootstrap.summary()
    return _figures(
        f"Final phase: {BOOTSTRAPS} bootstraps of the sets",
        *(
            _figure(
                title,
                f"Mean {number(numbers[name]['mean'])}, standard deviation {number(numbers[name]['std'])}. "
                "Line: without bootstrap.",
                figures.histogram,
                getattr(bootstrap, name),
                title.lower(),
                getattr(scores, name),
            )
            for name, title in BOOTSTRAPPED.items()
        ),
    )


def _sets(scores):
    key = (
        '<p class="soft">From p16 to p84, in the order of the pseudo-experiments: '
        '<span class="key"><i class="covered"></i>holds the true μ</span> '
        '<span class="key"><i class="missed"></i>misses it</span> '
        '<span class="key"><i></i>true μ</span> <span class="key"><i class="mean"></i>mean estimate</span></p>'
    )
    plots = (
        _figure(
            f"Set {i}",
            f"μ = {one.mu:.4f}, coverage {one.coverage:.3f} ± {one.coverage_error:.3f}, "
            f"interval {number(one.interval)}, score {number(one.quantiles_score)}",
            figures.intervals,
            one,
        )
        for i, one in enumerate(scores.sets)
    )
    return _figures("Intervals of each set", *plots, key=key)


def _figures(title, *plots, key=""):
    return f'<h2>{title}</h2>{key}<div class="figures">{"".join(plots)}</div>'


def _figure(title, text, plot, *arguments):
    """A plot of `figures`, called with `arguments` and its description, above its caption."""
    svg = plot(*arguments, label=f"{title}. {text}")
    return f"<figure>{svg}<figcaption><b>{title}.</b> {text}</figcaption></figure>"


def _numbers(scores, bootstrap):
    heads = (
        *("Set", "N", "μ", "mean μ̂", "std μ̂", "RMSE", "MAE", "interval", "coverage", "f"),
        *("score", "score 16/84%", "pull 16/50/84%"),
    )
    rows = [
        (
            *(i, one.size, number(one.mu), number(np.mean(one.mu_hats)), number(np.std(one.mu_hats)), *_scores(one)),
            *(_row(one.score_quantiles), _row(one.pull_quantiles) if len(one.pulls) else ""),
        )
        for i, one in enumerate(scores.sets)
    ]
    tables = _table(heads, [*rows, ("all", scores.size, "", "", "", *_scores(scores), "", "")])
    if bootstrap is not None:
        numbers = bootstrap.summary()
        rows = [(title, *map(number, numbers[name].values())) for name, title in BOOTSTRAPPED.items()]
        tables += _table((f"{BOOTSTRAPS} bootstraps", "mean", "standard deviation"), rows)
    return f"<h2>Numbers</h2>{tables}" + "".join(_experiments(i, one) for i, one in enumerate(scores.sets))


def _scores(score):
    """The cells from RMSE to score."""
    return (
        number(score.rmse),
        number(score.mae),
        f"{number(score.interval)} ± {number(score.interval_error)}",
        f"{score.coverage:.3f} ± {score.coverage_error:.3f}",
        f"{score.f:.4g}",
        number(score.quantiles_score),
    )


def _row(values):
    return " / ".join(f"{value:.2f}" for value in values)


def _experiments(i, one):
    """Each pseudo-experiment of set `i`, folded."""
    rows = zip(range(one.size), *(map(number, getattr(one, name)) for name in RESULT_LISTS))
    table = _table(("Pseudo-experiment", "μ̂", "Δμ̂", "p16", "p84"), rows)
    return f"<details><summary>Set {i}, each pseudo-experiment</summary>{table}</details>"


def _embedded(scores, bootstrap, settings, seconds_per_experiment):
    """All numbers as JSON within the page, those of each pseudo-experiment too."""

    def summary(score):
        names = ("rmse", "mae", "interval", "interval_error", "coverage", "coverage_error", "size", "f")
        return {name: getattr(score, name) for name in (*names, "quantiles_score")}

    content = {
        "settings": {name: str(text) for name, text in settings.items()},
        "seconds_per_experiment": seconds_per_experiment,
        "scores": summary(scores),
        "bootstrap": bootstrap.summary() if bootstrap is not None else None,
        "sets": [
            {"mu": one.mu, **summary(one)}
            | {name: np.round(getattr(one, name), 6).tolist() for name in ("score_quantiles", *RESULT_LISTS)}
            for one in scores.sets
        ],
    }
    # No "<" within, lest a text end the element.
    text = json.dumps(content).replace("<", "\\u003c")
    return (
        '<p class="soft">All of this is in this file as JSON too: the script element "results".</p>\n'
        f'<script type="application/json" id="results">{text}</script>'
    )


def _table(heads, rows, kind="numbers"):
    head = "".join(f'<th scope="col">{cell}</th>' for cell in heads)
    body = "".join(
        f"<tr><th>{html.escape(str(first))}</th>" + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    # The box can be scrolled with the keyboard too.
    return (
        f'<div class="scroll" tabindex="0"><table class="{kind}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
