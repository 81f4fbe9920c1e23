"""The paper's toy studies: `python -m experiments toy` (Fig. 1 to 3, Tab. 1 and app. B).

Two studies, each over several seeds (of the samples, the initial weights and the matrices): how well the learned
density matches the analytic one, and how accurate four networks stay when the data are perturbed.
"""

import dataclasses
import math
from pathlib import Path

import numpy as np
from scipy.special import expit

from experiments import toy_figures
from experiments.classifiers import accuracy, train_classifiers
from experiments.gaussians import BACKGROUND, SIGNAL, Embedding, Grid, draw
from experiments.results import CONTINUED, claim, record
from runtime import files
from runtime.output import output_folder
from runtime.tables import Table
from submission.flows import FlowConfig, evaluate
from training.flows import TrainingConfig, train

SUMMARY = "flows against analytic densities, and four networks on perturbed Gaussians (paper, sec. 5)"
ABOUT_FILE = "toy_settings.json"
STRENGTHS = (0.5, 1.0, 2.0)
NUS_PER_TRAINING = 100  # values of nu in the perturbed training sample (sec. 5)


@dataclasses.dataclass(frozen=True)
class ToyConfig:
    """Sizes of the studies.

    Arguments:
        events: of each class in the unperturbed training samples (paper: 30,000).
        perturbed: events of both classes together in the perturbed training samples (paper: 10,000).
        tests: test events of each class per seed and value of nu.
        density_seeds, network_seeds: number of seeds of the two studies.
        plane, space: (layers, depth, width) of the flows in 2 and in 10 dimensions; the paper's are (30, 5, 64).
        plane_batch, space_batch: events of each class per step of the flows' training.
        plane_epochs, space_epochs: passes over the training events.
        points: values of nu per curve.
    """

    events: int = 30_000
    perturbed: int = 10_000
    tests: int = 10_000
    density_seeds: int = 10
    network_seeds: int = 6
    plane: tuple = (12, 2, 32)
    space: tuple = (12, 2, 64)
    plane_batch: int = 1_000
    space_batch: int = 1_000
    plane_epochs: int = 40
    space_epochs: int = 25
    points: int = 9


PRESETS = {
    "full": ToyConfig(),
    "smoke": ToyConfig(
        events=2_000,
        perturbed=1_000,
        tests=500,
        density_seeds=1,
        network_seeds=2,
        plane=(6, 1, 16),
        space=(6, 1, 16),
        plane_batch=200,
        space_batch=200,
        plane_epochs=6,
        space_epochs=4,
        points=3,
    ),
}

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


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument("--preset", choices=PRESETS, default="full", help="size of the studies (default: full)")
    parser.add_argument("--output", type=Path, help="folder of the results (default: runs/toy-PRESET)")


def run(arguments):
    """Run both studies; an interrupted run goes on from the flows' checkpoints in the output folder."""
    output = arguments.output or Path(f"runs/toy-{arguments.preset}")
    with output_folder(output, CONTINUED):
        _run(arguments, output)


def _run(arguments, output):
    config = PRESETS[arguments.preset]
    claim(output / ABOUT_FILE, record(config), resume=True)
    density = density_study(config, output)
    networks = network_study(config, output)
    tables = [density_table(density["flows"]), *network_tables(networks["panels"])]
    print("\n\n".join(table.text() for table in tables))
    files.write_json(
        output / "toy.json",
        {
            "preset": arguments.preset,
            "config": dataclasses.asdict(config),
            "density": density,
            "networks": networks,
        },
    )


# The density against its analytic form (Fig. 1, 2 and app. B) -----------------------------------------------------


