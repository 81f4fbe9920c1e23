"""Scores of the challenge: per set, overall and of the final phase's bootstraps (docs/protocol.md#score).

mu, its estimates and the ends of its intervals are dimensionless (mu = 1: the Standard Model's signal), so that every
number here is dimensionless too, save the ingestion's duration.

Example:
    >>> result = {"mu_hats": [1.1, 0.7], "delta_mu_hats": [0.1, 0.1], "p16": [1.0, 0.6], "p84": [2.0, 0.8]}
    >>> scores = score_sets([1.0], [result])
    >>> round(scores.interval, 3), scores.coverage
    (0.6, 0.5)
"""

import reprlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.errors import ChallengeError
from runtime.files import parsed_json, write_json

from .schema import RESULT_LISTS

#: Coverage that an interval should have.
ONE_SIGMA = 0.6827
#: Added to the mean width, so that a width of 0 has a finite score.
EPSILON = 1e-3
#: Number of bootstraps of the final phase; number b is drawn with the seed BOOTSTRAP_SEED + b.
BOOTSTRAPS, BOOTSTRAP_SEED = 1000, 42
#: How often the pseudo-experiments of a set are redrawn for the error of its score.
REDRAWN = 400
#: What is larger is no estimate; the fourth power in `rmse` of what is smaller does not overflow.
ESTIMATE_LIMIT = 1e50


def rmse(mu, mu_hats, delta_mu_hats):
    """Mean of sqrt((mu_hat - mu)^2 + ((mu_hat - mu)^2 - delta^2)^2) over arrays (experiments,)."""
    squares = (mu_hats - mu) ** 2
    return np.mean(np.sqrt(squares + (squares - delta_mu_hats**2) ** 2))


def mae(mu, mu_hats, delta_mu_hats):
    """Mean of |mu_hat - mu| + ||mu_hat - mu| - delta| over arrays (experiments,)."""
    distances = np.abs(mu_hats - mu)
    return np.mean(distances + np.abs(distances - delta_mu_hats))


def covered(mu, p16, p84):
    """Whether p16 <= mu <= p84, ends included; never so where p16 > p84."""
    return (p16 <= mu) & (mu <= p84)


def sigma68(size):
    """Standard deviation of the coverage of `size` perfect intervals: sqrt(0.6827 (1 - 0.6827) / N)."""
    return np.sqrt(ONE_SIGMA * (1 - ONE_SIGMA) * size) / size


def coverage_band(size):
    """Ends of the coverages that are not penalised: 0.6827 - 2 sigma68 and 0.6827 + 2 sigma68."""
    return ONE_SIGMA - 2 * sigma68(size), ONE_SIGMA + 2 * sigma68(size)


def coverage_penalty(coverage, size):
    """f: 1 within the band, 1 + (distance / sigma68)^4 below it and 1 + (distance / sigma68)^3 above it."""
    low, high = coverage_band(size)
    below, above = np.maximum(0, low - coverage), np.maximum(0, coverage - high)
    return 1 + (below / sigma68(size)) ** 4 + (above / sigma68(size)) ** 3


def quantiles_score(interval, coverage, size):
    """-ln((w + 1e-3) f) of mean widths w, coverages and numbers of intervals, arrays or numbers; larger is better."""
    return -np.log((interval + EPSILON) * coverage_penalty(coverage, size))


@dataclass(frozen=True)
class Score:
    """Scores of one set or of all.

    Arguments:
        rmse, mae: of one set, or the mean of the sets' values.
        interval: mean width |p84 - p16|.
        coverage: share of the intervals with p16 <= mu <= p84.
        size: number of intervals.
    """

    rmse: float
    mae: float
    interval: float
    coverage: float
    size: int

    @property
    def coverage_error(self):
        """Statistical error of the coverage, sqrt(c (1 - c) / N)."""
        return float(np.sqrt(self.coverage * (1 - self.coverage) / self.size))

    @property
    def f(self):
        """The penalty for a wrong coverage, `coverage_penalty`."""
        return float(coverage_penalty(self.coverage, self.size))

    @property
    def quantiles_score(self):
        """The challenge's score, `quantiles_score`."""
        return float(quantiles_score(self.interval, self.coverage, self.size))


