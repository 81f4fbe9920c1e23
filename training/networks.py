"""The stages that train networks: flows, then the classifier on top of them (paper, sec. 6.2, steps 2 and 3)."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from runtime.errors import ChallengeError
from runtime.tasks import completed
from submission.arrays import FloatArray
from submission.category_network import CategoryModel
from submission.codec import FormatError, restored
from submission.features import CATEGORIES, FEATURES, Standardisation, features
from submission.flows import FlowConfig, evaluate
from submission.score import VIEWS, Discriminator, Scorer

from . import classifier as classifier_training
from . import flows as flow_training
from .classifier import ClassifierConfig, LabelledEvents
from .devices import own_gpu
from .fields import Count, Even, Seed, Several
from .gate import GateConfig, train_gate
from .perturbed import PerturbedEvents, perturbed
from .samples import Batch, Sample, draw_batches

#: Background is judged at these shares of kept signal (docs/mathematics.md#published-numbers).
EFFICIENCIES = (0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class FlowsConfig:
    """The flows of each category.

    Arguments:
        training: `TrainingConfig`; its `models` and `strengths` say which flows there are.
        view: what they read of an event, see `submission.score.VIEWS`.
        events: balanced training events of each category, about; those that validate come on top.
        shape: what differs from the paper's size, see `submission.flows.FlowConfig`.
        scaled: whether the discrimination functions are sigmoid((log q - median) / spread) or plainly sigmoid(log q).

    Raises:
        ValueError: there is no such shape.
    """

    training: flow_training.TrainingConfig
    view: Literal["coordinates", "features"] = "coordinates"
    events: Several = 640_000
    shape: dict[str, Any] = field(default_factory=dict)
    scaled: bool = True

    def __post_init__(self) -> None:
        self.flow_config(2)

    def flow_config(self, features: int) -> FlowConfig:
        """The `FlowConfig` of flows that read `features` features."""
        if "features" in self.shape:
            raise ValueError("shape.features: the view says how many there are; leave it out")
        try:
            config: FlowConfig = restored(FlowConfig, self.shape | {"features": features}, "shape")
        except FormatError as error:
            raise ValueError(str(error)) from error
        return config


@dataclass(frozen=True)
class NetworksConfig:
    """Flows and classifier.

    Arguments:
        flows: `FlowsConfig`; None for a classifier of the features alone.
        classifier: `ClassifierConfig`.
        rows: rows of their part of the sample that the classifier is trained on; None for all.
        passes: how often each row is there, with other nuisance parameters each time.
        block: rows that share their nuisance parameters.
        held_out: balanced events at nominal nuisance parameters, for the summary.
        seed: of all draws.
    """

    flows: FlowsConfig | None
    classifier: ClassifierConfig
    rows: Count | None = None
    passes: Count = 1
    block: Count = 2000
    held_out: Even = 400_000
    seed: Seed = 2024


@dataclass(frozen=True)
class FlowsResult:
    """What the stage of the flows leaves: those of each category, none without flows, and what they reached."""

    discriminators: tuple[Discriminator, ...]
    summary: dict[str, Any]


@dataclass(frozen=True)
class ClassifierResult:
    """What the stage of the classifier leaves: all networks, and what they reached."""

    scorer: Scorer
    summary: dict[str, Any]


def train_flows(
    sample: Sample, held_out: Sample, config: NetworksConfig, device: str, checkpoints: Path, workers: int | str = 1
) -> FlowsResult:
    """Train the flows of each category, a task by itself, on balanced events at nominal nuisance parameters.

    Draws repeat events of large weight, so what validates comes from a part of the events of its own.

    Arguments:
        sample, held_out: `samples.Sample` of the parts for flows and for checks.
        config: `config.NetworksConfig`.
        device: "cpu" or "cuda"; with several GPUs each task has its own.
        checkpoints: folder that an interrupted training is resumed from.
        workers: as for `runtime.tasks.as_completed`.

    Raises:
        ChallengeError: a category has no event, or as `flows.train`.
    """
    if config.flows is None:
        return FlowsResult((), {})
    random, held_out_random = (np.random.default_rng([config.seed, stream]) for stream in (0, 6))
    share = config.flows.training.validation
    batches = _drawn(sample, config.flows.events, random)
    validation = _drawn(held_out, config.flows.events * share / (1 - share), held_out_random)
    tasks: list[_FlowTask] = []
    names, view = VIEWS[config.flows.view]
    for number, category in enumerate(CATEGORIES):
        values, held_out_values = (view(events[category].columns, category) for events in (batches, validation))
        standardisation = Standardisation.of(names[category], values)
        values, held_out_values = standardisation(values), standardisation(held_out_values)
        tasks.append(
            _FlowTask(
                category,
                number,
                events=_pair(random.permutation, values, batches[category].labels),
                validation=_pair(held_out_random.permutation, held_out_values, validation[category].labels),
                scaling=values[:100_000],
                standardisation=standardisation,
                config=config.flows,
                device=device,
                checkpoint=checkpoints / f"flows-{category}.npz",
            )
        )
    discriminators, summaries = zip(*completed(tasks, workers, "flows", "category"))
    return FlowsResult(discriminators, dict(zip(CATEGORIES, summaries)))


@dataclass(frozen=True)
class _FlowTask:
    """The task of training the flows of one category.

    Arguments:
        category, number: its name, and its place in `CATEGORIES`.
        events, validation: arrays (events, features) of signal and of background, standardised, in random order.
        scaling: array (events, features), events that the discrimination functions are scaled by.
        standardisation: of the features.
        config: `config.FlowsConfig`.
        device, checkpoint: as for `flows.train`; of several GPUs the task takes the one that its number falls on.

    Returns:
        (`Discriminator`, dict for the manifest).
    """

    category: str
    number: int
    events: tuple[FloatArray, FloatArray]
    validation: tuple[FloatArray, FloatArray]
    scaling: FloatArray
    standardisation: Standardisation
    config: FlowsConfig
    device: str
    checkpoint: Path

    def __call__(self) -> tuple[Discriminator, dict[str, Any]]:
        trained = flow_training.train(
            *self.events,
            self.config.flow_config(self.scaling.shape[1]),
            self.config.training,
            own_gpu(self.device, self.number),
            self.checkpoint,
            self.validation,
        )
        if self.config.scaled:
            trained.flow.set_scale(evaluate(trained.flow, self.scaling))
        return Discriminator(self.category, self.config.view, self.standardisation, trained.flow.cpu()), {
            "events": 2 * len(self.events[0]),
            "validation_loss": trained.loss,
            "epochs": len(trained.history),
        }


def _pair(
    permutation: Callable[[FloatArray], FloatArray], values: FloatArray, labels: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """As many signal as background events, each in random order: two arrays."""
    signal, background = (permutation(values[labels == label]) for label in (1, 0))
    size = min(len(signal), len(background))
    return signal[:size], background[:size]


def _drawn(sample: Sample, events: float, random: np.random.Generator) -> dict[str, Batch]:
    """Balanced nominal events, about `events` of them in each category."""
    share = {name: len(batch.labels) / 20_000 for name, batch in draw_batches(sample, 20_000, random).items()}
    if not min(share.values()):
        raise ChallengeError(f"there is no event of category {min(share, key=share.__getitem__)}: use a larger sample")
    return draw_batches(sample, 2 * round(events / min(share.values()) / 2), random)


def plain_inputs(
    scorer: Scorer, batch: Batch, number: int, _nuisance: Mapping[str, Any], _random: np.random.Generator
) -> LabelledEvents:
    """What a classifier is trained on that knows nothing of the nuisance parameters: the events that pass the gate."""
    if scorer.gate is not None:
        batch = batch.select(scorer.gate.logits(scorer.standardised(batch.columns, number), number) >= 0)
    return LabelledEvents(scorer.inputs(batch.columns, number), batch.labels, batch.weights)


@dataclass(frozen=True)
class Kind:
    """A kind of classifier; the defaults are the networks of the submission.

    Arguments:
        scorer: `submission.score.Scorer`, or a subclass, that holds it.
        train: function with the interface of `classifier.train`.
        inputs: function of the scorer, a `samples.Batch`, the number of its category, the nuisance parameters of its
            block and a `numpy.random.Generator`; returns `LabelledEvents`.
    """

    scorer: type[Scorer] = Scorer
    train: Callable[..., classifier_training.TrainedClassifier] = classifier_training.train
    inputs: Callable[..., LabelledEvents] = plain_inputs


def train_classifier(
    sample: Callable[[], Sample],
    held_out: Sample,
    discriminators: tuple[Discriminator, ...],
    config: NetworksConfig,
    gate_config: GateConfig | None,
    device: str,
    checkpoints: Path,
    kind: Kind = Kind(),
    workers: int | str = 1,
) -> ClassifierResult:
    """Train the gate, and the classifier on the events that pass it, at random nuisance parameters.

    Arguments:
        sample: function without arguments that returns the `samples.Sample` of the part for the classifier; worker
            processes get it pickled.
        held_out: of the part for checks.
        discriminators: of `train_flows`.
        config, device, checkpoints, workers: as for `train_flows`.
        gate_config: `gate.GateConfig`; None for no gate.
        kind: the `Kind` of classifier.

    Raises:
        ChallengeError: as `classifier.train`, or `kind.train` returns something else.
    """
    nominal = draw_batches(held_out, 200_000, np.random.default_rng([config.seed, 1]))
    standardisations = tuple(
        Standardisation.of(FEATURES[name], features(nominal[name].columns, name)) for name in CATEGORIES
    )
    scorer, passed = kind.scorer(discriminators, standardisations, classifier=None), None
    rows = min(config.rows or len(sample().weights), len(sample().weights))
    events = PerturbedEvents(sample, rows, config.block, config.passes, config.seed, stream=2)
    if gate_config is not None:
        alone = functools.partial(plain_inputs, kind.scorer((), standardisations, classifier=None))
        first = replace(events, rows=min(rows, gate_config.rows), passes=1, stream=5)
        gate, passed = train_gate(perturbed(first, alone, workers), gate_config, device)
        scorer = replace(scorer, gate=gate)
    checked = PerturbedEvents(
        functools.partial(_same, held_out), len(held_out.weights), config.block, 1, config.seed, stream=3
    )
    inputs = functools.partial(kind.inputs, scorer)
    training, validation = perturbed(events, inputs, workers), perturbed(checked, inputs)
    trained = kind.train(training, validation, config.classifier, device, checkpoints / "classifier.npz")
    if not isinstance(getattr(trained, "classifier", None), CategoryModel):
        raise ChallengeError(
            f"the method's train returned {type(trained).__name__}: return a TrainedClassifier of a CategoryModel"
        )
    scorer = replace(scorer, classifier=trained.classifier).to(device)
    held_out_batches = draw_batches(held_out, config.held_out, np.random.default_rng([config.seed, 4]))
    summary = {
        "events": {name: len(events.labels) for name, events in training.items()},
        "history": trained.history,
        "background_passing_gate": passed,
        "held_out": separation(scorer, held_out_batches),
    }
    return ClassifierResult(scorer.to("cpu"), summary)


def _same(sample: Sample) -> Sample:
    return sample


def separation(scorer: Scorer, batches: Mapping[str, Batch]) -> dict[str, dict[str, Any]]:
    """How well a scorer separates balanced events: per category the area under the ROC curve and the background kept.

    Arguments:
        scorer: `Scorer`.
        batches: dict from category to `samples.Batch`.

    Returns:
        dict: per category "auc", its standard error "auc_error" (Hanley and McNeil 1982), and "background_kept" at
        each of `EFFICIENCIES`.
    """
    return {name: roc(*scores) for name, scores in zip(CATEGORIES, scored(scorer, batches))}


def scored(scorer: Scorer, batches: Mapping[str, Batch]) -> list[tuple[FloatArray, FloatArray]]:
    """Scores of the signal and of the background of each category: list of pairs of arrays."""
    pairs = []
    for number, name in enumerate(CATEGORIES):
        batch = batches[name]
        scores = scorer.scores(batch.columns, number)
        pairs.append((scores[batch.labels == 1], scores[batch.labels == 0]))
    return pairs


def roc(signal: FloatArray, background: FloatArray) -> dict[str, Any]:
    """Area under the ROC curve with its error, and the background kept at `EFFICIENCIES`, from two arrays of scores.

    An event that was drawn several times is there several times; the error takes that into account.
    """
    below = np.searchsorted(np.sort(background), signal, side="left")
    upto = np.searchsorted(np.sort(background), signal, side="right")
    area = float(np.mean(below + upto) / 2 / len(background))
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    signals, backgrounds = _independent(signal), _independent(background)
    variance = area * (1 - area) + (signals - 1) * (q1 - area**2) + (backgrounds - 1) * (q2 - area**2)
    cuts = np.quantile(signal, 1 - np.array(EFFICIENCIES))
    return {
        "auc": area,
        "auc_error": float(np.sqrt(variance / signals / backgrounds)),
        "background_kept": {str(share): float(np.mean(background >= cut)) for share, cut in zip(EFFICIENCIES, cuts)},
    }


def _independent(scores: FloatArray) -> float:
    """Number of independent events, of which some are there several times, by their scores."""
    times = np.unique(scores, return_counts=True)[1]
    return float(len(scores) ** 2 / np.sum(times**2))