def density_study(config, output):
    """Train a flow per strength and seed, compare each with the analytic density, and draw the figures.

    Returns:
        the training's configuration and, per flow, its c, seed, integrated absolute difference from the analytic
        density and mass beyond the boundary.
    """
    seeds = range(config.density_seeds)
    signal, background = (
        np.stack([draw(gaussian, config.events, np.random.default_rng([seed, number])) for seed in seeds])
        for number, gaussian in enumerate((SIGNAL, BACKGROUND))
    )
    strengths = tuple(strength for strength in STRENGTHS for _ in seeds)
    training = TrainingConfig(
        models=("S",) * len(strengths),
        strengths=strengths,
        batch=config.plane_batch,
        epochs=config.plane_epochs,
        patience=config.plane_epochs,
        learning_rate=5e-3,
        depth=8.0,
    )
    copies = (len(STRENGTHS), 1, 1)  # the same samples for each strength
    trained = train(
        np.tile(signal, copies),
        np.tile(background, copies),
        FlowConfig(2, *config.plane),
        training,
        checkpoint=output / "density.pt",
    )
    grid = Grid()
    log_q = evaluate(trained.flow, grid.points)
    flows = []
    for number, strength in enumerate(strengths):
        difference, beyond = grid.distance(log_q[:, number], strength)
        flows.append({"c": strength, "seed": number % len(seeds), "difference": difference, "beyond": beyond})

    first = {strength: log_q[:, number * len(seeds)] for number, strength in enumerate(STRENGTHS)}
    both = np.concatenate([signal[:1], background[:1]], 1)
    label = np.arange(2 * config.events)[None] < config.events
    shuffle = np.random.default_rng(3).permutation(2 * config.events)
    classifier = train_classifiers(both[:, shuffle], label[:, shuffle], seed=0)
    toy_figures.density(output / "density.png", grid, first[1.0], classifier, signal[0], background[0])
    toy_figures.strengths(output / "strengths.png", grid, first)
    toy_figures.rotated(output / "rotation.png", grid, first[1.0], classifier, signal[0], background[0])
    return {"training": dataclasses.asdict(training), "flows": flows}


def density_table(flows):
    """The study's `Table`: per c the mean and the worst over the seeds."""
    rows = []
    for strength in STRENGTHS:
        difference, beyond = (
            np.array([flow[key] for flow in flows if flow["c"] == strength]) for key in ("difference", "beyond")
        )
        good = np.sum((difference <= 0.10) & (beyond <= 0.02))
        rows.append(
            [
                f"{strength:g}",
                f"{difference.mean():.3f} (worst {difference.max():.3f})",
                f"{beyond.mean():.2%} (worst {beyond.max():.2%})",
                f"{good} of {len(difference)}",
            ]
        )
    return Table(("c", "integrated |q - q_c|", "mass beyond the boundary", "seeds within 0.10 and 2%"), rows)


# Four networks on perturbed data (Tab. 1 and Fig. 3) --------------------------------------------------------------


def network_study(config, output):
    """Train the four networks of Tab. 1 for every seed and measure their accuracy against nu.

    Returns:
        the flows' training configuration and, per panel, what `measure` returns.
    """
    embeddings = [Embedding(seed) for seed in range(config.network_seeds)]
    unperturbed = [
        np.stack(
            [e.draw(gaussian, config.events, np.random.default_rng([seed, 20, k])) for seed, e in enumerate(embeddings)]
        )
        for k, gaussian in enumerate((SIGNAL, BACKGROUND))
    ]
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
    pairs = [np.repeat(x, 2, axis=0) for x in unperturbed]  # both flows of a seed see its sample
    flow = train(*pairs, shape, training, checkpoint=output / "embedded.pt").flow
    discriminate = Discriminators(flow, np.concatenate(unperturbed, 1))

    label = np.repeat([[True], [False]], config.events, 0).reshape(1, -1).repeat(len(embeddings), 0)
    first = train_classifiers(*_shuffled(np.concatenate(unperturbed, 1), label), seed=1)
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
            networks[name] = lambda x, c=classifier, scaled=scaled: c.accepts(discriminate.beside(x, scaled))
        panels[panel] = measure(networks, embeddings, config, perturbation, largest, training.boundary(shape.features))
    toy_figures.accuracies(output / "accuracy.png", panels, NETWORKS, PREDICTIONS)
    return {"training": dataclasses.asdict(training), "panels": panels}


