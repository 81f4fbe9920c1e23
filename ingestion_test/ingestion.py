"""Ingestion: a submission meets all pseudo-experiments of a run.

Source: docs/protocol.md#seeds, docs/protocol.md#submissions.
"""

import contextlib
import hashlib
import json
import os
import shutil
import time
import uuid
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path

from runtime.errors import ChallengeError
from runtime.files import write_json
from runtime.output import output_folder
from runtime.tasks import as_completed

from .journal import Journal
from .nuisance import NUISANCE_NAMES
from .pseudo_experiments import ground_truth_mus, plan
from .schema import PREDICTION_KEYS, RESULT_LISTS
from .submissions import checksum, stage
from .workers import LOOK_SECONDS, Job, Prediction, Worker, WorkerError

DEFAULT_SEED = 31415

#: Pseudo-experiments of a run; the final phase has 10,000, which take hours.
MAX_EXPERIMENTS = 1_000_000

JOURNAL_FILE = "pseudo_experiments.jsonl"
LOG_FILE = "submission.log"
WORK_FOLDER = ".work"

#: What a run leaves in its output folder beside its journal and settings.
_RESULTS = ("result_*.json", "ingestion_duration.json", "scores.json", "detailed_results.html", LOG_FILE)


@dataclass(frozen=True)
class RunSettings:
    """Which pseudo-experiments a run consists of.

    Arguments:
        num_sets: number of true values of mu.
        num_experiments: pseudo-experiments of each.
        systematics: names of the nuisance parameters that are drawn.
        seed: the run's seed.

    Raises:
        ChallengeError: more pseudo-experiments than `MAX_EXPERIMENTS`.
    """

    num_sets: int = 10
    num_experiments: int = 100
    systematics: tuple[str, ...] = NUISANCE_NAMES
    seed: int = DEFAULT_SEED

    def __post_init__(self):
        if self.num_sets * self.num_experiments > MAX_EXPERIMENTS:
            raise ChallengeError(
                f"{self.num_sets} sets of {self.num_experiments} pseudo-experiments: at most {MAX_EXPERIMENTS:,} are "
                "possible in all; ask for fewer"
            )

    def plan(self):
        """The pseudo-experiments in the official order."""
        return plan(self.num_sets, self.num_experiments, self.seed)

    def official(self):
        """What the official program writes as test_settings.json."""
        return {
            "systematics": {name: name in self.systematics for name in NUISANCE_NAMES},
            "num_pseudo_experiments": self.num_experiments,
            "num_of_sets": self.num_sets,
            "ground_truth_mus": ground_truth_mus(self.num_sets, self.seed),
            "random_mu": True,
        }


class Progress:
    """What a caller of `run` may want to hear; this one says nothing."""

    def stage(self, text):
        """A new stage begins."""

    def start(self, total, outcomes):
        """Prediction begins with `outcomes` of `total` there already."""

    def outcome(self, outcome):
        """A pseudo-experiment is done."""


def run(settings, source, submission, output, workers=1, resume=False, progress=None, replace_old=False):
    """Fit a submission and let it predict all pseudo-experiments; write the official result files.

    Arguments:
        settings: `RunSettings`.
        source: `sources.OfficialFolder`.
        submission: folder or zip, None for this project's own.
        output: folder for the results; made if need be.
        workers: number of predicting processes. With 1 the process that fits predicts too, as in the official serial
            run; with more the model is pickled to each, as in the official parallel run. Or the address of a dask
            scheduler, a text: each thread of its workers then has such a process.
        resume: continue an unfinished run in `output`.
        progress: a `Progress`.
        replace_old: forget an earlier run in `output`.

    Returns:
        list of `workers.Outcome`, ordered by set and index.

    Raises:
        ChallengeError: whatever a user can mend; what is done by then is kept in `output` for `resume`.
    """
    progress = progress or Progress()
    output = Path(output).absolute()  # workers of a cluster may be elsewhere
    with output_folder(output):
        if replace_old:
            (output / JOURNAL_FILE).unlink(missing_ok=True)
        work = output / WORK_FOLDER
        work.mkdir(exist_ok=True)
        staged, folder = stage(submission, work / "staged", output), work / "submission"
        identity = _identity(settings, source, staged)
        journal = Journal(output / JOURNAL_FILE, identity, resume)
        # Of an earlier run in this folder a process may still be at its model.
        model = work / f"model-{hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]}.pkl"
        if not journal.outcomes:
            _forget(output, model)
        if not model.exists():  # else with what its fit has left beside the submission
            shutil.rmtree(folder, ignore_errors=True)
            staged.rename(folder)
        write_json(output / "test_settings.json", settings.official())
        todo = [item for item in settings.plan() if (item.set_index, item.index) not in journal.outcomes]
        if todo:
            progress.stage("reading the test events")
            _fill(work / "events", source)
            job = Job(
                submission=folder,
                data=source.folder,
                test_events=work / "events",
                systematics=settings.systematics,
                model_file=model,
                fits=False,
                log=output / LOG_FILE,
                run=uuid.uuid4().hex,
            )
            predict = _predict_on_cluster if isinstance(workers, str) else _predict_all
            predict(job, todo, journal, workers, progress, settings)
        outcomes = [journal.outcomes[key] for key in sorted(journal.outcomes)]
        _write_results(output, settings, outcomes, journal.seconds)
        shutil.rmtree(work)
    return outcomes


def _forget(output, model):
    """Remove what an earlier run has left in a folder, so that nobody scores it against the truth of this one."""
    for path in (model, *(path for pattern in _RESULTS for path in output.glob(pattern))):
        path.unlink(missing_ok=True)


