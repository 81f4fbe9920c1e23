"""Four networks on perturbed data (Tab. 1 and Fig. 3)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from submission.arrays import BoolArray, FloatArray
from submission.flows import Flow, FlowConfig, evaluate
from training.flows import TrainingConfig, train

from . import figures
from .classifiers import accuracy, train_classifiers
from .config import ToyConfig
from .gaussians import BACKGROUND, SIGNAL, Embedding, Gaussian, of_both

NUS_PER_TRAINING = 100  # values of nu in the perturbed training sample (sec. 5)


# Panel: perturbation and largest nu, of the training and of the plot (Fig. 3: left, middle, right)
PANELS = {
    "large rotation": ("rotation", math.pi / 2),
    "small rotation": ("rotation", math.pi / 8),
    "deformation": ("deformation", 1.0),
}

NETWORKS = {
    "i": "classifier, unperturbed data",
    "ii": "flow, unperturbed data",
    "iii": "classifier, perturbed data",
    "iv": "classifier with flows, perturbed data",
    "iv plain": "as iv, with sigmoid(log q)",
}

PREDICTIONS = {
    "bayes": "analytic, nu = 0",
    "q_c": "analytic q_c",
    "mixed": "analytic, nu unknown",
    "ratio": "analytic, nu known",
}


def embedded_samples(config: ToyConfig) -> tuple[FloatArray, FloatArray]:
    """Unperturbed signal and background that the flows of the network study learn from, (seeds, events, features)."""

    def draw(gaussian: Gaussian, number: int, seed: int) -> FloatArray:
        return Embedding(seed).draw(gaussian, config.events, np.random.default_rng([seed, 20, number]))

    return of_both(draw, config.network_seeds)


def network_study(config: ToyConfig, signal: FloatArray, background: FloatArray, output: Path) -> dict[str, Any]:
    """Train the four networks of Tab. 1 for every seed and measure their accuracy against nu.

    Arguments:
        config: `ToyConfig`.
        signal, background: as from `embedded_samples`.
        output: folder of figure and checkpoint.

    Returns:
        the flows' training configuration and, per panel, what `measure` returns.
    """
    embeddings = [Embedding(seed) for seed in range(len(signal))]
    unperturbed = np.concatenate([signal, background], 1)
    training = TrainingConfig(
        models=("S", "B") * len(embeddings),
        strengths=(1.0, 1.0) * len(embeddings),
        batch=config.space_batch,
        epochs=config.space_epochs,
        patience=config.space_epochs,
        learning_rate=3e-3,
        depth=12.0,
    )
    shape = FlowConfig(embeddings[0].dimensions, *config.space)
    twice = [np.repeat(x, 2, axis=0) for x in (signal, background)]  # both flows of a seed see its sample
    flow = train(twice[0], twice[1], shape, training, checkpoint=output / "embedded.npz").flow
    discriminate = Discriminators(flow, unperturbed)

    label = np.repeat([[True], [False]], config.events, 0).reshape(1, -1).repeat(len(embeddings), 0)
    first = train_classifiers(*_shuffled(unperturbed, label), seed=1)
    panels = {}
    for panel, (perturbation, largest) in PANELS.items():
        x, label = _shuffled(*perturbed_sample(embeddings, config, perturbation, largest))
        networks = {
            "i": first.accepts,
            "ii": lambda x: discriminate.log_q(x)[:, 0] > training.boundary(shape.features),
            "iii": train_classifiers(x, label, seed=2).accepts,
        }
        for name, scaled in (("iv", True), ("iv plain", False)):
            classifier = train_classifiers(discriminate.beside(x, scaled), label, seed=2)
            networks[name] = lambda x, c=classifier, scaled=scaled: c.accepts(  # type: ignore[misc]  # it has defaults
                discriminate.beside(x, scaled)
            )
        panels[panel] = measure(networks, embeddings, config, perturbation, largest, training.boundary(shape.features))
    figures.accuracies(output / "accuracy.png", panels, NETWORKS, PREDICTIONS)
    return {"training": dataclasses.asdict(training), "panels": panels}


class Discriminators:
    """The discrimination functions of each seed's two flows (S against B, B against S) on that seed's events.

    Arguments:
        flow: `Flow` with the flows S, B of the first seed, S, B of the second, ...
        x: events (seeds, events, features) that set the scale.
    """

    def __init__(self, flow: Flow, x: FloatArray) -> None:
        self.flow = flow
        log_q = self.log_q(x)
        low, self.centre, high = np.quantile(log_q, [0.16, 0.5, 0.84], axis=-1, keepdims=True)
        self.scale = 0.5 * (high - low)

    def log_q(self, x: FloatArray) -> FloatArray:
        """Return log q, (seeds, 2, events), of events (seeds, events, features)."""
        return evaluate(self.flow, np.repeat(x, 2, axis=0)).T.reshape(len(x), 2, -1)

    def beside(self, x: FloatArray, scaled: bool) -> FloatArray:
        """Return the events with the two functions appended, scaled or the plain sigmoid(log q)."""
        log_q = self.log_q(x)
        return np.concatenate([x, expit((log_q - self.centre) / self.scale if scaled else log_q).swapaxes(1, 2)], -1)


def perturbed_sample(
    embeddings: Sequence[Embedding], config: ToyConfig, perturbation: str, largest: float
) -> tuple[FloatArray, BoolArray]:
    """Draw each seed's perturbed training sample, as many events of each class at each of 100 values of nu.

    Returns:
        events (seeds, events, features) and labels (seeds, events).
    """
    each = config.perturbed // (2 * NUS_PER_TRAINING)
    grid = np.linspace(0, largest, NUS_PER_TRAINING)
    x = []
    for seed, embedding in enumerate(embeddings):
        rng = np.random.default_rng([seed, 30])
        x.append([embedding.draw(g, each, rng, perturbation, nu) for g in (SIGNAL, BACKGROUND) for nu in grid])
    x = np.array(x).reshape(len(embeddings), 2 * each * len(grid), -1)
    return x, np.tile(np.arange(x.shape[1]) < each * len(grid), (len(x), 1))


def _shuffled(x: FloatArray, label: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Put the events of all seeds in one random order."""
    order = np.random.default_rng(40).permutation(x.shape[1])
    return x[:, order], label[:, order]


