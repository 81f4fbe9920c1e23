"""`detailed_results.html`: one file with all that a run of the challenge gave, for screen, phone and paper."""

# ruff: noqa: RUF001 (Greek letters and minus signs are meant)

import html
import json
from pathlib import Path

import numpy as np

from . import figures
from .files import replaced
from .scoring import BOOTSTRAPS, coverage_band


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
    with replaced(path) as file:
        file.write(
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>HiggsML: detailed results</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        )
        file.write("\n".join(sections))
        file.write("\n</body>\n</html>\n")


def _warnings(texts):
    if not texts:
        return ""
    return '<div class="warnings" role="alert">' + "".join(f"<p>{html.escape(text)}</p>" for text in texts) + "</div>"


def _summary(scores, settings, seconds_per_experiment):
    low, high = coverage_band(scores.size)
    verdict = "within" if low <= scores.coverage <= high else "below" if scores.coverage < low else "above"
    tiles = {
        "Score": _number(scores.quantiles_score),
        "Interval": _number(scores.interval),
        "Coverage": f"{_number(scores.coverage)} <small>± {_number(scores.coverage_error)}</small>",
        "Penalty f": f"{scores.f:.4g}",
        "RMSE": _number(scores.rmse),
        "MAE": _number(scores.mae),
        "Pseudo-experiments": f"{scores.size} <small>in {len(scores.sets)} sets</small>",
    }
    if seconds_per_experiment is not None:
        tiles["Time"] = f"{seconds_per_experiment:.3g} s <small>per pseudo-experiment</small>"
    return (
        '<dl class="tiles">'
        + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles.items())
        + "</dl>"
        + f"<p>The coverage is {verdict} the range {low:.4f} to {high:.4f} (0.6827 ± 2σ₆₈, {scores.size} intervals) that "
        "is not penalised. Score = −ln((interval + 0.001) f), the larger the better; μ = 1 is the signal strength of "
        "the Standard Model, and every number but the time is dimensionless.</p>"
        + _table([], [(name, html.escape(str(text))) for name, text in settings.items()], kind="texts")
    )


def _against_mu(scores):
    estimates = np.concatenate([one.mu_hats - one.mu for one in scores.sets])
    mean, spread = np.mean(estimates), np.std(estimates)
    return (
        '<h2>Against the true μ</h2><div class="figures">'
        + "".join(
            [
                _figure(
                    figures.coverage_against_mu,
                    scores,
                    "Coverage",
                    "share of each set's intervals that hold the true μ, with its error √(c(1−c)/N). "
                    "Dashed: all sets; line: 0.6827.",
                ),
                _figure(
                    figures.interval_against_mu,
                    scores,
                    "Interval",
                    "mean width of each set's intervals, with its error.",
                ),
                _figure(figures.score_against_mu, scores, "Score", "of each set on its own."),
                _figure(
                    figures.pull_against_mu,
                    scores,
                    "Pull",
                    "(μ̂ − μ) / (half the interval): thick bars the mean and its error, thin bars the standard deviation.",
                ),
                _figure(
                    figures.ends_against_mu, scores, "Ends of the intervals", "each p16 and p84; line: the true μ."
                ),
                _histogram(
                    estimates, "μ̂ − μ", 0, "Estimates", f"mean {mean:.4f}, standard deviation {spread:.4f}; line: 0."
                ),
            ]
        )
        + "</div>"
    )


def _bootstrap(bootstrap, scores):
    names = {"quantiles_score": "Score", "coverage": "Coverage", "interval": "Interval"}
    numbers = bootstrap.summary()
    return (
        f'<h2>Final phase: {BOOTSTRAPS} bootstraps of the sets</h2><div class="figures">'
        + "".join(
            _histogram(
                getattr(bootstrap, name),
                title.lower(),
                getattr(scores, name),
                title,
                f"mean {numbers[name]['mean']:.4f}, standard deviation {numbers[name]['std']:.4f}; line: all sets once.",
            )
            for name, title in names.items()
        )
        + "</div>"
    )


