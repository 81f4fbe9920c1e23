"""Training of the method with embedded nuisance parameters: classifier, template events, belt."""

from __future__ import annotations

import functools
import itertools
import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments.coverage import redrawn_belts
from experiments.methods import presets
from experiments.methods.method import Method
from experiments.methods.mle_nu.calibration import Calibration
from experiments.methods.mle_nu.estimator import NuArtifacts, NuEstimator
from experiments.methods.mle_nu.nuisance import SumOfScores
from experiments.methods.mle_nu.scorer import EMBEDDED, NuScorer, pulls_of, values_of
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.official.systematics import systematics
from ingestion_test.pseudo_experiments import make_test_set
from ingestion_test.schema import FEATURES, PRIMARIES, PROCESSES, SIGNAL
from ingestion_test.sources import TestEvents
from ingestion_test.systematics import transform
from runtime.errors import ChallengeError
from runtime.tasks import completed
from submission import artifacts
from submission.arrays import FloatArray
from submission.confidence import spread_mu
from submission.likelihood import PRESETS as LIKELIHOODS
from submission.score import Scorer
from submission.throws import Throws
from training import classifier
from training.checkpoints import checkpointed, read, write
from training.classifier import ClassifierConfig, Labelled, LabelledEvents, TrainedClassifier
from training.config import Config
from training.devices import own_gpu
from training.histogram import TemplatesConfig, make_histogram
from training.networks import ClassifierResult, Kind
from training.neyman import make_belts
from training.nuisance_axis import AxisConfig
from training.samples import Batch, Sample, load_sample, remove_sample, save_sample, training_part
from training.stages import Result, Stage, Training

#: Pseudo-experiments with a valid fit that a belt needs at the least.
LEAST_VALID = 10

#: Signal strength of the events that calibrate the scores: the middle of the challenge's range.
MU = 1.55

#: Rows that are worked on at a time: bounds the memory.
_CHUNK = 100_000


@dataclass(frozen=True)
class NuClassifierConfig(ClassifierConfig):
    """`ClassifierConfig` of a classifier that reads the nuisance parameters `embedded`."""

    embedded: tuple[str, ...] = EMBEDDED


@dataclass(frozen=True)
class NuTemplatesConfig(TemplatesConfig):
    """`TemplatesConfig`, of whose `rows` the first `shipped` with a jet are template events.

    The others with a jet make the pseudo-experiments of the belt; scores are calibrated with `calibration_rows` others.
    """

    no_jet_bins: int = 0
    axis: AxisConfig | None = None
    rows: int = 24_000_000
    shipped: int = 300_000
    calibration_rows: int = 6_000_000


@dataclass(frozen=True)
class NuNeymanConfig:
    """How the belt is made: number of pseudo-experiments, event by event, and the seed of the first."""

    experiments: int = 1000
    seed: int = 870_900_000


class NuTraining(Training):
    """A `Training` of the method with embedded nuisance parameters."""

    @property
    def kind(self) -> Kind:
        """A classifier that sees the nuisance parameters."""
        return Kind(NuScorer, train, inputs)

    @property
    def stages(self) -> dict[str, Stage[Result]]:
        """Templates and belt are those of a fit at the fitted nuisance parameters."""
        return super().stages | {"templates": Stage(NuResult, _templates), "neyman": Stage(NuResult, _neyman)}

    @property
    def estimator(self) -> NuArtifacts:
        """What the stage neyman left for the artifacts."""
        return self.result("neyman", NuResult).estimator


@dataclass(frozen=True)
class NuExperiments:
    """The pseudo-experiments of the belt.

    Arguments:
        throws: their fits of mu.
        pulls, truth: arrays (throws, 5), pulls of the nuisance parameters as fitted, and the true ones.
        sample: effective number of the events that they are taken from.
    """

    throws: Throws
    pulls: FloatArray
    truth: FloatArray
    sample: float


@dataclass(frozen=True)
class NuResult:
    """What the stages of templates and belt leave: all that a prediction needs, as far as it is made, and a summary.

    The last one leaves its pseudo-experiments, too.
    """

    estimator: NuArtifacts
    summary: dict[str, Any]
    experiments: NuExperiments | None = None


