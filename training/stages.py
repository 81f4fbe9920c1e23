"""The four stages from events to artifacts: flows, classifier, templates, neyman.

Each leaves a file in the output folder, with its configuration, the data it was made from and what it reached; the next
one reads it. Training events, template events and the events of pseudo-experiments are disjoint (`samples.PARTS`; the
test events of the data folder are read by none).
"""

import dataclasses
import functools
import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ingestion_test.schema import FEATURES
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import transform
from runtime import files
from runtime.errors import ChallengeError
from submission import artifacts
from submission.estimator import Estimator
from submission.histogram import NO_JET_FEATURE, Histogram, edges_of_scores
from submission.likelihood import Likelihood
from submission.score import Scorer
from submission.templates import Templates

from .config import Config
from .flows import own_gpu
from .networks import Kind, scored, train_classifier, train_flows
from .neyman import belt_throws, check, check_throws, cramer_rao_table, make_belts
from .samples import draw, load_sample, remove_sample, training_part
from .templates import TemplateEvents, make_templates

STAGES = ("flows", "classifier", "templates", "neyman")

#: Parts of the configuration that a stage and those before it depend on.
READS = {
    "flows": ("networks",),
    "classifier": ("networks", "gate"),
    "templates": ("networks", "gate", "templates"),
    "neyman": tuple(field.name for field in dataclasses.fields(Config)),
}

#: Changes when a stage's file of an earlier version can no longer be read.
VERSION = 2


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
    def checkpoints(self):
        """Folder of the checkpoints, made if it is not there."""
        folder = self.output.absolute() / "checkpoints"  # workers of a cluster may be elsewhere
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def path(self, stage):
        """File of a finished stage."""
        return self.output / f"{stage}.pt"

    def about(self, stage):
        """What the file of `stage` must have been made with to be of this training."""
        config = self.config.record()
        return {
            "config": {name: config[name] for name in READS[stage]},
            "data": self.source.fingerprint(),
            "sum_weights": self.source.sum_weights,
            "previous": self._previous(stage),
        }

    def _previous(self, stage):
        """Checksum of the file of the stage before `stage`, and so of all before it; None where there is none."""
        place = STAGES.index(stage)
        path = self.path(STAGES[place - 1])
        return hashlib.sha256(path.read_bytes()).hexdigest() if place and path.is_file() else None

    @property
    def steps(self):
        """What runs each stage: dict from its name to a function of the training that returns (summary, state).

        A method with other networks or another likelihood has stages of its own: see `experiments/`.
        """
        return {"flows": _flows, "classifier": _classifier, "templates": _templates, "neyman": _neyman}

    @property
    def kind(self):
        """The `networks.Kind` of classifier."""
        return Kind()

    def run(self, stage):
        """Run one stage and write its file.

        Returns:
            dict: what it reached.

        Raises:
            ChallengeError: the stage before it has not been run, its checkpoints are of another configuration, other
                data or another previous stage, or whatever that stage raises.
        """
        self._claim_checkpoints(stage)
        summary, state = self.steps[stage](self)
        self._save(stage, summary, state)
        return summary

    def done(self, stage):
        """The summary that `stage` left, None if it was not run.

        Raises:
            ChallengeError: its file is damaged, or of another configuration, other data or another previous stage.
        """
        return self._load(stage)["summary"] if self.path(stage).exists() else None

    def has(self, stage):
        """Whether `stage` was run and its file is of this training."""
        try:
            return self.done(stage) is not None
        except ChallengeError:
            return False

    def state(self, stage):
        """What `stage` made.

        Raises:
            ChallengeError: it was not run, or as `done`.
        """
        if not self.path(stage).exists():
            raise ChallengeError(f"{self.path(stage)} is missing: run the stage {stage} first, or all")
        return self._load(stage)["state"]

    def _claim_checkpoints(self, stage):
        path, about = self.checkpoints / f"{stage}.json", self.about(stage)
        if path.exists() and files.read_json(path) != about:
            raise ChallengeError(
                f"{path.parent} has checkpoints of the stage {stage} with another configuration, other data or another "
                "previous stage: choose another --output, or remove that folder"
            )
        files.write_json(path, about)

    def _save(self, stage, summary, state):
        buffer = io.BytesIO()
        torch.save({"version": VERSION, "about": self.about(stage), "summary": summary, "state": state}, buffer)
        self.output.mkdir(parents=True, exist_ok=True)
        with files.replaced(self.path(stage), "wb") as file:
            file.write(buffer.getbuffer())

    def _load(self, stage):
        path = self.path(stage)
        try:
            if not path.is_file():  # a pipe would be waited for
                raise ValueError("no regular file")
            found = torch.load(path, map_location="cpu", weights_only=True)
            about, version = found["about"], found["version"]
        except Exception as error:  # of the many kinds that damaged files give
            raise ChallengeError(f"{path} cannot be read ({error!r}): remove it and run the stage again") from error
        if version != VERSION or about != self.about(stage):
            raise ChallengeError(
                f"{path} was made with another configuration, other data or another previous stage: choose another "
                "--output, or remove it"
            )
        return found