def _sets(scores):
    return (
        '<h2 class="new-page">Intervals of each set</h2><p class="soft">From p16 to p84, in the order of the pseudo-experiments: '
        f'<span class="key"><i style="color:{figures.BLUE}"></i>holds the true μ</span> '
        f'<span class="key"><i style="color:{figures.VERMILLION}"></i>misses it</span> '
        '<span class="key"><i></i>true μ</span> <span class="key"><i class="mean"></i>mean estimate</span></p>'
        '<div class="figures">'
        + "".join(
            _figure(
                figures.intervals,
                one,
                f"Set {i}: μ = {one.mu:.4f}",
                f"coverage {one.coverage:.3f} ± {one.coverage_error:.3f}, interval {one.interval:.4f}, "
                f"score {one.quantiles_score:.4f}",
            )
            for i, one in enumerate(scores.sets)
        )
        + "</div>"
    )


def _numbers(scores, bootstrap):
    heads = (
        "Set",
        "N",
        "μ",
        "mean μ̂",
        "std μ̂",
        "RMSE",
        "MAE",
        "interval",
        "coverage",
        "f",
        "score",
        "pull",
        "std pull",
    )
    rows = [
        (i, one.size, *map(_number, (one.mu, np.mean(one.mu_hats), np.std(one.mu_hats))), *_scores(one), *_pull(one))
        for i, one in enumerate(scores.sets)
    ]
    rows.append(("all", scores.size, "", "", "", *_scores(scores), "", ""))
    tables = _table(heads, rows)
    if bootstrap is not None:
        tables += _table(
            ("Bootstraps", "mean", "standard deviation"),
            [(name, _number(one["mean"]), _number(one["std"])) for name, one in bootstrap.summary().items()],
        )
    return f'<h2 class="new-page">Numbers</h2>{tables}'


def _scores(score):
    """The cells from RMSE to score."""
    return (
        _number(score.rmse),
        _number(score.mae),
        _number(score.interval),
        f"{score.coverage:.3f} ± {score.coverage_error:.3f}",
        f"{score.f:.4g}",
        _number(score.quantiles_score),
    )


def _pull(one):
    return (_number(np.mean(one.pulls)), _number(np.std(one.pulls))) if len(one.pulls) else ("", "")


def _embedded(scores, bootstrap, settings, seconds_per_experiment):
    """All numbers as JSON within the page, those of each pseudo-experiment too."""

    def numbers(score):
        names = ("rmse", "mae", "interval", "coverage", "coverage_error", "size", "f", "quantiles_score")
        return {name: getattr(score, name) for name in names}

    lists = ("mu_hats", "delta_mu_hats", "p16", "p84")
    content = {
        "settings": {name: str(text) for name, text in settings.items()},
        "seconds_per_experiment": seconds_per_experiment,
        "scores": numbers(scores),
        "bootstrap": bootstrap.summary() if bootstrap is not None else None,
        "sets": [
            {"mu": one.mu, **numbers(one), **{name: np.round(getattr(one, name), 6).tolist() for name in lists}}
            for one in scores.sets
        ],
    }
    # No "<" within, lest a text end the element.
    text = json.dumps(content).replace("<", "\\u003c")
    return (
        '<p class="soft">All of this, each pseudo-experiment included, is in this file as JSON: the script element '
        f'"results".</p>\n<script type="application/json" id="results">{text}</script>'
    )


def _figure(plot, scores, title, text):
    return f"<figure>{plot(scores, f'{title}: {text}')}<figcaption><b>{title}</b> {text}</figcaption></figure>"


def _histogram(values, xlabel, reference, title, text):
    return _figure(lambda values, label: figures.histogram(values, label, xlabel, reference), values, title, text)


def _table(heads, rows, kind=""):
    if not rows:
        return ""
    head = "<thead><tr>" + "".join(f'<th scope="col">{cell}</th>' for cell in heads) + "</tr></thead>" if heads else ""
    body = "".join(
        f'<tr><th scope="row">{html.escape(str(first))}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    # The box can be scrolled with the keyboard too.
    return f'<div class="scroll" tabindex="0"><table class="{kind}">{head}<tbody>{body}</tbody></table></div>'


def _number(value):
    return f"{value:.4f}"