def inputs(
    scorer: Scorer, batch: Batch, number: int, nuisance: Mapping[str, Any], _random: np.random.Generator
) -> LabelledEvents:
    """Features and true pulls of events, labels and weights: as much of S as of B, so that no density has a factor."""
    features = scorer.standardised(batch.columns, number)
    pulls = np.broadcast_to(pulls_of(nuisance), (len(features), len(EMBEDDED)))
    totals = np.bincount(batch.labels.astype(int), batch.weights, 2)
    weights = batch.weights * (totals.mean() / np.maximum(totals, 1e-30))[batch.labels.astype(int)]
    return LabelledEvents(np.concatenate([features, pulls], 1), batch.labels, weights.astype(np.float32))


def train(
    training: Labelled,
    validation: Labelled,
    config: ClassifierConfig,
    device: str = "cpu",
    checkpoint: Path | None = None,
) -> TrainedClassifier:
    """Train the classifier on two copies of the pulls (eq. 25); interface of `training.classifier.train`."""
    random = np.random.default_rng(config.seed)
    events, others = (
        {name: kept._replace(inputs=paired(kept.inputs, kept.labels, random)) for name, kept in sample.items()}
        for sample in (training, validation)
    )
    return classifier.train(events, others, config, device, checkpoint)


def paired(x: FloatArray, labels: FloatArray, random: np.random.Generator) -> FloatArray:
    """Append a wrong copy of the pulls: (true, wrong) for S, (wrong, true) for B.

    The wrong ones are those of other events of the class, so that copies by themselves do not tell the classes apart.

    Arguments:
        x: array (events, features + 5), the true pulls last.
        labels: array (events,), 1 for S.
        random: for the choice of the wrong copies.
    """
    features, true = x[:, : -len(EMBEDDED)], x[:, -len(EMBEDDED) :]
    wrong = np.empty_like(true)
    for label in (0, 1):
        rows = np.flatnonzero(labels == label)
        wrong[rows] = true[random.permutation(rows)]
    signal = labels[:, None] == 1
    return np.concatenate([features, np.where(signal, true, wrong), np.where(signal, wrong, true)], axis=1)


def calibration_points() -> FloatArray:
    """Pulls at which mean scores are measured, array (31, 5): as many as `calibration.terms` needs, and some more."""
    axes = np.eye(len(EMBEDDED))
    pairs = np.array([first + second for first, second in itertools.combinations(axes, 2)])
    return np.concatenate([np.zeros((1, len(axes))), 1.5 * axes, -1.5 * axes, 1.2 * pairs, -1.2 * pairs])


def calibrate(
    scorer: NuScorer, mu: float, folder: Path, seed: int, about: str, workers: int | str = 1, device: str = "cpu"
) -> Calibration:
    """The calibration of a scorer by events that its classifier has not seen.

    The same events, shifted, are behind all points, so their statistical error is common to them.

    Arguments:
        scorer: of which the classifier is.
        mu: of the events.
        folder: with the events, as `training.samples.load_sample` reads them; the mean score of each point is kept.
        seed: of the soft MET noise.
        about: text that changes with scorer and events.
        workers, device: as for `training.stages.Training`.
    """
    points = calibration_points()
    tasks = [_Point(scorer, mu, folder, pulls, seed, f"{about} {mu} {seed}", device) for pulls in points]
    scores = completed(tasks, workers, "mean scores", "point")
    return Calibration.of(points, np.stack([score.mean for score in scores]), scores[0].covariance, scores[0].events)


@dataclass(frozen=True)
class _MeanScores:
    """Mean score of events made at a point, its covariance, and how many events of weight 1 would say as much."""

    mean: FloatArray
    covariance: FloatArray
    events: float


