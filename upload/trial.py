"""A run of a zip as Codabench would make it, on simulated events."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ingestion_test import simulation
from ingestion_test.ingestion import Progress, RunSettings, run
from ingestion_test.pool import SubmissionError
from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError
from runtime.time_limit import time_limit

from .image import MAX_SECONDS

#: Seconds that the run may take.
TRIAL_SECONDS = 1800

#: One of the two processes predicts twice, so that what it returns twice is seen.
_SETTINGS = RunSettings(num_sets=1, num_experiments=3)


class _Warnings(Progress):
    """Those of a run, kept."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, text: str) -> None:
        """Keep it."""
        self.texts.append(text)


def try_out(path: str | Path) -> str:
    """Unpack a zip, fit, pickle to two spawned workers, predict three times, write JSON: in processes of their own.

    Returns:
        what was done, with the seconds for a pseudo-experiment, and a line for each warning.

    Raises:
        ChallengeError: the submission fails, or takes longer than `TRIAL_SECONDS`.
    """
    message = f"the run was not over after {TRIAL_SECONDS // 60} minutes: make fit and predict faster"
    warnings = _Warnings()
    with tempfile.TemporaryDirectory() as folder, time_limit(TRIAL_SECONDS, message):
        events = simulation.write_folder(Path(folder, "events"), "small", seed=1, workers=1, progress=False)
        try:
            outcomes = run(_SETTINGS, OfficialFolder(events), path, Path(folder, "output"), 2, progress=warnings)
        except SubmissionError as error:
            # What it says of the folder of this run is of no use, as the folder is gone.
            raise ChallengeError(
                f"{error.reason}; `python -m ingestion_test score --submission {path} --only 0:0` shows what it prints"
            ) from None
    seconds = sum(outcome.seconds_events + outcome.seconds_predict for outcome in outcomes) / len(outcomes)
    done = (
        f"fitted, pickled to 2 processes, predicted 3 pseudo-experiments, {seconds:.3g} s each with its events "
        f"(Codabench's final phase has time for {MAX_SECONDS:.0f} s), wrote JSON"
    )
    return "\n   warning: ".join([done, *warnings.texts])
