"""The scores as text: how a number is written, and the table at the end of a run."""

from __future__ import annotations

from runtime.tables import Table

from .scoring import BOOTSTRAPS, Bootstrap, Score, Scores, share_interval


def number(value: float) -> str:
    """Text of a dimensionless number: four decimals, or four digits where it is large."""
    return f"{value:.4f}" if abs(value) < 1e4 else f"{value:.4g}"


def coverage_text(score: Score) -> str:
    """A coverage with its statistical error, which goes one way alone where no interval covers, or every one.

    Example:
        >>> coverage_text(Score(rmse=0.2, mae=0.3, interval=0.4, coverage=0.0, size=4))
        '0.0000 + 0.2000'
    """
    return share_text(score.coverage, score.size, score.coverage_error)


def share_text(share: float, size: int, error: float) -> str:
    """A share of `size` cases with its error, or with one that goes one way where it is 0 or 1."""
    if 0 < share < 1:
        return f"{number(share)} ± {number(error)}"
    low, high = share_interval(share, size)
    return f"{number(share)} {'-' if share else '+'} {number(high - low)}"


def summary_table(
    scores: Scores, seconds_per_experiment: float | None = None, bootstrap: Bootstrap | None = None
) -> str:
    """The end of a run as plain text, at most 100 columns wide.

    Arguments:
        seconds_per_experiment: seconds for one pseudo-experiment, where known.
        bootstrap: shown below as means and standard deviations.
    """
    columns = {
        "RMSE": number(scores.rmse),
        "MAE": number(scores.mae),
        "interval": number(scores.interval),
        "coverage": coverage_text(scores),
        "f": f"{scores.f:.4g}",
        "score": number(scores.quantiles_score),
    }
    if seconds_per_experiment is not None:
        columns["s / pseudo-experiment"] = f"{seconds_per_experiment:.3g}"
    lines = [Table(list(columns), [list(columns.values())]).text()]
    if bootstrap is not None:
        numbers = bootstrap.summary()
        texts = [
            f"{label} {number(numbers[name]['mean'])} ± {number(numbers[name]['std'])}"
            for label, name in (("interval", "interval"), ("coverage", "coverage"), ("score", "quantiles_score"))
        ]
        lines.append(f"{BOOTSTRAPS} bootstraps: " + ", ".join(texts))
    return "\n".join(lines)