@dataclass(frozen=True)
class _Point:
    """The task of the mean scores of the events at a point."""

    scorer: NuScorer
    mu: float
    folder: Path
    pulls: FloatArray
    seed: int
    about: str
    device: str

    def __call__(self) -> _MeanScores:
        name = "_".join(f"{pull:+.1f}" for pull in self.pulls)
        return checkpointed(self.folder / f"scores{name}.npz", f"{self.about} {name}", _MeanScores, self._run)

    def _run(self) -> _MeanScores:
        scorer, sample = self.scorer.to(own_gpu(self.device, os.getpid())), load_sample(self.folder)
        size, weight, squared = len(EMBEDDED), 0.0, 0.0
        mean, square = np.zeros(size), np.zeros((size, size))
        for number, first in enumerate(range(0, len(sample.weights), _CHUNK)):
            random = np.random.default_rng([self.seed, number])
            total = self._sum(scorer, sample.part(slice(first, first + _CHUNK)).with_jets(), random)
            weight += total.weight
            squared += sum(float((weights**2).sum()) for _, weights in total.parts)
            scores, squares = total.evaluate(np.zeros(size))
            mean, square = mean + scores, square + squares
        mean = mean / weight
        return _MeanScores(mean, square / weight - np.outer(mean, mean), weight**2 / squared)

    def _sum(self, scorer: NuScorer, rows: Sample, random: np.random.Generator) -> SumOfScores:
        """The scores of all processes, shifted by the point's nuisance parameters."""
        values = values_of(self.pulls)
        noise = tuple(values["soft_met"] * random.standard_normal((2, len(rows.weights))))
        features, kept = transform(rows.primaries, None, values["tes"], values["jes"], noise)
        scales = {SIGNAL: self.mu} | {name.removesuffix("_scale"): value for name, value in values.items()}
        factor = np.array([scales.get(name, 1.0) for name in PROCESSES])[rows.process[kept]]
        return SumOfScores.of(scorer, dict(zip(FEATURES, features.T)), rows.weights[kept] * factor)


def _events(training: Training) -> tuple[Sample, Sample]:
    """Template events and events of pseudo-experiments: disjoint, each with the whole yields."""
    config = training.config.templates
    assert isinstance(config, NuTemplatesConfig)
    sample = training_part(training.source, "templates", config.rows).with_jets()
    total = np.bincount(sample.process, sample.weights, len(PROCESSES))

    def part(rows: slice) -> Sample:
        process, weights = sample.process[rows], sample.weights[rows]
        share = np.bincount(process, weights, len(PROCESSES)) / total
        return Sample(sample.primaries[rows], weights / share[process], process)

    return part(slice(config.shipped)), part(slice(config.shipped, None))


def _templates(training: Training) -> NuResult:
    scorer, config = training.result("classifier", ClassifierResult).scorer, training.config.templates
    assert isinstance(scorer, NuScorer)
    assert isinstance(config, NuTemplatesConfig)
    shipped, _ = _events(training)
    histogram = make_histogram(scorer, training_part(training.source, "held-out"), shipped, config, training.device)
    folder = training.checkpoints / "calibration"
    folder.mkdir(exist_ok=True)
    training_part(training.source, "flows", config.calibration_rows, folder)  # there are no flows that would know them
    about = json.dumps(training.about("templates"))
    calibration = calibrate(scorer, MU, folder, config.seed, about, training.workers, training.device)
    remove_sample(folder)
    events = {name: shipped.primaries[:, number].copy() for number, name in enumerate(PRIMARIES)}
    events |= {"weights": shipped.weights.astype(np.float32), "process": shipped.process.astype(np.int8)}
    bins = {name: channel.stop - channel.start for name, channel in histogram.channels.items()}
    summary = {
        "events": len(shipped.weights),
        "bins": bins,
        "mean_score": dict(zip(EMBEDDED, calibration.mean[0].tolist())),
        "information": dict(zip(EMBEDDED, np.diag(calibration.information(np.zeros(len(EMBEDDED)))).tolist())),
        "calibration_events": calibration.events,
    }
    return NuResult(NuArtifacts(histogram, events, calibration), summary)


def _neyman(training: Training) -> NuResult:
    config, neyman, folder = training.config, training.config.neyman, training.checkpoints / "experiments"
    assert isinstance(neyman, NuNeymanConfig)
    templates = training.result("templates", NuResult)
    _, events = _events(training)
    order = np.argsort(events.process, kind="stable")
    save_sample(Sample(events.primaries[order], events.weights[order], events.process[order]), folder)
    write(folder / artifacts.ESTIMATOR, templates.estimator, about=None)
    random = np.random.default_rng(neyman.seed)
    mus = spread_mu(random, neyman.experiments, config.belt.mu_range)
    about = str(training.about("neyman"))
    tasks = [_Experiment(folder, about, neyman.seed + i, float(mu), training.device) for i, mu in enumerate(mus)]
    results = completed(tasks, training.workers, "pseudo-experiments", "exp")
    outcomes = {field: np.stack([getattr(result, field) for result in results]) for field in vars(results[0])}
    throws = Throws(mus, outcomes["mu_hat"], outcomes["sigma"], outcomes["valid"])
    if np.count_nonzero(throws.valid) < LEAST_VALID:
        raise ChallengeError(
            f"of {len(mus)} pseudo-experiments {np.count_nonzero(throws.valid)} have a valid fit, a belt needs "
            f"{LEAST_VALID}: use a larger sample"
        )
    (belt,) = make_belts(throws, [config.belt])
    with warnings.catch_warnings():  # few pseudo-experiments may not determine a polynomial, which the error then says
        warnings.simplefilter("ignore", np.exceptions.RankWarning)
        spread = redrawn_belts(throws, config.belt, throws, neyman.seed)
    width_error, coverage_error = spread.errors()
    summary = {
        "experiments": len(mus),
        "valid": float(throws.valid.mean()),
        "converged": float(outcomes["converged"].mean()),
        "belt_error": {"interval": width_error / float(spread.width.mean()), "coverage": coverage_error},
        "mu_hat_minus_mu": [float(np.mean(throws.mu_hat - mus)), float(np.std(throws.mu_hat - mus))],
    }
    sample = float(events.weights.sum() ** 2 / (events.weights**2).sum())
    experiments = NuExperiments(throws, outcomes["pulls"], outcomes["truth"], sample)
    remove_sample(folder)
    return NuResult(replace(templates.estimator, belt=belt), summary, experiments)


