"""The stages that train networks: flows, then the classifier on top of them (paper, sec. 6.2, steps 2 and 3)."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from runtime.errors import ChallengeError
from runtime.tasks import completed
from submission.features import CATEGORIES, FEATURES, Standardisation, features
from submission.flows import FlowConfig, evaluate
from submission.score import VIEWS, Discriminator, Scorer

from . import classifier as classifier_training
from . import flows as flow_training
from .config import FlowsConfig
from .gate import train_gate
from .samples import draw

#: Background is judged at these shares of kept signal (docs/mathematics.md#published-numbers).
EFFICIENCIES = (0.1, 0.2, 0.3, 0.5)


def train_flows(sample, held_out, config, device, checkpoints, workers=1):
    """Train the flows of each category, a task by itself, on balanced events at nominal nuisance parameters.

    Draws repeat events of large weight, so what validates comes from a part of the events of its own.

    Arguments:
        sample, held_out: `samples.Sample` of the parts for networks and for checks.
        config: `config.NetworksConfig`.
        device: "cpu" or "cuda"; with several GPUs each task has its own.
        checkpoints: folder that an interrupted training is resumed from.
        workers: as for `runtime.tasks.as_completed`.

    Returns:
        (discriminators, summary): tuple of `Discriminator`, empty without flows, and a dict for the manifest.

    Raises:
        ChallengeError: a category has no event, or as `flows.train`.
    """
    if config.flows is None:
        return (), {}
    random, other = (np.random.default_rng([config.seed, stream]) for stream in (0, 6))
    share = config.flows.training.validation
    batches = _drawn(sample, config.flows.events, random)
    validation = _drawn(held_out, config.flows.events * share / (1 - share), other)
    tasks = []
    names, view = VIEWS[config.flows.view]
    for number, category in enumerate(CATEGORIES):
        values, checked = (view(drawn[category].columns, category) for drawn in (batches, validation))
        standardisation = Standardisation.of(names[category], values)
        values, checked = standardisation(values), standardisation(checked)
        pair = _pair(random.permutation, values, batches[category].labels)
        checked = _pair(other.permutation, checked, validation[category].labels)
        checkpoint = checkpoints / f"flows-{category}.pt"
        arrays = pair, checked, values[:100_000]
        tasks.append(_FlowTask(category, number, *arrays, standardisation, config.flows, device, checkpoint))
    discriminators, summaries = zip(*completed(tasks, workers, "flows", "category"))
    return discriminators, dict(zip(CATEGORIES, summaries))


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
    events: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    scaling: np.ndarray
    standardisation: Standardisation
    config: FlowsConfig
    device: str
    checkpoint: Path

    def __call__(self):
        shape = FlowConfig(self.scaling.shape[1], **self.config.shape)
        device = flow_training.own_gpu(self.device, self.number)
        how = self.config.training, device, self.checkpoint, self.validation
        trained = flow_training.train(*self.events, shape, *how)
        if self.config.scaled:
            trained.flow.set_scale(evaluate(trained.flow, self.scaling))
        made = Discriminator(self.category, self.config.view, self.standardisation, trained.flow.cpu())
        return made, {
            "events": 2 * len(self.events[0]),
            "validation_loss": trained.loss,
            "epochs": len(trained.history),
        }


def _pair(permutation, values, labels):
    """As many signal as background events, each in random order: two arrays."""
    classes = [permutation(values[labels == label]) for label in (1, 0)]
    size = min(map(len, classes))
    return tuple(own[:size] for own in classes)


def _drawn(sample, events, random):
    """Balanced nominal events, about `events` of them in each category."""
    share = {name: len(batch.labels) / 20_000 for name, batch in draw(sample, 20_000, random).items()}
    if not min(share.values()):
        raise ChallengeError(f"there is no event of category {min(share, key=share.__getitem__)}: use a larger sample")
    return draw(sample, 2 * round(events / min(share.values()) / 2), random)


def plain_inputs(scorer, batch, number, _nuisance, _random):
    """What a classifier is trained on that knows nothing of the nuisance parameters: inputs and labels of a `Batch`."""
    return scorer.inputs(batch.columns, number), batch.labels


@dataclass(frozen=True)
class Kind:
    """A kind of classifier; the defaults are the networks of the submission.

    Arguments:
        scorer: class with the interface of `submission.score.Scorer` that holds it.
        train: function with the interface of `classifier.train`.
        inputs: function of the scorer, a `samples.Batch`, the number of its category, the nuisance parameters of its
            sub-dataset and a `numpy.random.Generator`; returns inputs, array (events, inputs), and labels.
    """

    scorer: type = Scorer
    train: Callable = classifier_training.train
    inputs: Callable = plain_inputs


def train_classifier(sample, held_out, discriminators, config, gate_config, device, checkpoints, kind=Kind()):
    """Train the classifier, and the gate before it, on sub-datasets with random nuisance parameters.

    Arguments:
        sample, held_out: `samples.Sample` of the parts for networks and for checks.
        discriminators: from `train_flows`.
        config, device, checkpoints: as for `train_flows`.
        gate_config: `gate.GateConfig`; None for no gate.
        kind: the `Kind` of classifier.

    Returns:
        (scorer, summary): a `kind.scorer`, and a dict for the manifest.

    Raises:
        ChallengeError: as `classifier.train`.
    """
    nominal = draw(sample, 200_000, np.random.default_rng([config.seed, 1]))
    standardisations = tuple(
        Standardisation.of(FEATURES[name], features(nominal[name].columns, name)) for name in CATEGORIES
    )
    scorer = kind.scorer(discriminators, standardisations, classifier=None).to(device)
    inputs = functools.partial(kind.inputs, scorer)
    training = _perturbed(inputs, sample, config.datasets, config, stream=2)
    validation = _perturbed(inputs, held_out, max(2, config.datasets // 20), config, stream=3)
    gate, passed = None, None
    if gate_config is not None:
        own = {name: (x[:, : len(FEATURES[name])], labels) for name, (x, labels) in training.items()}
        gate, passed = train_gate(own, gate_config, device)
    trained = kind.train(training, validation, config.classifier, device, checkpoints / "classifier.pt")
    scorer = replace(scorer, classifier=trained.classifier, gate=gate).to(device)
    checked = draw(held_out, config.held_out, np.random.default_rng([config.seed, 4]))
    summary = {
        "events": {name: len(labels) for name, (_, labels) in training.items()},
        "history": trained.history,
        "passed_gate": passed,
        "held_out": separation(scorer, checked),
        "held_out_without_gate": separation(replace(scorer, gate=None), checked),
    }
    return scorer.to("cpu"), summary


def _perturbed(inputs, sample, datasets, config, stream):
    """Inputs and labels of sub-datasets with nuisance parameters of their own: dict from category to the two arrays."""
    random = np.random.default_rng([config.seed, stream])
    parts = {name: [] for name in CATEGORIES}
    for _ in tqdm(range(datasets), desc="sub-datasets", disable=None):
        nuisance = draw_nuisance_parameters(int(random.integers(2**31)), NUISANCE_NAMES)
        for number, (name, batch) in enumerate(draw(sample, config.events, random, nuisance).items()):
            parts[name].append(inputs(batch, number, nuisance, random))
    # Popped, so that what is joined is not there twice for both categories at once.
    return {name: tuple(map(np.concatenate, zip(*parts.pop(name)))) for name in CATEGORIES}


def separation(scorer, batches):
    """How well a scorer separates balanced events: per category the area under the ROC curve and the background kept.

    Arguments:
        scorer: `Scorer`.
        batches: dict from category to `samples.Batch`.

    Returns:
        dict: per category "auc", its standard error "auc_error" (Hanley and McNeil 1982), and "background_kept" at
        each of `EFFICIENCIES`.
    """
    return {name: roc(*scores) for name, scores in zip(CATEGORIES, scored(scorer, batches))}


def scored(scorer, batches):
    """Scores of the signal and of the background of each category: list of pairs of arrays."""
    pairs = []
    for number, name in enumerate(CATEGORIES):
        batch = batches[name]
        scores = scorer.scores(batch.columns, number)
        pairs.append((scores[batch.labels == 1], scores[batch.labels == 0]))
    return pairs


def roc(signal, background):
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


def _independent(scores):
    """Number of independent events, of which some are there several times, by their scores."""
    times = np.unique(scores, return_counts=True)[1]
    return len(scores) ** 2 / np.sum(times**2)
