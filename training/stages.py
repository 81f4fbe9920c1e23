"""The four stages from events to artifacts, in their order: flows, classifier, templates, neyman.

Each leaves a file in the output folder, with its configuration, the data it was made from and what it reached; the next
one reads it. Training events, template events and the events of pseudo-experiments are disjoint (`samples.PARTS`; the
test events of the data folder are read by none).
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from ingestion_test.sources import OfficialFolder
from runtime import files
from runtime.errors import ChallengeError
from submission import artifacts
from submission.likelihood import Likelihood

from . import checkpoints
from .conditions import check_for_networks, check_for_templates, events_with_jets
from .config import Config
from .histogram import BinsOfFeatures, make_histogram
from .networks import ClassifierResult, FlowsResult, Kind, train_classifier, train_flows
from .neyman import NeymanResult, make_estimator
from .samples import load_sample, remove_sample, training_part
from .templates import TemplateEvents, TemplatesResult, make_templates

STAGES = ("flows", "classifier", "templates", "neyman")

#: Parts of the configuration that a stage and those before it depend on.
READS = {
    "flows": ("networks",),
    "classifier": ("networks", "gate"),
    "templates": ("networks", "gate", "templates"),
    "neyman": tuple(field.name for field in dataclasses.fields(Config)),
}

_REMEDY = "remove it and run the stage again"


class Result(Protocol):
    """What a stage leaves: a dataclass with a summary of what it reached, a dict that JSON can hold."""

    @property
    def summary(self) -> dict[str, Any]:
        """What it reached."""


Result_co = TypeVar("Result_co", bound=Result, covariant=True)
T = TypeVar("T")


@dataclass(frozen=True)
class Stage(Generic[Result_co]):
    """A stage.

    Arguments:
        result: dataclass of what it leaves.
        run: function from the `Training` to that.
    """

    result: type[Result_co]
    run: Callable[["Training"], Result_co]


@dataclass(frozen=True)
class Training:
    """A training in an output folder.

    Arguments:
        config: `config.Config`.
        source: `sources.OfficialFolder` of the events.
        output: folder of the stages' files and checkpoints.
        device: "cpu" or "cuda".
        workers: who does work that is a list of independent tasks, as `runtime.tasks.as_completed` takes it.
    """

    config: Config
    source: OfficialFolder
    output: Path
    device: str = "cpu"
    workers: int | str = 1

    @property
    def stages(self) -> dict[str, Stage[Result]]:
        """The stages by their names.

        A method with other networks or another likelihood has stages of its own: see `experiments/`.
        """
        return {
            "flows": Stage(FlowsResult, flows_of_part),
            "classifier": Stage(ClassifierResult, _classifier),
            "templates": Stage(TemplatesResult, _templates),
            "neyman": Stage(NeymanResult, _neyman),
        }

    @property
    def kind(self) -> Kind:
        """The `networks.Kind` of classifier."""
        return Kind()

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints, made if it is not there."""
        folder = self.output.absolute() / "checkpoints"  # workers of a cluster may be elsewhere
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def path(self, stage: str) -> Path:
        """File of a finished stage."""
        return self.output / f"{stage}.npz"

    def about(self, stage: str) -> dict[str, Any]:
        """What the file of `stage` must have been made with to be of this training."""
        config = self.config.record()
        if stage == "flows":  # another classifier on top of them does not change them
            del config["networks"]["classifier"]
        return {
            "config": {name: config[name] for name in READS[stage]},
            "data": self.source.fingerprint(),
            "sum_weights": self.source.sum_weights,
            "rows": self.source.train_rows,
            "previous": self._previous(stage),
        }

    def _previous(self, stage: str) -> str | None:
        """Checksum of the file of the stage before `stage`, and so of all before it; None where there is none."""
        place = STAGES.index(stage)
        path = self.path(STAGES[place - 1])
        return hashlib.sha256(path.read_bytes()).hexdigest() if place and path.is_file() else None

    def run(self, stage: str) -> dict[str, Any]:
        """Run one stage and write its file.

        Returns:
            dict: what it reached.

        Raises:
            ChallengeError: the stage before it has not been run, its checkpoints are of another configuration, other
                data or another previous stage, or whatever that stage raises.
        """
        self._claim_checkpoints(stage)
        result = self.stages[stage].run(self)
        self.output.mkdir(parents=True, exist_ok=True)
        checkpoints.write(self.path(stage), result, self.about(stage))
        return result.summary

    def summary(self, stage: str) -> dict[str, Any] | None:
        """What `stage` reached, None if it was not run; raises ChallengeError as `result`."""
        return self._read(stage).summary if self.path(stage).exists() else None

    def has(self, stage: str) -> bool:
        """Whether `stage` was run and its file is of this training."""
        try:
            return self.summary(stage) is not None
        except ChallengeError:
            return False

    def result(self, stage: str, kind: type[T]) -> T:
        """What `stage` left.

        Arguments:
            kind: its class, as `stages` says.

        Raises:
            ChallengeError: it was not run, or its file is damaged, or of another configuration, other data or another
                previous stage.
        """
        if not self.path(stage).exists():
            raise ChallengeError(f"{self.path(stage)} is missing: run the stage {stage} first, or all")
        result = self._read(stage)
        assert isinstance(result, kind)
        return result

    @property
    def estimator(self) -> object:
        """What the stage neyman left for the artifacts; raises ChallengeError as `result`."""
        return self.result("neyman", NeymanResult).estimator

    def record(self) -> dict[str, Any]:
        """How the artifacts were made and what they reach: configuration, data, and a summary of each stage."""
        record = {"config": self.config.record(), "data": self.source.fingerprint()}
        return record | {stage: self.summary(stage) for stage in STAGES}

    def _read(self, stage: str) -> Result:
        path = self.path(stage)
        try:
            return checkpoints.read(path, self.stages[stage].result, self.about(stage), _REMEDY)
        except checkpoints.OtherOrigin as error:
            raise ChallengeError(
                f"{path} was made with another configuration, other data or another previous stage: choose another "
                "--output, or remove it"
            ) from error

    def _claim_checkpoints(self, stage: str) -> None:
        path, about = self.checkpoints / f"{stage}.json", self.about(stage)
        if path.exists() and files.read_json(path) != about:
            raise ChallengeError(
                f"{path.parent} has checkpoints of the stage {stage} with another configuration, other data or another "
                "previous stage: choose another --output, or remove that folder"
            )
        files.write_json(path, about)