@dataclass(frozen=True)
class _Outcome:
    """What a pseudo-experiment gave; arrays (5,) of the pulls fitted and the true ones."""

    mu_hat: float
    sigma: float
    valid: bool
    pulls: FloatArray
    converged: bool
    truth: FloatArray


@dataclass(frozen=True)
class _Experiment:
    """The task of a worker process: one pseudo-experiment, event by event."""

    folder: Path
    about: str
    seed: int
    mu: float
    device: str

    def __call__(self) -> _Outcome:
        path = self.folder / f"experiment{self.seed}.npz"
        return checkpointed(path, f"{self.about} {self.seed} {self.mu}", _Outcome, self._run)

    def _run(self) -> _Outcome:
        events, estimator = _opened(self.folder)
        estimator.histogram.scorer.to(own_gpu(self.device, os.getpid()))
        nuisance = draw_nuisance_parameters(self.seed, NUISANCE_NAMES)
        test_set = make_test_set(events, self.mu, nuisance, self.seed)
        minimum, fit = estimator.fit(test_set["data"], test_set["weights"])
        return _Outcome(
            mu_hat=float(fit.mu_hat[0]),
            sigma=float(fit.sigma[0]),
            valid=bool(fit.valid[0]),
            pulls=minimum.pulls,
            converged=bool(minimum.converged),
            truth=pulls_of(nuisance),
        )


@functools.lru_cache(maxsize=1)
def _opened(folder: Path) -> tuple[TestEvents, NuEstimator]:
    """Events of pseudo-experiments as the ingestion has them, and the estimator without a belt."""
    sample = load_sample(folder)
    counts = tuple(np.bincount(sample.process, minlength=len(PROCESSES)).tolist())
    primaries = np.round(sample.primaries, 3)  # as the test events of a data folder have them
    events = TestEvents(primaries, sample.weights.astype(np.float32), counts)
    parts = read(folder / artifacts.ESTIMATOR, NuArtifacts, None, "remove it and run the stage again")
    return events, NuEstimator(parts, systematics)


def configuration(size: str) -> Config:
    """A small network of its own, whose derivatives are taken for every event, and templates and belt of its kind."""
    config = presets.no_flows(size)
    small: dict[str, Any] = {"members": 1}
    if size == "full":
        small |= {"width": 48, "depth": 2, "batch": 1000, "epochs": 4}
    classifier = NuClassifierConfig(**vars(config.networks.classifier) | small)
    networks = replace(config.networks, classifier=classifier)
    bins = {name: getattr(config.templates, name) for name in ("signal_bins", "background_bins", "edge_events")}
    templates, neyman = NuTemplatesConfig(**bins), NuNeymanConfig()
    if size == "full":
        networks = replace(networks, rows=6_000_000, passes=1)
    else:
        templates = replace(templates, shipped=5000, calibration_rows=20_000)
        neyman = replace(neyman, experiments=32)
    # No gate: the sum of scores is a likelihood only if all events have one.
    return Config(networks, None, templates, LIKELIHOODS["mu alone"], config.belt, neyman)  # type: ignore[arg-type]  # no NeymanConfig


METHOD = Method("MLE with nu", configuration, NuTraining, NuArtifacts, "mle_nu")
