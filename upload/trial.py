"""A run of a zip as Codabench would make it, on simulated events of another world than that of the shipped weights.

As on Codabench the events are not those that a submission was made with, so what its `fit` does about that is tried.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from ingestion_test import fits, simulation
from ingestion_test.ingestion import Progress, RunSettings, run
from ingestion_test.pool import SubmissionError
from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError
from runtime.time_limit import time_limit

from .image import EXPERIMENTS, PHASE_SECONDS, PROCESSES

#: Seconds that the run may take.
TRIAL_SECONDS = 1800

#: Rows of the events, and their world (`simulation.worlds`).
_ROWS, _WORLD = 100_000, "hard"

#: One of the two processes predicts twice, so that what it returns twice is seen.
_SETTINGS = RunSettings(num_sets=1, num_experiments=3, keeps_fit=False)


class _Heard(Progress):
    """What a run tells, kept: warnings, and the CPU time of the fit."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.seconds_fit = 0.0

    def fitted(self, seconds_cpu: float) -> None:
        """Keep it."""
        self.seconds_fit = seconds_cpu

    def warning(self, text: str) -> None:
        """Keep it."""
        self.texts.append(text)


def try_out(path: str | Path) -> str:
    """Unpack a zip, fit, pickle to two spawned workers, predict three times, write JSON: in processes of their own.

    Returns:
        what was done, what the final phase would take in CPU time, and a line for each text of the fit's summary and
        each warning.

    Raises:
        ChallengeError: the submission fails, or takes longer than `TRIAL_SECONDS`.
    """
    message = f"the run was not over after {TRIAL_SECONDS // 60} minutes: make fit and predict faster"
    heard = _Heard()
    with tempfile.TemporaryDirectory() as folder, time_limit(TRIAL_SECONDS, message):
        events = simulation.write_folder(Path(folder, "events"), _ROWS, seed=1, progress=False, world=_WORLD)
        output = Path(folder, "output")
        try:
            outcomes = run(_SETTINGS, OfficialFolder(events), path, output, 2, progress=heard)
        except SubmissionError as error:
            # What it says of the folder of this run is of no use, as the folder is gone.
            raise ChallengeError(
                f"{error.reason}; `python -m ingestion_test score --submission {path} --only 0:0` shows what it prints"
            ) from None
        said = [" ".join(f"fit: {name}: {text}".split()) for name, text in fits.summary(output).items()]
    # The first prediction of a process includes what is loaded once; of 10,000 nearly all are further ones.
    seconds = min(outcome.seconds_cpu for outcome in outcomes)
    hours = (heard.seconds_fit + seconds * EXPERIMENTS / PROCESSES) / 3600
    done = (
        f"fitted in {heard.seconds_fit:.3g} s of CPU time, pickled to 2 processes, predicted 3 pseudo-experiments, "
        f"{seconds:.3g} s of CPU time each with its events, wrote JSON; the final phase would take "
        f"{hours:.2g} of its {PHASE_SECONDS / 3600:.0f} hours"
    )
    if 3600 * hours > PHASE_SECONDS:
        heard.texts.append(
            f"the final phase ({EXPERIMENTS:,} pseudo-experiments by {PROCESSES} processes, and before them the fit) "
            "would take longer than Codabench gives it: make fit and predict faster, unless they are on its GPUs"
        )
    return "\n   ".join([done, *said, *(f"warning: {text}" for text in heard.texts)])
