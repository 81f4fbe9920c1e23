"""Configuration of the training stages: frozen, with named presets, written into every artifact."""

from dataclasses import asdict, dataclass, field

from .classifier import ClassifierConfig
from .flows import TrainingConfig


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

    def record(self):
        """The configuration as a dict that JSON can hold."""
        return asdict(self)


FOUR_FLOWS = ("S", "S", "B", "B")

PRESETS = {
    "paper": NetworksConfig(
        FlowsConfig(
            TrainingConfig(models=FOUR_FLOWS, strengths=(0.2, 1.0, 0.1, 0.2), epochs=20),
            view="features",
            shape={"odd": "quadratic"},
            scaled=False,
        ),
        ClassifierConfig(),
    ),
    "default": NetworksConfig(
        FlowsConfig(TrainingConfig(models=FOUR_FLOWS, strengths=(0.2, 1.0, 0.2, 1.0), epochs=15)),
        ClassifierConfig(),
    ),
    "smoke": NetworksConfig(
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
}