def _flows(training):
    if training.config.networks.flows is None:
        return {}, Scorer((), (), None).state()
    parts = (training_part(training.source, part).with_jets() for part in ("networks", "held-out"))
    how = training.device, training.checkpoints, training.workers
    discriminators, summary = train_flows(*parts, training.config.networks, *how)
    return summary, Scorer(discriminators, (), None).state()


def _classifier(training):
    discriminators = Scorer.from_state(training.state("flows")).discriminators
    sample, held_out = (training_part(training.source, part).with_jets() for part in ("networks", "held-out"))
    config = training.config
    arguments = (config.networks, config.gate, training.device, training.checkpoints, training.kind)
    scorer, summary = train_classifier(sample, held_out, discriminators, *arguments)
    return summary, scorer.state()


def _templates(training):
    scorer = training.kind.scorer.from_state(training.state("classifier"))
    config = training.config.templates
    folder = training.checkpoints / "templates"
    folder.mkdir(exist_ok=True)
    events = training_part(training.source, "templates", config.rows, folder)
    histogram = make_histogram(scorer, training, events)
    templates, summary = make_templates(
        TemplateEvents(
            functools.partial(load_sample, folder),
            _Bins(histogram, training.device),
            histogram.bins,
            json.dumps(training.about("templates")),
        ),
        config.seed,
        folder,
        training.workers,
    )
    summary["events"] = len(events.weights)
    summary["bins"] = {name: channel.stop - channel.start for name, channel in histogram.channels.items()}
    edges = [torch.as_tensor(inner) for inner in histogram.score_edges]
    no_jet = None if histogram.no_jet_edges is None else torch.as_tensor(histogram.no_jet_edges)
    arrays = {name: torch.as_tensor(values) for name, values in templates.arrays().items()}
    remove_sample(folder)
    return summary, {"score_edges": edges, "no_jet_edges": no_jet, "templates": arrays}


@dataclass(frozen=True)
class _Bins:
    """Bins of events given as an array of features, as worker processes get them."""

    histogram: Histogram
    device: str

    def __call__(self, features):
        self.histogram.scorer.to(own_gpu(self.device, os.getpid()))
        return self.histogram.bins_of(dict(zip(FEATURES, features.T)))


def make_histogram(scorer, training, events):
    """Bins: the scores' edges from events that the networks know, so that templates are free of the choice."""
    config = training.config.templates
    known = training_part(training.source, "networks").with_jets()
    batches = draw(known, config.edge_events, np.random.default_rng(config.seed))
    bins = (config.signal_bins, config.background_bins)
    edges = [edges_of_scores(*scores, *bins) for scores in scored(scorer.to(training.device), batches)]
    no_jet = None
    if config.no_jet_bins:
        features = dict(zip(FEATURES, transform(events.primaries[: config.edge_events])[0].T))
        mass = features[NO_JET_FEATURE][features["PRI_n_jets"] == 0]
        no_jet = np.unique(np.quantile(mass, np.arange(1, config.no_jet_bins) / config.no_jet_bins))
    return Histogram(scorer.to("cpu"), tuple(edges), no_jet)  # as it can be sent to worker processes


def _neyman(training):
    config, state = training.config, training.state("templates")
    scorer = training.kind.scorer.from_state(training.state("classifier"))
    templates = Templates(**{name: values.numpy() for name, values in state["templates"].items()})
    likelihood = Likelihood(templates, config.likelihood)
    folder = training.checkpoints / "throws"
    throws = belt_throws(likelihood, config.belt.mu_range, config.neyman, training.workers, folder)
    central = dataclasses.replace(config.belt, ordering="central")
    belt, central_belt = make_belts(throws, [config.belt, central])
    checked = check_throws(likelihood, config.neyman, training.workers, folder)
    results = {"shipped": check(belt, checked), "central": check(central_belt, checked)}
    summary = {
        "cramer_rao": cramer_rao_table(likelihood, config.neyman),
        **{f"{name}_width": result.mean_width for name, result in results.items()},
        **{f"{name}_table": result.table() for name, result in results.items()},
    }
    no_jet = None if state["no_jet_edges"] is None else state["no_jet_edges"].numpy()
    histogram = Histogram(scorer, tuple(edges.numpy() for edges in state["score_edges"]), no_jet)
    record = {"config": config.record(), "data": training.source.fingerprint()}
    record |= {stage: training.done(stage) for stage in STAGES[:-1]} | {"neyman": summary}
    made = artifacts.contents(Estimator(histogram, likelihood, belt), record)
    return summary, {name: torch.frombuffer(bytearray(content), dtype=torch.uint8) for name, content in made.items()}


def ship(training, folder):
    """Write the artifacts that the stage neyman made into `folder`, the manifest last."""
    made = training.state("neyman")
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, content in made.items():  # in the order in which `artifacts.contents` gave them
        with files.replaced(Path(folder) / name, "wb") as file:
            file.write(content.numpy().tobytes())
