"""Ingestion: a submission meets all pseudo-experiments of a run.

Source: docs/protocol.md#seeds, docs/protocol.md#submissions.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.arguments import MAX_SEED
from runtime.errors import ChallengeError
from runtime.files import write_json
from runtime.output import output_folder
from runtime.tasks import Workers

from . import fits
from .event_frames import keep_frames
from .jobs import Job, Outcome
from .journal import Journal
from .nuisance import NUISANCE_NAMES
from .pool import predict_alone, predictor
from .pseudo_experiments import LAST_STREAM, PseudoExperiment, ground_truth_mus, plan
from .schema import PREDICTION_KEYS, RESULT_LISTS
from .sources import OfficialFolder
from .submissions import checksum, prepare
from .surroundings import MODEL_FORMAT

DEFAULT_SEED = 31415

#: Pseudo-experiments of a run; the final phase has 10,000, which take hours.
MAX_EXPERIMENTS = 1_000_000

JOURNAL_FILE = "pseudo_experiments.jsonl"
LOG_FILE = "submission.log"
WORK_FOLDER = ".work"

_log = logging.getLogger(__name__)

#: What a run leaves in its output folder beside its journal and settings.
_RESULTS = ("result_*.json", "ingestion_duration.json", "scores.json", "detailed_results.html", LOG_FILE, fits.FIT_FILE)


@dataclass(frozen=True)
class RunSettings:
    """Which pseudo-experiments a run consists of.

    Arguments:
        num_sets: number of true values of mu.
        num_experiments: pseudo-experiments of each.
        systematics: names of the nuisance parameters that are drawn.
        seed: the run's seed.
        fit_minutes: time that the submission is told that its fit may take (`fits.MINUTES_VARIABLE`), None to say
            nothing.
        keeps_fit: whether the fitted model may be taken from the cache, and is kept there.

    Raises:
        ChallengeError: more pseudo-experiments than `MAX_EXPERIMENTS`, or seeds that numpy does not take.
    """

    num_sets: int = 10
    num_experiments: int = 100
    systematics: tuple[str, ...] = NUISANCE_NAMES
    seed: int = DEFAULT_SEED
    fit_minutes: float | None = None
    keeps_fit: bool = True

    def __post_init__(self) -> None:
        if self.num_sets * self.num_experiments > MAX_EXPERIMENTS:
            raise ChallengeError(
                f"{self.num_sets} sets of {self.num_experiments} pseudo-experiments: at most {MAX_EXPERIMENTS:,} are "
                "possible in all; ask for fewer"
            )
        if not 0 <= self.seed <= MAX_SEED - self.num_sets * self.num_experiments - LAST_STREAM:
            raise ChallengeError(
                f"seed {self.seed}: those of the pseudo-experiments follow it, and numpy takes none above {MAX_SEED}; "
                "choose a smaller one"
            )

    def plan(self) -> list[PseudoExperiment]:
        """The pseudo-experiments in the official order."""
        return plan(self.num_sets, self.num_experiments, self.seed)

    def experiment(self, set_index: int, index: int) -> PseudoExperiment:
        """One of them.

        Raises:
            ChallengeError: there is no such one.
        """
        for item in self.plan():
            if (item.set_index, item.index) == (set_index, index):
                return item
        raise ChallengeError(
            f"no pseudo-experiment {set_index}:{index}; there are sets 0 to {self.num_sets - 1} with indices 0 to "
            f"{self.num_experiments - 1}"
        )

    def command(self, events: Path, output: Path, submission: Path) -> tuple[str, ...]:
        """The flags of the official `run_ingestion.py` for the same pseudo-experiments and these folders."""
        values: dict[str, Any] = {"input": events, "output": output, "submission": submission}
        values |= {"num-of-sets": self.num_sets, "num-pseudo-experiments": self.num_experiments}
        values["random-seed"] = self.seed
        switches = [f"--systematics-{name.replace('_', '-')}" for name in self.systematics]
        return (*(f"--{name}={value}" for name, value in values.items()), *switches)

    def official(self) -> dict[str, Any]:
        """What the official program writes as test_settings.json."""
        return {
            "systematics": {name: name in self.systematics for name in NUISANCE_NAMES},
            "num_pseudo_experiments": self.num_experiments,
            "num_of_sets": self.num_sets,
            "ground_truth_mus": ground_truth_mus(self.num_sets, self.seed),
            "random_mu": True,
        }


class Progress:
    """What a caller of `run` may want to hear; this one passes on warnings, nothing else."""

    def step(self, text: str) -> None:
        """A new step of the run begins."""

    def fitted(self, seconds_cpu: float) -> None:
        """The model is fitted, in so many seconds of CPU time."""

    def start(self, total: int, outcomes: Sequence[Outcome]) -> None:
        """Prediction begins with `outcomes` of `total` there already."""

    def outcome(self, outcome: Outcome) -> None:
        """A pseudo-experiment is done."""

    def warning(self, text: str) -> None:
        """Codabench would do something else with this submission."""
        _log.warning("warning: %s", text)


def run(
    settings: RunSettings,
    source: OfficialFolder,
    submission: str | Path | None,
    output: str | Path,
    workers: Workers = 1,
    resume: bool = False,
    progress: Progress | None = None,
    replace_old: bool = False,
) -> list[Outcome]:
    """Fit a submission and let it predict all pseudo-experiments; write the official result files.

    Arguments:
        settings: which pseudo-experiments.
        source: the events.
        submission: folder or zip, None for this project's own.
        output: folder for the results; made if need be.
        workers: who predicts, as `pool.predictor` takes it.
        resume: continue an unfinished run in `output`.
        progress: what is told how far the run is.
        replace_old: forget an earlier run in `output`.

    Returns:
        what became of each pseudo-experiment, ordered by set and index.

    Raises:
        SubmissionError: the submission fails.
        ChallengeError: whatever else a user can mend; what is done by then is kept in `output` for `resume`.
    """
    output = Path(output).absolute()  # workers of a cluster may be elsewhere
    with output_folder(output, finished_work):
        if replace_old:
            (output / JOURNAL_FILE).unlink(missing_ok=True)
        job, journal = _prepared(settings, source, submission, output, resume)
        write_json(output / "test_settings.json", settings.official())
        _predict_all(settings, source, job, journal, workers, progress or Progress())
        outcomes = [journal.outcomes[key] for key in sorted(journal.outcomes)]
        _write_results(output, settings, outcomes, journal.seconds)
        shutil.rmtree(output / WORK_FOLDER)
    return outcomes


def finished_work(output: Path) -> list[object]:
    """What of a run is done in its output folder: the lines of finished pseudo-experiments, and the fitted model."""
    journal = output / JOURNAL_FILE
    lines = journal.read_bytes().splitlines()[1:] if journal.is_file() else []
    return [*lines, *(output / WORK_FOLDER).glob("model-*.pkl")]


def _prepared(
    settings: RunSettings, source: OfficialFolder, submission: str | Path | None, output: Path, resume: bool
) -> tuple[Job, Journal]:
    """The submission in its place, and what was done of the run; what is left of another run is removed."""
    work = output / WORK_FOLDER
    work.mkdir(exist_ok=True)
    copy, folder = prepare(submission, work / "copy", output), work / "submission"
    identity = _identity(settings, source, copy)
    journal = Journal(output / JOURNAL_FILE, identity, resume)
    # Of an earlier run in this folder a process may still be at its model.
    digest = hashlib.sha256(json.dumps([MODEL_FORMAT, identity]).encode()).hexdigest()
    model = work / f"model-{digest[:16]}.pkl"
    if not journal.outcomes:
        _forget(output, model)
    if not model.exists():  # else with what its fit has left beside the submission
        shutil.rmtree(folder, ignore_errors=True)
        copy.rename(folder)
    job = Job(
        submission=folder,
        data=source.folder,
        test_events=work / "events",
        systematics=settings.systematics,
        model_file=model,
        fits=False,
        log=output / LOG_FILE,
        command=settings.command(source.folder, output, folder),
        fit_minutes=settings.fit_minutes,
        fit_cache=fits.cache_folder(identity, settings.fit_minutes) if settings.keeps_fit else None,
        run=uuid.uuid4().hex,
    )
    return job, journal


def _predict_all(
    settings: RunSettings, source: OfficialFolder, job: Job, journal: Journal, workers: Workers, progress: Progress
) -> None:
    """Have predicted what is not in the journal."""
    experiments = settings.plan()
    todo = [item for item in experiments if (item.set_index, item.index) not in journal.outcomes]
    if not todo:
        return
    progress.step("reading the test events")
    assert job.test_events is not None, "a run predicts pseudo-experiments"
    fill(job.test_events, source)
    begin = time.monotonic() - journal.seconds
    if fits.restore(job):
        progress.step(f"taking a model from the cache ({job.fit_cache})")
    with predictor(job, workers, len(todo), progress) as predict:
        fits.keep(job)
        progress.start(len(experiments), list(journal.outcomes.values()))
        for outcome in predict(todo):
            journal.add(outcome, time.monotonic() - begin)
            progress.outcome(outcome)


def _forget(output: Path, model: Path) -> None:
    """Remove what an earlier run has left in a folder, so that nobody scores it against the truth of this one."""
    for path in (model, *(path for pattern in _RESULTS for path in output.glob(pattern))):
        path.unlink(missing_ok=True)


def _identity(settings: RunSettings, source: OfficialFolder, folder: Path) -> dict[str, Any]:
    return {
        "sets": settings.num_sets,
        "experiments": settings.num_experiments,
        "systematics": list(settings.systematics),
        "seed": settings.seed,
        "data": source.fingerprint(),
        "sum_weights": source.sum_weights,
        "submission": checksum(folder),
    } | ({} if settings.fit_minutes is None else {"fit_minutes": settings.fit_minutes})


def fill(directory: Path, source: OfficialFolder) -> None:
    """Leave the test events of `source` in `directory`, which is made anew, for `event_frames.open_test_sets`.

    Raises:
        ChallengeError: as `OfficialFolder.test_events`.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    if not source.test_events(directory).exact:
        keep_frames(source.test_set(), directory)