def ship(training: Training, folder: str | Path) -> None:
    """Write the artifacts that the stage neyman left into `folder`, the manifest last."""
    contents = artifacts.contents(training.estimator, training.record())
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        with files.replaced(Path(folder) / name, "wb") as file:
            file.write(content)


def flows_of_part(training: Training, part: str = "flows") -> FlowsResult:
    """The stage of the flows, trained on a part of the sample; see `samples.PARTS`."""
    if training.config.networks.flows is None:
        return FlowsResult((), {})
    sample, held_out = (events_with_jets(training.source, name) for name in (part, "held-out"))
    resources = training.device, training.checkpoints, training.workers
    return train_flows(sample, held_out, training.config.networks, *resources)


def _classifier(training: Training) -> ClassifierResult:
    flows = training.result("flows", FlowsResult)
    config, folder = training.config, training.checkpoints / "classifier-events"
    folder.mkdir(exist_ok=True)
    sample = training_part(training.source, "classifier", config.networks.rows, folder)
    check_for_networks(sample, training.source, "classifier")
    held_out = events_with_jets(training.source, "held-out")
    result = train_classifier(
        functools.partial(load_sample, folder),
        held_out,
        flows.discriminators,
        config.networks,
        config.gate,
        training.device,
        training.checkpoints,
        training.kind,
        training.workers,
    )
    remove_sample(folder)
    return result


def _templates(training: Training) -> TemplatesResult:
    classifier = training.result("classifier", ClassifierResult)
    config = training.config.templates
    folder = training.checkpoints / "templates"
    folder.mkdir(exist_ok=True)
    sample = training_part(training.source, "templates", config.rows, folder)
    check_for_templates(sample, training.source)
    known = training_part(training.source, "held-out")
    histogram = make_histogram(classifier.scorer, known, sample, config, training.device)
    events = TemplateEvents(
        functools.partial(load_sample, folder),
        BinsOfFeatures(histogram, training.device),
        histogram.bins,
        json.dumps(training.about("templates")),
    )
    templates, summary = make_templates(events, config.seed, folder, training.workers)
    summary["events"] = len(sample.weights)
    summary["bins"] = {name: channel.stop - channel.start for name, channel in histogram.channels.items()}
    remove_sample(folder)
    return TemplatesResult(histogram, templates, summary)


def _neyman(training: Training) -> NeymanResult:
    templates = training.result("templates", TemplatesResult)
    config = training.config
    likelihood = Likelihood(templates.templates, config.likelihood)
    resources = training.workers, training.checkpoints / "throws"
    return make_estimator(templates.histogram, likelihood, config.belt, config.neyman, *resources)