@dataclass(frozen=True, eq=False)
class SetScore(Score):
    """Score of one set, with what it was made of: the true mu and the results, arrays (experiments,)."""

    mu: float
    mu_hats: np.ndarray
    delta_mu_hats: np.ndarray
    p16: np.ndarray
    p84: np.ndarray

    @property
    def widths(self):
        """|p84 - p16| of each interval."""
        return np.abs(self.p84 - self.p16)

    @property
    def interval_error(self):
        """Statistical error of the mean width."""
        return float(np.std(self.widths) / np.sqrt(self.size))

    @property
    def score_quantiles(self):
        """The 16% and 84% quantiles of the score where the set's pseudo-experiments are redrawn with replacement."""
        rows = np.random.default_rng(0).integers(self.size, size=(REDRAWN, self.size))
        coverage = covered(self.mu, self.p16, self.p84)[rows].mean(axis=1)
        return np.quantile(quantiles_score(self.widths[rows].mean(axis=1), coverage, self.size), (0.16, 0.84))

    @property
    def pulls(self):
        """(mu_hat - mu) / (half the width) of those intervals that have a width; ideally of mean 0 and deviation 1."""
        half = self.widths / 2
        wide = half > 0
        return (self.mu_hats - self.mu)[wide] / half[wide]

    @property
    def pull_quantiles(self):
        """The 16%, 50% and 84% quantiles of the pulls; unlike mean and deviation they bear very short intervals."""
        return np.quantile(self.pulls, (0.16, 0.5, 0.84))


@dataclass(frozen=True, eq=False)
class Scores(Score):
    """Overall score and, in `sets`, the score of each set."""

    sets: tuple[SetScore, ...]

    @property
    def interval_error(self):
        """Statistical error of the mean width, from the scatter within each set."""
        return float(np.sqrt(sum((one.size * one.interval_error) ** 2 for one in self.sets)) / self.size)

    @property
    def crossed(self):
        """Number of intervals with p16 > p84: they count with their width |p84 - p16| and never cover."""
        return sum(int(np.sum(one.p16 > one.p84)) for one in self.sets)

    @property
    def warnings(self):
        """Texts about results that were scored but should not be so."""
        if not self.crossed:
            return ()
        return (
            f"{self.crossed} of {self.size} intervals have p16 > p84: scored as the official program does, "
            "with the width |p84 - p16| and as not covering mu; mend the submission's predict()",
        )


def score_set(mu, result):
    """Score one set.

    Arguments:
        mu: the set's true signal strength.
        result: dict of the four lists `RESULT_LISTS` of finite numbers, equally long, as in `result_{i}.json`.

    Returns:
        `SetScore`.
    """
    mu_hats, delta_mu_hats, p16, p84 = (np.asarray(result[key], dtype=float) for key in RESULT_LISTS)
    return SetScore(
        rmse=float(rmse(mu, mu_hats, delta_mu_hats)),
        mae=float(mae(mu, mu_hats, delta_mu_hats)),
        interval=float(np.mean(np.abs(p84 - p16))),
        coverage=float(np.mean(covered(mu, p16, p84))),
        size=len(p16),
        mu=float(mu),
        mu_hats=mu_hats,
        delta_mu_hats=delta_mu_hats,
        p16=p16,
        p84=p84,
    )


