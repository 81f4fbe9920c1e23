"""The record of a run: a line of JSON for each finished pseudo-experiment, on the disk before the next is asked for."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from runtime.errors import ChallengeError

from .pseudo_experiments import PseudoExperiment
from .result_files import is_finite
from .schema import PREDICTION_KEYS
from .workers import Outcome


class Journal:
    """Finished pseudo-experiments of a run, kept in a file that grows line by line.

    The first line says which run it is. A line that was cut off by a kill or a full disk is dropped when the run is
    resumed; all before it count.

    Arguments:
        path: the file.
        identity: dict that JSON can hold; a journal of another identity is not continued.
        resume: continue what is there. Otherwise a journal in `path` is an error.

    Raises:
        ChallengeError: there is a journal and `resume` is off, it is of another run, or it is damaged.
    """

    def __init__(self, path, identity, resume):
        self.path = Path(path)
        self.outcomes = {}
        self.seconds = 0.0
        if self.path.exists() and not self.path.is_file():
            raise ChallengeError(f"{self.path} is no regular file: choose another --output")
        begun = self.path.exists() and self._drop_cut_line() > 0
        if begun and not resume:
            raise ChallengeError(
                f"{self.path.parent} holds a run already: continue it with --resume, or choose another --output"
            )
        if begun:
            self._read(identity)
        if not begun:
            self._write(identity)

    def add(self, outcome, seconds):
        """Record an `Outcome`; `seconds` is the run's duration so far, earlier attempts included."""
        self._write(_flat(outcome) | {"run_seconds": round(seconds, 3)})
        self._keep(outcome, seconds)

    def _keep(self, outcome, seconds):
        self.outcomes[outcome.experiment.set_index, outcome.experiment.index] = outcome
        self.seconds = seconds

    def _write(self, content):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(content) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _drop_cut_line(self):
        """Cut the file back to its last whole line; returns its size in bytes."""
        content = self.path.read_bytes()
        size = content.rfind(b"\n") + 1
        os.truncate(self.path, size)
        return size

    def _read(self, identity):
        try:
            lines = [json.loads(line) for line in self.path.read_bytes().splitlines()]
            self._check_identity(lines[0], identity)
            for line in lines[1:]:
                self._keep(_outcome(line), line["run_seconds"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ChallengeError(f"{self.path} is damaged ({error!r}): choose another --output") from error

    def _check_identity(self, found, identity):
        if not isinstance(found, dict):
            raise ValueError("its first line does not say which run it is")
        other = [key for key in identity if found.get(key) != identity[key]]
        if other:
            raise ChallengeError(
                f"{self.path.parent} holds a run with another {', '.join(other)} "
                f"({', '.join(f'{key}: {found.get(key)!r}, now {identity[key]!r}' for key in other[:2])}); "
                "choose another --output"
            )


def _flat(outcome):
    timing = {"seconds_events": round(outcome.seconds_events, 4), "seconds_predict": round(outcome.seconds_predict, 4)}
    return asdict(outcome.experiment) | outcome.prediction | timing


def _outcome(line):
    whole = ("set_index", "index", "seed")
    numbers = (*whole, "mu", *PREDICTION_KEYS, "seconds_events", "seconds_predict", "run_seconds")
    for name in numbers:
        if not is_finite(line[name]) or (name in whole and not isinstance(line[name], int)):
            raise ValueError(f"{name} is {line[name]!r}")
    experiment = PseudoExperiment(line["set_index"], line["index"], line["seed"], line["mu"])
    prediction = {key: line[key] for key in PREDICTION_KEYS}
    return Outcome(experiment, prediction, line["seconds_events"], line["seconds_predict"])