class Discriminators:
    """The discrimination functions of each seed's two flows (S against B, B against S) on that seed's events.

    Arguments:
        flow: `Flow` with the flows S, B of the first seed, S, B of the second, ...
        x: events (seeds, events, features) that set the scale.
    """

    def __init__(self, flow, x):
        self.flow = flow
        log_q = self.log_q(x)
        low, self.centre, high = np.quantile(log_q, [0.16, 0.5, 0.84], axis=-1, keepdims=True)
        self.scale = 0.5 * (high - low)

    def log_q(self, x):
        """Return log q, (seeds, 2, events), of events (seeds, events, features)."""
        return evaluate(self.flow, np.repeat(x, 2, axis=0)).T.reshape(len(x), 2, -1)

    def beside(self, x, scaled):
        """Return the events with the two functions appended, scaled or the plain sigmoid(log q)."""
        log_q = self.log_q(x)
        return np.concatenate([x, expit((log_q - self.centre) / self.scale if scaled else log_q).swapaxes(1, 2)], -1)


def perturbed_sample(embeddings, config, perturbation, largest):
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


def _shuffled(x, label):
    """Put the events of all seeds in one random order."""
    order = np.random.default_rng(40).permutation(x.shape[1])
    return x[:, order], label[:, order]


def measure(networks, embeddings, config, perturbation, largest, boundary):
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
    grid = np.linspace(0, largest, NUS_PER_TRAINING)
    nus = np.linspace(0, largest, config.points)
    found = {name: [] for name in (*networks, *PREDICTIONS)}
    for number, nu in enumerate(nus):
        signal, background = (
            np.stack(
                [
                    e.draw(gaussian, config.tests, np.random.default_rng([seed, 50, number, k]), perturbation, nu)
                    for seed, e in enumerate(embeddings)
                ]
            )
            for k, gaussian in enumerate((SIGNAL, BACKGROUND))
        )
        x = np.concatenate([signal, background], 1)
        accepts = {name: network(x) for name, network in networks.items()}
        pairs = list(zip(embeddings, x))
        accepts["bayes"] = np.stack([e.log_ratio(x) > 0 for e, x in pairs])
        accepts["q_c"] = np.stack([e.log_contrastive(x, 1.0) > boundary for e, x in pairs])
        accepts["mixed"] = np.stack([e.log_mixed_ratio(x, perturbation, grid) > 0 for e, x in pairs])
        accepts["ratio"] = np.stack([e.log_ratio(x, perturbation, nu) > 0 for e, x in pairs])
        for name, accepted in accepts.items():
            found[name].append(accuracy(accepted[:, : config.tests], accepted[:, config.tests :]))
    found = {name: np.array(values) for name, values in found.items()}  # (nu, seeds)
    return {
        "nu": nus.tolist(),
        "accuracy": {name: values.mean(1).tolist() for name, values in found.items()},
        "error": {name: _standard_error(values).tolist() for name, values in found.items()},
        "winner": [_winner({name: found[name][k] for name in ("i", "ii", "iii", "iv")}) for k in range(len(nus))],
    }


def _standard_error(values):
    return np.std(values, axis=-1, ddof=1) / math.sqrt(values.shape[-1])


def _winner(accuracies):
    """The best network by its mean over the seeds, with its lead over the next one seed by seed."""
    best, second = sorted(accuracies, key=lambda name: -accuracies[name].mean())[:2]
    lead = accuracies[best] - accuracies[second]
    return {"network": best, "next": second, "lead": float(lead.mean()), "error": float(_standard_error(lead))}


def network_tables(panels):
    """The accuracies against nu, in percent with their errors: a `Table` per panel."""
    for panel, result in panels.items():
        rows = [
            [f"{name}: {label}"]
            + [f"{100 * a:.2f} ± {100 * e:.2f}" for a, e in zip(result["accuracy"][name], result["error"][name])]
            for name, label in {**NETWORKS, **PREDICTIONS}.items()
        ]
        rows.append(["best of i to iv", *map(_verdict, result["winner"])])
        yield Table(("nu", *(f"{nu:.3f}" for nu in result["nu"])), rows, f"{panel}: accuracy in percent")


def _verdict(winner):
    """The winner, or both names where its lead is less than two errors."""
    clear = winner["lead"] > 2 * winner["error"]
    return winner["network"] if clear else f"{winner['network']} ~ {winner['next']}"
