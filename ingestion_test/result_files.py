"""Files of a run's results: what an ingestion left is read and checked, `scores.json` is written.

Both are those of the official program (docs/protocol.md#output-files).
"""

from __future__ import annotations

import os
import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from runtime.errors import ChallengeError
from runtime.files import parsed_json, write_json

from .schema import RESULT_LISTS
from .scoring import Bootstrap, Scores

#: What is larger is no estimate; the fourth power in `rmse` of what is smaller does not overflow.
ESTIMATE_LIMIT = 1e50


@dataclass(frozen=True)
class Predictions:
    """What an ingestion left in its output folder.

    Arguments:
        settings: content of `test_settings.json`; its "ground_truth_mus" has the true mu of each set.
        results: content of each `result_{i}.json`.
        ingestion_duration: in minutes.
    """

    settings: dict[str, Any]
    results: list[dict[str, list[float]]]
    ingestion_duration: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """Texts about sets that are shorter or longer than the settings say."""
        expected = self.settings.get("num_pseudo_experiments")
        return tuple(
            f"result_{i}.json has {len(result['p16'])} pseudo-experiments, test_settings.json says {expected}"
            for i, result in enumerate(self.results)
            if expected is not None and len(result["p16"]) != expected
        )


def load_predictions(folder: str | os.PathLike[str], reference: str | os.PathLike[str] | None = None) -> Predictions:
    """Read and check the output folder of an ingestion, ours or the official one.

    Arguments:
        folder: the output folder.
        reference: folder whose `settings/data.json` stands for a missing `test_settings.json`, as in the official
            program.

    Raises:
        ChallengeError: a file is missing, no JSON, or does not hold the numbers that it should; names file and remedy.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ChallengeError(f"{folder} is no folder: give the output folder of an ingestion")
    settings_file = folder / "test_settings.json"
    if reference is not None and not settings_file.exists():
        stand_in = Path(reference, "settings", "data.json")
        settings_file = stand_in if stand_in.exists() else settings_file
    settings = _read_object(settings_file)
    _check_numbers(settings_file, settings, "ground_truth_mus")
    names = [f"result_{i}.json" for i in range(len(settings["ground_truth_mus"]))]
    extra = {path.name for path in folder.glob("result_*.json")} - set(names)
    if extra:
        raise ChallengeError(
            f"{folder / min(extra)}: {settings_file.name} has only {len(names)} ground_truth_mus; "
            "remove what is left of another run, or run the ingestion again into an empty folder"
        )
    duration = _read_object(folder / "ingestion_duration.json").get("ingestion_duration")
    if not is_finite(duration):
        raise ChallengeError(
            f"{folder / 'ingestion_duration.json'}: 'ingestion_duration' must be a number of minutes, "
            f"not {reprlib.repr(duration)}; run the ingestion again"
        )
    return Predictions(settings, [_read_result(folder / name) for name in names], duration)


def _read_result(path: Path) -> dict[str, list[float]]:
    result = _read_object(path)
    for key in RESULT_LISTS:
        _check_numbers(path, result, key)
        if len(result[key]) != len(result["mu_hats"]):
            raise ChallengeError(
                f"{path}: {len(result[key])} numbers in {key!r}, {len(result['mu_hats'])} in 'mu_hats'; "
                "run the ingestion of this set again"
            )
    return result


def _check_numbers(path: Path, content: dict[str, Any], key: str) -> None:
    values = content.get(key)
    if not isinstance(values, list) or not values:
        raise ChallengeError(f"{path}: {key!r} must be a list of numbers that is not empty; run the ingestion again")
    for index, value in enumerate(values):
        if not is_finite(value):
            raise ChallengeError(
                f"{path}: {key!r} has {reprlib.repr(value)} at index {index}, which is no finite number "
                f"below {ESTIMATE_LIMIT:g}; mend the submission's predict() and run the ingestion again"
            )


def is_finite(value: object) -> TypeGuard[float]:
    """Whether `value`, out of a JSON file, is a number that scores can be computed from."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < ESTIMATE_LIMIT


def _read_object(path: Path) -> dict[str, Any]:
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


def write_scores(path: Path, scores: Scores, ingestion_duration: float, bootstrap: Bootstrap | None = None) -> None:
    """Write `scores.json`: the official keys, not rounded, and, with `bootstrap`, its means and standard deviations.

    Arguments:
        ingestion_duration: in minutes.
        bootstrap: adds `bootstrap_{interval,coverage,quantiles_score}_{mean,std}`.
    """
    names = ("rmse", "mae", "interval", "coverage", "quantiles_score")
    content: dict[str, float] = {name: getattr(scores, name) for name in names}
    content["ingestion_duration"] = ingestion_duration
    if bootstrap is not None:
        for name, numbers in bootstrap.summary().items():
            content |= {f"bootstrap_{name}_{key}": number for key, number in numbers.items()}
    write_json(path, content)
