"""Configuration of the training stages: frozen, with named presets, written into every artifact."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from submission.confidence import BeltConfig
from submission.likelihood import PRESETS as LIKELIHOODS
from submission.likelihood import LikelihoodConfig

from .classifier import ClassifierConfig
from .flows import TrainingConfig
from .gate import GateConfig
from .neyman import NeymanConfig


@dataclass(frozen=True)
class FlowsConfig:
    """The flows of each category.

    Arguments:
        training: `TrainingConfig`; its `models` and `strengths` say which flows there are.
        view: what they read of an event, see `submission.score.VIEWS`.
        events: balanced training events of each category, about; those that validate come on top.
        shape: what differs from the paper's size, see `submission.flows.FlowConfig`.
        scaled: whether the discrimination functions are sigmoid((log q - median) / spread) or plainly sigmoid(log q).
    """

    training: TrainingConfig
    view: str = "coordinates"
    events: int = 640_000
    shape: dict = field(default_factory=dict)
    scaled: bool = True


@dataclass(frozen=True)
class NetworksConfig:
    """Flows and classifier.

    Arguments:
        flows: `FlowsConfig`; None for a classifier of the features alone.
        classifier: `ClassifierConfig`.
        datasets: sub-datasets of the classifier's training events, each with nuisance parameters of its own.
        events: balanced events of each sub-dataset, before the post-selection.
        held_out: balanced events at nominal nuisance parameters, for the summary.
        seed: of all draws.
    """

    flows: FlowsConfig | None
    classifier: ClassifierConfig
    datasets: int = 1000
    events: int = 5000
    held_out: int = 400_000
    seed: int = 2024


@dataclass(frozen=True)
class TemplatesConfig:
    """The histogram and its templates.

    Arguments:
        signal_bins, background_bins: equal shares of signal and of background between score edges, in each category.
        no_jet_bins: bins of the visible mass of events without a jet; 0 leaves these events out.
        edge_events: balanced events that the edges are taken from.
        rows: events of the part for templates that are used at the most; None for all, which are never in memory.
        seed: of the draws for the edges and of the soft MET noise.
    """

    signal_bins: int = 30
    background_bins: int = 12
    no_jet_bins: int = 20
    edge_events: int = 400_000
    rows: int | None = None
    seed: int = 7


@dataclass(frozen=True)
class Config:
    """All stages."""

    networks: NetworksConfig
    gate: GateConfig | None = field(default_factory=GateConfig)
    templates: TemplatesConfig = field(default_factory=TemplatesConfig)
    likelihood: LikelihoodConfig = field(default_factory=LikelihoodConfig)
    belt: BeltConfig = field(default_factory=BeltConfig)
    neyman: NeymanConfig = field(default_factory=NeymanConfig)

    def record(self):
        """The configuration as JSON holds it."""
        return json.loads(json.dumps(asdict(self)))


FOUR_FLOWS = ("S", "S", "B", "B")

#: Size and seed of the simulated sample that a preset is trained on where no data are given. Scoring has seed 0.
SAMPLES = {"paper": ("large", 1), "cnf": ("large", 1), "default": ("large", 1), "smoke": ("small", 1)}

_CNF = NetworksConfig(
    FlowsConfig(
        TrainingConfig(models=FOUR_FLOWS, strengths=(0.2, 1.0, 0.2, 1.0), epochs=12),
        shape={"layers": 12, "depth": 2, "width": 32},
    ),
    ClassifierConfig(width=64, depth=4, epochs=8),
    datasets=2000,
)

#: `cnf` is the paper's method with smaller networks and a better fit, `default` the same without flows, whose intervals
#: are shorter (docs/results.md); `smoke` has flows, so that it shows all stages.
#: Flows of the paper's size take 25 times as long as those of `cnf`: hence fewer events and epochs for them. Their
#: odd layers are monotone: with the published quadratic ones log q of far events overflowed in the first epoch. The
#: gate is ours too: it changes no cut that keeps up to half of the signal, and makes scoring four times as fast.
PRESETS = {
    "paper": Config(
        NetworksConfig(
            FlowsConfig(
                TrainingConfig(models=FOUR_FLOWS, strengths=(0.2, 1.0, 0.1, 0.2), epochs=6),
                view="features",
                events=80_000,
                scaled=False,
            ),
            ClassifierConfig(epochs=3),
        ),
        templates=TemplatesConfig(no_jet_bins=0, rows=1_500_000),
        likelihood=LIKELIHOODS["paper"],
        belt=BeltConfig("central", use_error=False, mu_range=(0.0, 5.0)),
    ),
    "cnf": Config(_CNF),
    "default": Config(replace(_CNF, flows=None)),
    "smoke": Config(
        NetworksConfig(
            FlowsConfig(
                TrainingConfig(models=("S", "B"), strengths=(0.5, 0.5), epochs=15, batch=200, learning_rate=5e-3),
                events=3200,
                shape={"layers": 4, "depth": 1, "width": 16},
            ),
            ClassifierConfig(width=16, depth=2, batch=500, epochs=2, learning_rate=5e-3),
            datasets=8,
            events=2000,
            held_out=20_000,
        ),
        GateConfig(width=16, batch=100, learning_rate=1e-2),
        TemplatesConfig(signal_bins=4, background_bins=3, no_jet_bins=4, edge_events=20_000),
        neyman=NeymanConfig(belt_throws=4000, check_mus=3, check_throws=400),
    ),
}


def default_output(preset):
    """The folder that a preset is trained in unless another one is given."""
    return Path("runs") / f"training-{preset}"