def score_sets(ground_truth_mus, results):
    """Score all sets: rmse and mae are means of the sets' values, interval and coverage are over all intervals.

    Arguments:
        ground_truth_mus: the true mu of each set.
        results: for each set a dict as `score_set` takes it.

    Returns:
        `Scores`.
    """
    sets = tuple(score_set(mu, result) for mu, result in zip(ground_truth_mus, results))
    widths = np.concatenate([one.widths for one in sets])
    covers = np.concatenate([covered(one.mu, one.p16, one.p84) for one in sets])
    return Scores(
        rmse=float(np.mean([one.rmse for one in sets])),
        mae=float(np.mean([one.mae for one in sets])),
        interval=float(np.mean(widths)),
        coverage=float(np.mean(covers)),
        size=len(widths),
        sets=sets,
    )


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Interval, coverage and score of each bootstrap of the final phase, arrays (BOOTSTRAPS,)."""

    interval: np.ndarray
    coverage: np.ndarray
    quantiles_score: np.ndarray

    def summary(self):
        """Mean and standard deviation of each, as the dict {"interval": {"mean": ..., "std": ...}, ...}."""
        return {
            name: {"mean": float(np.mean(values)), "std": float(np.std(values))} for name, values in vars(self).items()
        }


def bootstrap(scores):
    """Redraw the sets of `scores` with replacement, as the final phase does, and score each draw.

    Coverage and interval of a draw are means of the drawn sets' values, N is the sum of their sizes.

    Returns:
        `Bootstrap`.
    """
    interval, coverage, size = (
        np.array([getattr(one, name) for one in scores.sets]) for name in ("interval", "coverage", "size")
    )
    count = len(scores.sets)
    drawn = np.stack([np.random.RandomState(BOOTSTRAP_SEED + b).choice(count, size=count) for b in range(BOOTSTRAPS)])
    interval, coverage = interval[drawn].mean(axis=1), coverage[drawn].mean(axis=1)
    return Bootstrap(interval, coverage, quantiles_score(interval, coverage, size[drawn].sum(axis=1)))


class Running:
    """Coverage and mean width of the intervals so far, for a progress bar: each `add` costs the same.

    Example:
        >>> running = Running()
        >>> running.add(1.0, p16=0.9, p84=1.3)
        >>> running.add(1.0, p16=0.4, p84=0.6)
        >>> print(running)
        coverage 0.500, interval 0.300
    """

    def __init__(self):
        self.size, self._covered, self._width = 0, 0, 0.0

    def add(self, mu, p16, p84):
        """Count one interval, whose true value is `mu`."""
        self.size += 1
        self._covered += bool(covered(mu, p16, p84))
        self._width += abs(p84 - p16)

    def __str__(self):
        if not self.size:
            return ""
        return f"coverage {self._covered / self.size:.3f}, interval {self._width / self.size:.3f}"


@dataclass(frozen=True)
class Predictions:
    """What an ingestion left in its output folder.

    Arguments:
        settings: content of `test_settings.json`; its "ground_truth_mus" has the true mu of each set.
        results: content of each `result_{i}.json`.
        ingestion_duration: in minutes.
    """

    settings: dict
    results: list
    ingestion_duration: float

    @property
    def warnings(self):
        """Texts about sets that are shorter or longer than the settings say."""
        expected = self.settings.get("num_pseudo_experiments")
        return tuple(
            f"result_{i}.json has {len(result['p16'])} pseudo-experiments, test_settings.json says {expected}"
            for i, result in enumerate(self.results)
            if expected is not None and len(result["p16"]) != expected
        )


def load_predictions(folder):
    """Read and check the output folder of an ingestion, ours or the official one.

    Raises:
        ChallengeError: a file is missing, no JSON, or does not hold the numbers that it should; names file and remedy.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ChallengeError(f"{folder} is no folder: give the output folder of an ingestion")
    settings = _read_object(folder / "test_settings.json")
    _check_numbers(folder / "test_settings.json", settings, "ground_truth_mus")
    names = [f"result_{i}.json" for i in range(len(settings["ground_truth_mus"]))]
    extra = {path.name for path in folder.glob("result_*.json")} - set(names)
    if extra:
        raise ChallengeError(
            f"{folder / min(extra)}: test_settings.json has only {len(names)} ground_truth_mus; "
            "remove what is left of another run, or run the ingestion again into an empty folder"
        )
    duration = _read_object(folder / "ingestion_duration.json").get("ingestion_duration")
    if not is_finite(duration):
        raise ChallengeError(
            f"{folder / 'ingestion_duration.json'}: 'ingestion_duration' must be a number of minutes, "
            f"not {reprlib.repr(duration)}; run the ingestion again"
        )
    return Predictions(settings, [_read_result(folder / name) for name in names], duration)