def _identity(settings, source, folder):
    return {
        "sets": settings.num_sets,
        "experiments": settings.num_experiments,
        "systematics": list(settings.systematics),
        "seed": settings.seed,
        "data": source.fingerprint(),
        "sum_weights": source.sum_weights,
        "submission": checksum(folder),
    }


def _fill(directory, source):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    source.test_events(directory)


def _predict_all(job, todo, journal, workers, progress, settings):
    """Let processes work on `todo` until all is in the journal."""
    begin = time.monotonic() - journal.seconds
    waiting = todo[::-1]
    with contextlib.ExitStack() as stack:
        processes = _start(job, min(workers, len(todo)), progress, stack)
        progress.start(settings.num_sets * settings.num_experiments, list(journal.outcomes.values()))
        while waiting or any(process.experiment for process in processes):
            for process in processes:
                if process.idle and waiting:
                    process.give(waiting.pop())
            # One that has nothing left to do may even die.
            busy = {process.connection: process for process in processes if not process.idle}
            ready = wait(busy, LOOK_SECONDS) or [connection for connection in busy if busy[connection].is_dead]
            for process in map(busy.get, ready):
                outcome = _received(process, job)
                if outcome is not None:
                    journal.add(outcome, time.monotonic() - begin)
                    progress.outcome(outcome)


def _predict_on_cluster(job, todo, journal, address, progress, settings):
    """As `_predict_all`, by the workers of the dask scheduler at `address`."""
    begin = time.monotonic() - journal.seconds
    with contextlib.ExitStack() as stack:
        _fit(job, True, progress, stack)
    progress.start(settings.num_sets * settings.num_experiments, list(journal.outcomes.values()))
    for _, outcome in as_completed([Prediction(job, experiment) for experiment in todo], address):
        if isinstance(outcome, WorkerError):
            raise _mendable(outcome, job, outcome.experiment)
        journal.add(outcome, time.monotonic() - begin)
        progress.outcome(outcome)


def _fit(job, pickled, progress, stack):
    """The process that has fitted the model, and pickled it if need be; None if that was done before."""
    if job.model_file.exists():
        progress.stage("taking the model that this run has fitted before")
        return None
    progress.stage("fitting the model")
    fitting = Worker(replace(job, fits=True, model_file=job.model_file if pickled else None), os.cpu_count() or 1)
    stack.callback(fitting.close)
    _received(fitting, job)
    return fitting


def _start(job, workers, progress, stack):
    """Processes that hold the fitted model or are about to unpickle it; `stack` ends them."""
    fitting = _fit(job, workers > 1, progress, stack)
    if fitting is not None and workers == 1:
        return [fitting]
    gpus = visible_gpus()
    threads = max(1, (os.cpu_count() or 1) // workers)
    processes = []
    for number in range(workers):
        gpu = gpus[number % len(gpus)] if gpus else None
        processes.append(Worker(replace(job, gpu=gpu), threads))
        stack.callback(processes[-1].close)
    return processes


def visible_gpus():
    """Names of the GPUs that workers are spread over, as CUDA_VISIBLE_DEVICES takes them."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        return [name.strip() for name in listed.split(",") if name.strip()]
    # CUDA counts those that are there, whatever their devices are called.
    return [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


def _received(process, job):
    experiment = process.experiment
    try:
        return process.receive()
    except WorkerError as error:
        raise _mendable(error, job, experiment) from None


def _mendable(error, job, experiment):
    """A `WorkerError` as what a user reads; `experiment` is what the worker was at, None before the first."""
    text = str(error) if experiment is None else f"{experiment}: {error}"
    if job.log is None:  # a single pseudo-experiment, whose output is on the terminal
        return ChallengeError(text)
    text += f"; its output is in {job.log}"
    if experiment is not None:
        text += f"; add --only {experiment.set_index}:{experiment.index} to run it alone"
        text += f"; what is done is kept: --output {job.log.parent} --resume continues"
    return ChallengeError(text)


def run_one(settings, source, submission, work, set_index, index):
    """Fit a submission and let it predict a single pseudo-experiment; what it prints goes to the terminal.

    Arguments:
        settings, source, submission: as for `run`.
        work: an empty folder for what is needed on the way.
        set_index, index: which pseudo-experiment.

    Returns:
        `workers.Outcome`.

    Raises:
        ChallengeError: as `run`, or there is no such pseudo-experiment.
    """
    chosen = [item for item in settings.plan() if (item.set_index, item.index) == (set_index, index)]
    if not chosen:
        raise ChallengeError(
            f"no pseudo-experiment {set_index}:{index}; there are sets 0 to {settings.num_sets - 1} with indices 0 to "
            f"{settings.num_experiments - 1}"
        )
    folder = stage(submission, Path(work) / "submission", work)
    _fill(Path(work) / "events", source)
    job = Job(folder, source.folder, Path(work) / "events", settings.systematics, model_file=None, fits=True, log=None)
    with contextlib.closing(Worker(job, os.cpu_count() or 1)) as process:
        _received(process, job)
        process.give(chosen[0])
        return _received(process, job)


def _write_results(output, settings, outcomes, seconds):
    """The official result files."""
    for set_index in range(settings.num_sets):
        members = [outcome for outcome in outcomes if outcome.experiment.set_index == set_index]
        result = {
            name: [outcome.prediction[key] for outcome in members] for name, key in zip(RESULT_LISTS, PREDICTION_KEYS)
        }
        write_json(output / f"result_{set_index}.json", result)
    write_json(output / "ingestion_duration.json", {"ingestion_duration": int(seconds / 60)})