def run_one(
    settings: RunSettings,
    source: OfficialFolder,
    submission: str | Path | None,
    work: str | Path,
    set_index: int,
    index: int,
) -> Outcome:
    """Fit a submission and let it predict a single pseudo-experiment; what it prints goes to the terminal.

    Arguments:
        settings, source, submission: as for `run`.
        work: an empty folder for what is needed on the way.
        set_index, index: which pseudo-experiment.

    Raises:
        SubmissionError, ChallengeError: as `run`, or there is no such pseudo-experiment.
    """
    chosen = settings.experiment(set_index, index)
    folder, events = prepare(submission, Path(work) / "submission", work), Path(work) / "events"
    fill(events, source)
    job = Job(
        folder,
        source.folder,
        events,
        settings.systematics,
        model_file=None,
        fits=True,
        log=None,
        command=settings.command(source.folder, Path(work), folder),
        fit_minutes=settings.fit_minutes,
    )
    return predict_alone(job, chosen, Progress())


def _write_results(output: Path, settings: RunSettings, outcomes: Sequence[Outcome], seconds: float) -> None:
    """The official result files."""
    for set_index in range(settings.num_sets):
        members = [outcome for outcome in outcomes if outcome.experiment.set_index == set_index]
        result = {
            name: [outcome.prediction[key] for outcome in members] for name, key in zip(RESULT_LISTS, PREDICTION_KEYS)
        }
        write_json(output / f"result_{set_index}.json", result)
    write_json(output / "ingestion_duration.json", {"ingestion_duration": int(seconds / 60)})