def _read_result(path):
    result = _read_object(path)
    for key in RESULT_LISTS:
        _check_numbers(path, result, key)
        if len(result[key]) != len(result["mu_hats"]):
            raise ChallengeError(
                f"{path}: {len(result[key])} numbers in {key!r}, {len(result['mu_hats'])} in 'mu_hats'; "
                "run the ingestion of this set again"
            )
    return result


def _check_numbers(path, content, key):
    values = content.get(key)
    if not isinstance(values, list) or not values:
        raise ChallengeError(f"{path}: {key!r} must be a list of numbers that is not empty; run the ingestion again")
    for index, value in enumerate(values):
        if not is_finite(value):
            raise ChallengeError(
                f"{path}: {key!r} has {reprlib.repr(value)} at index {index}, which is no finite number "
                f"below {ESTIMATE_LIMIT:g}; mend the submission's predict() and run the ingestion again"
            )


def is_finite(value):
    """Whether `value`, out of a JSON file, is a number that scores can be computed from."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < ESTIMATE_LIMIT


def _read_object(path):
    try:
        content = parsed_json(path)
    except FileNotFoundError:
        raise ChallengeError(f"{path} is missing: run the ingestion, or give the folder that it wrote to") from None
    except OSError as error:
        raise ChallengeError(f"{path} cannot be read ({error.strerror}): mend its permissions") from None
    except ValueError as error:
        raise ChallengeError(f"{path} is no JSON ({error}): run the ingestion again") from None
    if not isinstance(content, dict):
        raise ChallengeError(f"{path} must be a JSON object, not a {type(content).__name__}: run the ingestion again")
    return content


def write_scores(path, scores, ingestion_duration, bootstrap=None):
    """Write `scores.json`: the official keys, not rounded, and, with `bootstrap`, its means and standard deviations.

    Arguments:
        ingestion_duration: in minutes.
        bootstrap: a `Bootstrap`; adds `bootstrap_{interval,coverage,quantiles_score}_{mean,std}`.
    """
    content = {name: getattr(scores, name) for name in ("rmse", "mae", "interval", "coverage", "quantiles_score")} | {
        "ingestion_duration": ingestion_duration
    }
    if bootstrap is not None:
        for name, numbers in bootstrap.summary().items():
            content |= {f"bootstrap_{name}_{key}": number for key, number in numbers.items()}
    write_json(path, content)


def number(value):
    """Text of a dimensionless number: four decimals, or four digits where it is large."""
    return f"{value:.4f}" if abs(value) < 1e4 else f"{value:.4g}"


def summary_table(scores, seconds_per_experiment=None, bootstrap=None):
    """The end of a run as plain text, at most 100 columns wide.

    Arguments:
        seconds_per_experiment: seconds for one pseudo-experiment, where known.
        bootstrap: a `Bootstrap`, shown below as means and standard deviations.
    """
    columns = {
        "RMSE": number(scores.rmse),
        "MAE": number(scores.mae),
        "interval": number(scores.interval),
        "coverage": f"{number(scores.coverage)} +- {number(scores.coverage_error)}",
        "f": f"{scores.f:.4g}",
        "score": number(scores.quantiles_score),
    }
    if seconds_per_experiment is not None:
        columns["s / pseudo-experiment"] = f"{seconds_per_experiment:.3g}"
    widths = [max(len(name), len(text)) for name, text in columns.items()]
    lines = [
        "  ".join(name.rjust(width) for name, width in zip(columns, widths)),
        "  ".join(text.rjust(width) for text, width in zip(columns.values(), widths)),
    ]
    if bootstrap is not None:
        numbers = bootstrap.summary()
        texts = [
            f"{label} {number(numbers[name]['mean'])} +- {number(numbers[name]['std'])}"
            for label, name in (("interval", "interval"), ("coverage", "coverage"), ("score", "quantiles_score"))
        ]
        lines.append(f"{BOOTSTRAPS} bootstraps: " + ", ".join(texts))
    return "\n".join(lines)
