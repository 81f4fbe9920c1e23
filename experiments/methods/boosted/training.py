"""Training of boosted trees on the events that the network would be trained on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import lightgbm

from experiments.methods import presets
from experiments.methods.boosted.trees import Trees
from experiments.methods.method import Method
from runtime import files
from submission.features import CATEGORIES
from training.classifier import Labelled, LabelledEvents, TrainedClassifier
from training.config import Config
from training.networks import Kind
from training.stages import Training


@dataclasses.dataclass(frozen=True)
class BoostedConfig:
    """How trees are boosted.

    Arguments:
        rounds: trees of each category at the most.
        leaves: of a tree at the most.
        learning_rate: factor on each tree.
        leaf_events: events in a leaf at the least.
        patience: rounds without a better validation loss after which boosting ends.
        seed: of lightgbm.
    """

    rounds: int = 300
    leaves: int = 63
    learning_rate: float = 0.1
    leaf_events: int = 200
    patience: int = 30
    seed: int = 0


class BoostedTraining(Training):
    """A `Training` with boosted trees."""

    @property
    def kind(self) -> Kind:
        """Trees take the classifier's place."""
        return Kind(train=train)


def train(
    training: Labelled,
    validation: Labelled,
    config: BoostedConfig,
    device: str = "cpu",
    checkpoint: Path | None = None,
) -> TrainedClassifier:
    """Boost the trees of each category; interface of `training.classifier.train`.

    The trees of a finished category are kept beside `checkpoint`. They are always made on the CPU.
    """
    boosters, history = [], []
    for category in CATEGORIES:
        kept = None if checkpoint is None else checkpoint.with_name(f"boosted-{category}.txt")
        if kept is None or not kept.exists():
            text = _boosted(training[category], validation[category], config)
            if kept is not None:
                with files.replaced(kept) as file:
                    file.write(text)
        else:
            text = kept.read_text(encoding="utf-8")
        booster = lightgbm.Booster(model_str=text)
        boosters.append(booster)
        history.append({"category": category, "trees": booster.num_trees()})
    return TrainedClassifier(Trees(boosters), history)


def _boosted(training: LabelledEvents, validation: LabelledEvents, config: BoostedConfig) -> str:
    """The trees of one category up to the round with the best validation loss, as lightgbm's text."""
    parameters = {
        "objective": "binary",
        "num_leaves": config.leaves,
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": config.leaf_events,
        "seed": config.seed,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(training.inputs, training.labels, weight=training.weights)
    others = lightgbm.Dataset(validation.inputs, validation.labels, weight=validation.weights, reference=data)
    stop = lightgbm.early_stopping(config.patience, verbose=False)
    return lightgbm.train(parameters, data, config.rounds, valid_sets=[others], callbacks=[stop]).model_to_string()


def configuration(size: str) -> Config:
    """The preset no-flows with trees; the full one with fewer events, which lightgbm holds in memory."""
    config, trees = presets.no_flows(size), BoostedConfig(rounds=30, leaves=15)
    networks, templates = config.networks, config.templates
    if size == "full":
        trees = BoostedConfig()
        networks = dataclasses.replace(networks, rows=6_000_000, passes=1)
        templates = dataclasses.replace(templates, rows=3_000_000)
    # Another classifier has a configuration of its own.
    networks = dataclasses.replace(networks, classifier=trees)  # type: ignore[arg-type]  # no ClassifierConfig
    return dataclasses.replace(config, networks=networks, templates=templates)


METHOD = Method("boosted trees, all fitted", configuration, BoostedTraining, package="boosted")
