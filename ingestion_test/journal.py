"""The record of a run: a line for each finished pseudo-experiment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runtime.errors import ChallengeError
from runtime.record import Record

from .jobs import Outcome
from .pseudo_experiments import PseudoExperiment
from .result_files import is_finite
from .schema import PREDICTION_KEYS


class Journal:
    """Finished pseudo-experiments of a run, kept in a `runtime.record.Record`.

    Arguments:
        path, identity, resume: as for the record.

    Attributes:
        outcomes: each `Outcome` by set and index.
        seconds: duration of the run so far, earlier attempts included.

    Raises:
        ChallengeError: as the record, or one of its lines is no pseudo-experiment.
    """

    def __init__(self, path: str | Path, identity: Mapping[str, Any], resume: bool):
        self.outcomes: dict[tuple[int, int], Outcome] = {}
        self.seconds = 0.0
        self._record = Record(path, identity, resume, lambda line: self._keep(_outcome(line), line["run_seconds"]))

    def add(self, outcome: Outcome, seconds: float) -> None:
        """Record an `Outcome`; `seconds` is the run's duration so far, earlier attempts included."""
        self._record.add(_flat(outcome) | {"run_seconds": round(seconds, 3)})
        self._keep(outcome, seconds)

    def _keep(self, outcome: Outcome, seconds: float) -> None:
        self.outcomes[outcome.experiment.set_index, outcome.experiment.index] = outcome
        self.seconds = seconds


def read_journal(path: Path) -> tuple[dict[str, Any], list[Outcome]]:
    """What a journal holds, whose run may still be writing it: what the run is of, and its outcomes.

    Raises:
        ChallengeError: the file cannot be read, or is no journal.
    """
    try:
        content = path.read_bytes()
        first, *lines = (json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines())
        if not isinstance(first, dict):
            raise ValueError("its first line does not say which run it is")
        return first, [_outcome(line) for line in lines]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ChallengeError(f"{path} is no journal of a run ({error!r}): give the output folder of a run") from error


def _flat(outcome: Outcome) -> dict[str, Any]:
    timing = {name: round(getattr(outcome, name), 4) for name in ("seconds_events", "seconds_predict", "cpu_predict")}
    return asdict(outcome.experiment) | outcome.prediction | timing | {"further": outcome.further}


def _outcome(line: dict[str, Any]) -> Outcome:
    optional: dict[str, Any] = {"cpu_predict": 0.0, "further": {}}  # older journals do not have them
    line = optional | line
    whole = ("set_index", "index", "seed")
    numbers = (*whole, "mu", *PREDICTION_KEYS, "seconds_events", "seconds_predict", "cpu_predict", "run_seconds")
    for name in numbers:
        if not is_finite(line[name]) or (name in whole and not isinstance(line[name], int)):
            raise ValueError(f"{name} is {line[name]!r}")
    experiment = PseudoExperiment(line["set_index"], line["index"], line["seed"], line["mu"])
    prediction = {key: line[key] for key in PREDICTION_KEYS}
    further, seconds = line["further"], (line["seconds_events"], line["seconds_predict"])
    if not isinstance(further, dict) or not all(map(is_finite, further.values())):
        raise ValueError(f"further is {further!r}")
    return Outcome(experiment, prediction, *seconds, further, cpu_predict=line["cpu_predict"])