def measure(
    networks: Mapping[str, Callable[[FloatArray], BoolArray]],
    embeddings: Sequence[Embedding],
    config: ToyConfig,
    perturbation: str,
    largest: float,
    boundary: float,
) -> dict[str, Any]:
    """Measure accuracies on fresh events at several nu, the same events for all networks and predictions.

    Arguments:
        networks: per name a function from events (seeds, events, features) to whether each is called signal.
        embeddings: per seed.
        perturbation, largest: kind and range of nu.
        boundary: log q below which an event is rejected, for the analytic q_c as for the trained flow.

    Returns:
        "nu"; "accuracy" and "error" (standard error over the seeds) per network and prediction, each one value per nu;
        "winner": at each nu the most accurate of the networks i to iv, its lead over the next and the lead's error.
    """
    nus = np.linspace(0, largest, config.points)
    lists: dict[str, list[FloatArray]] = {name: [] for name in (*networks, *PREDICTIONS)}
    for number, nu in enumerate(nus):
        parts = [
            [
                e.draw(gaussian, config.tests, np.random.default_rng([seed, 50, number, k]), perturbation, nu)
                for seed, e in enumerate(embeddings)
            ]
            for k, gaussian in enumerate((SIGNAL, BACKGROUND))
        ]
        x = np.concatenate(parts, 1)
        accepts = {name: network(x) for name, network in networks.items()}
        accepts |= _predicted(embeddings, x, perturbation, nu, largest, boundary)
        for name, accepted in accepts.items():
            lists[name].append(accuracy(accepted[:, : config.tests], accepted[:, config.tests :]))
    accuracies = {name: np.array(values) for name, values in lists.items()}  # (nu, seeds)
    return {
        "nu": nus.tolist(),
        "accuracy": {name: values.mean(1).tolist() for name, values in accuracies.items()},
        "error": {name: _standard_error(values).tolist() for name, values in accuracies.items()},
        "winner": [_winner({name: accuracies[name][k] for name in ("i", "ii", "iii", "iv")}) for k in range(len(nus))],
    }


def _predicted(
    embeddings: Sequence[Embedding], x: FloatArray, perturbation: str, nu: float, largest: float, boundary: float
) -> dict[str, BoolArray]:
    """What `PREDICTIONS` make of events (seeds, events, features) at nu; the other arguments are as of `measure`."""
    grid, pairs = np.linspace(0, largest, NUS_PER_TRAINING), list(zip(embeddings, x))
    return {
        "bayes": np.stack([e.log_ratio(x) > 0 for e, x in pairs]),
        "q_c": np.stack([e.log_contrastive(x, 1.0) > boundary for e, x in pairs]),
        "mixed": np.stack([e.log_mixed_ratio(x, perturbation, grid) > 0 for e, x in pairs]),
        "ratio": np.stack([e.log_ratio(x, perturbation, nu) > 0 for e, x in pairs]),
    }


def _standard_error(values: FloatArray) -> FloatArray:
    return np.std(values, axis=-1, ddof=1) / math.sqrt(values.shape[-1])


def _winner(accuracies: Mapping[str, FloatArray]) -> dict[str, Any]:
    """The best network by its mean over the seeds, with its lead over the next one seed by seed."""
    best, second = sorted(accuracies, key=lambda name: -accuracies[name].mean())[:2]
    lead = accuracies[best] - accuracies[second]
    return {"network": best, "next": second, "lead": float(lead.mean()), "error": float(_standard_error(lead))}
