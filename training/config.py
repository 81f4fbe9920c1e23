"""Configuration of the training stages: frozen, with named presets, written into every artifact."""

import json
from dataclasses import asdict, dataclass, field

from submission.confidence import BeltConfig
from submission.likelihood import PRESETS as LIKELIHOODS
from submission.likelihood import LikelihoodConfig

from .classifier import ClassifierConfig
from .flows import TrainingConfig
from .neyman import NeymanConfig


@dataclass(frozen=True)
class FlowsConfig:
    """The flows of each category.

    Arguments:
        training: `TrainingConfig`; its `models` and `strengths` say which flows there are.
        view: what they read of an event, see `submission.score.VIEWS`.
        events: balanced training events of each category, about.
        shape: what differs from the paper's size, see `submission.flows.FlowConfig`.
        scaled: whether the discrimination functions are sigmoid((log q - median) / spread) or plainly sigmoid(log q).
    """

    training: TrainingConfig
    view: str = "coordinates"
    events: int = 800_000
    shape: dict = field(default_factory=dict)
    scaled: bool = True


@dataclass(frozen=True)
class NetworksConfig:
    """Flows and classifier.

    Arguments:
        flows: `FlowsConfig`.
        classifier: `ClassifierConfig`.
        datasets: sub-datasets of the classifier's training events, each with nuisance parameters of its own.
        events: balanced events of each sub-dataset, before the post-selection.
        held_out: balanced events at nominal nuisance parameters, for the summary.
        seed: of all draws.
    """

    flows: FlowsConfig
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
        seed: of the draws for the edges and of the soft MET noise.
    """

    signal_bins: int = 30
    background_bins: int = 12
    no_jet_bins: int = 20
    edge_events: int = 400_000
    seed: int = 7


@dataclass(frozen=True)
class Config:
    """All stages."""

    networks: NetworksConfig
    templates: TemplatesConfig = field(default_factory=TemplatesConfig)
    likelihood: LikelihoodConfig = field(default_factory=LikelihoodConfig)
    belt: BeltConfig = field(default_factory=BeltConfig)
    neyman: NeymanConfig = field(default_factory=NeymanConfig)

    def record(self):
        """The configuration as JSON holds it."""
        return json.loads(json.dumps(asdict(self)))


FOUR_FLOWS = ("S", "S", "B", "B")

PRESETS = {
    "paper": Config(
        NetworksConfig(
            FlowsConfig(
                TrainingConfig(models=FOUR_FLOWS, strengths=(0.2, 1.0, 0.1, 0.2), epochs=20),
                view="features",
                shape={"odd": "quadratic"},
                scaled=False,
            ),
            ClassifierConfig(),
        ),
        TemplatesConfig(no_jet_bins=0),
        LIKELIHOODS["paper"],
        BeltConfig("central", use_error=False),
    ),
    "default": Config(
        NetworksConfig(
            FlowsConfig(TrainingConfig(models=FOUR_FLOWS, strengths=(0.2, 1.0, 0.2, 1.0), epochs=15)),
            ClassifierConfig(),
        ),
    ),
    "smoke": Config(
        NetworksConfig(
            FlowsConfig(
                TrainingConfig(models=("S", "B"), strengths=(0.5, 0.5), epochs=15, batch=200, learning_rate=5e-3),
                events=4000,
                shape={"layers": 4, "depth": 1, "width": 16},
            ),
            ClassifierConfig(width=16, depth=2, batch=500, epochs=2, learning_rate=5e-3),
            datasets=8,
            events=2000,
            held_out=20_000,
        ),
        TemplatesConfig(signal_bins=4, background_bins=3, no_jet_bins=4, edge_events=20_000),
        neyman=NeymanConfig(belt_throws=4000, check_mus=3, check_throws=400),
    ),
}
