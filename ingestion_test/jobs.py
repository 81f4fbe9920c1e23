"""What the processes of a submission are told, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .pseudo_experiments import PseudoExperiment


@dataclass(frozen=True)
class Job:
    """What a worker process needs to know.

    Arguments:
        submission: folder with `model.py`.
        data: folder with the official data file, for `get_train_set`.
        test_events: folder that `OfficialFolder.test_events` has filled; None if no pseudo-experiment is asked for.
        systematics: names of the nuisance parameters that are drawn.
        model_file: file that the fitted model is pickled to by the process that fits, and unpickled from by the
            others; None if the process that fits also predicts.
        fits: whether this process fits the model.
        log: file that takes what the submission prints; None: the terminal.
        gpu: what CUDA_VISIBLE_DEVICES is set to, None to leave it.
        command: flags of the official `run_ingestion.py` for such a run, which the submission may read.
        fit_minutes: time that the submission is told that its fit may take, None to say nothing.
        fit_cache: folder that keeps the fitted model for other runs, None for no such folder.
        run: text that no other call of `ingestion.run` has, so that a cluster's worker never keeps another's process.
    """

    submission: Path
    data: Path
    test_events: Path | None
    systematics: tuple[str, ...]
    model_file: Path | None
    fits: bool
    log: Path | None
    gpu: str | None = None
    command: tuple[str, ...] = ()
    fit_minutes: float | None = None
    fit_cache: Path | None = None
    run: str = ""


@dataclass(frozen=True)
class Ready:
    """A worker has its model, and can predict.

    Arguments:
        warnings: texts about what Codabench would do otherwise.
        seconds_cpu: CPU time of fitting, or of unpickling.
    """

    warnings: tuple[str, ...] = ()
    seconds_cpu: float = 0.0


@dataclass(frozen=True)
class Measured:
    """What a submission's `Model.measurement` returned, and warnings."""

    content: bytes
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a pseudo-experiment.

    Arguments:
        experiment: the `PseudoExperiment`.
        prediction: the four numbers of the challenge, by `schema.PREDICTION_KEYS`.
        seconds_events, seconds_predict: seconds for its events and for `predict`.
        further: numbers that the submission hands over beyond those, by its own names (docs/score.md#further-numbers).
        warnings: texts about what Codabench would do otherwise.
        cpu_predict: CPU time of `predict`.
        seconds_cpu: CPU time of events and prediction; 0 where it was found in a journal.
    """

    experiment: PseudoExperiment
    prediction: dict[str, float]
    seconds_events: float
    seconds_predict: float
    further: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    cpu_predict: float = 0.0
    seconds_cpu: float = 0.0


class WorkerError(Exception):
    """A worker could not do its work; the message says what, the submission's log says where.

    Attributes:
        experiment: the `PseudoExperiment` that a cluster's worker was at.
        warnings: as those of an `Outcome`.
    """

    experiment: PseudoExperiment | None = None
    warnings: tuple[str, ...] = ()
