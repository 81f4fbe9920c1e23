"""The methods of the paper's Table 2 and others: how each is trained, and the submission folder that it becomes."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from experiments.boosted.training import BoostedConfig, BoostedTraining
from experiments.boosted.trees import BoostedScorer
from experiments.mle_nu.training import NuClassifierConfig, NuNeymanConfig, NuTemplatesConfig, NuTraining
from ingestion_test.submissions import PROJECT, checksum
from runtime import files
from submission import artifacts
from submission.likelihood import PRESETS as LIKELIHOODS
from submission.score import Scorer
from training.config import PRESETS, Config, default_output
from training.stages import STAGES, Training, ship


@dataclass(frozen=True)
class Method:
    """A method.

    Arguments:
        label: in tables and figures.
        config: function from "full" or "smoke" to `training.config.Config`; None if nothing is trained beforehand.
        training: class of its training.
        scorer: class that reads its artifacts' networks; None if its artifacts are of another kind.
        package: folder of `experiments/` with its `model.py`; None for this project's own.
        experiments: pseudo-experiments per value of mu that a full run has at the most; None for all.
    """

    label: str
    config: Callable | None
    training: type = Training
    scorer: type | None = Scorer
    package: str | None = None
    experiments: int | None = None


def _cnf(preset):
    return PRESETS["cnf" if preset == "full" else preset]


def _default(preset):
    config = _cnf(preset)
    return replace(config, networks=replace(config.networks, flows=None))


def _paper(preset):
    """The preset paper; in other sizes what is peculiar to it, in the size of that preset."""
    paper, size = PRESETS["paper"], _cnf(preset)
    if preset == "full":
        return paper
    flows = replace(size.networks.flows, view=paper.networks.flows.view, scaled=False)  # type: ignore[union-attr]
    templates = replace(size.templates, no_jet_bins=0)
    networks = replace(size.networks, flows=flows)
    return replace(size, networks=networks, templates=templates, likelihood=paper.likelihood, belt=paper.belt)


def _baseline(preset):
    return replace(_default(preset), likelihood=LIKELIHOODS["mu alone"], belt=PRESETS["paper"].belt)


def _boosted(preset):
    config = _default(preset)
    trees = BoostedConfig() if preset == "full" else BoostedConfig(rounds=30, leaves=15)
    return replace(config, networks=replace(config.networks, classifier=trees))


def _mle_nu(preset):
    size = _default(preset)
    networks = replace(size.networks, classifier=NuClassifierConfig(**vars(size.networks.classifier)))
    bins = {name: getattr(size.templates, name) for name in ("signal_bins", "background_bins", "edge_events")}
    templates, neyman = NuTemplatesConfig(**bins), NuNeymanConfig()
    if preset != "full":
        templates, neyman = replace(templates, shipped=5000), replace(neyman, experiments=16)
    # No gate: the sum of scores is a likelihood only if all events have one.
    return Config(networks, None, templates, LIKELIHOODS["mu alone"], PRESETS["paper"].belt, neyman)  # type: ignore[arg-type]


METHODS = {
    "default": Method("DNN, all nuisance parameters fitted", _default),
    "cnf": Method("CNF + DNN, all fitted", _cnf),
    "paper": Method("CNF + DNN, as published", _paper),
    "boosted": Method("boosted trees, all fitted", _boosted, BoostedTraining, BoostedScorer, "boosted"),
    "baseline": Method("DNN, mu alone fitted", _baseline),
    "mle-nu": Method("MLE with nu", _mle_nu, NuTraining, None, "mle_nu", experiments=10),
    "template-fit": Method("template fit of the visible mass", None, scorer=None, package="template_fit"),
}

#: What is copied beside the code of a method that has its own.
_SHARED = ("__init__.py", "artifact_model.py")


def prepare(name, preset, source, output, device="cpu", workers=1, own_sample=False):
    """Train a method, as far as it is not trained, and make its submission folder, unless it is there.

    A stage that another method in `output`, or `python -m training`, has run with the same configuration and the same
    data is taken over.

    Arguments:
        name: in `METHODS`.
        preset: "full" or "smoke".
        source: `sources.OfficialFolder` of the training events.
        output: folder of all methods.
        device, workers: as for `training.stages.Training`.
        own_sample: whether `source` is the sample that `training.config.SAMPLES` names; the shipped weights are of it.

    Returns:
        Path of the submission folder.

    Raises:
        ChallengeError: as the stages.
    """
    folder = Path(output) / name / "submission"
    if folder.exists():
        return folder
    method = METHODS[name]
    trained = None
    if method.config is not None:
        trained = _training(name, preset, source, output, device, workers)
        if _is_shipped(trained, own_sample):
            trained = None
        else:
            others = [_training(other, preset, source, output) for other in METHODS if METHODS[other].config]
            others += [Training(config, source, default_output(kind)) for kind, config in PRESETS.items()]
            for stage in STAGES:
                run_or_adopt(trained, stage, others)
    part = folder.with_name(".submission.part")
    shutil.rmtree(part, ignore_errors=True)
    _copy_code(method, part, keep_artifacts=trained is None)
    if trained is not None:
        ship(trained, part / "submission" / "artifacts")
    part.rename(folder)
    return folder


def code_checksum():
    """Checksum of what the submissions of all `METHODS` are copied from: their code, and the shipped artifacts."""
    with tempfile.TemporaryDirectory() as folder:
        for name, method in METHODS.items():
            _copy_code(method, Path(folder) / name, keep_artifacts=True)
        return checksum(folder)


def likelihood_of(name, folder):
    """The `Likelihood` in a method's submission folder; None where its artifacts are of another kind."""
    scorer = METHODS[name].scorer
    if scorer is None:
        return None
    return artifacts.load(Path(folder) / "submission" / "artifacts", scorer).likelihood


def _training(name, preset, source, output, device="cpu", workers=1):
    method = METHODS[name]
    return method.training(method.config(preset), source, Path(output) / name / "training", device, workers)


def _is_shipped(training, own_sample):
    """Whether the submission's own artifacts are those that `training` would make."""
    if type(training) is not Training or not (artifacts.FOLDER / artifacts.MANIFEST).exists():
        return False
    record = json.loads((artifacts.FOLDER / artifacts.MANIFEST).read_text(encoding="utf-8"))["record"]
    if record["config"] != training.config.record():
        return False
    if record["data"] == training.source.fingerprint():
        return True
    if own_sample:
        # Simulated samples are the same everywhere but for the rounding of the processors.
        print("the shipped weights were trained on another file than this machine's sample", flush=True)
    return own_sample


def run_or_adopt(training, stage, others):
    """Run `stage` of a `Training` unless it is done, or take it over from one of `others` that agrees in all it reads.

    Raises:
        ChallengeError: as `training.stages.Training.run`.
    """
    if training.path(stage).exists():
        training.done(stage)
        return
    for other in others:
        if other.about(stage) == training.about(stage) and other.has(stage):
            print(f"{stage}: taken from {other.output}", flush=True)
            training.output.mkdir(parents=True, exist_ok=True)
            with files.replaced(training.path(stage), "wb") as file:
                file.write(other.path(stage).read_bytes())
            return
    print(f"{stage} ...", flush=True)
    training.run(stage)


def _copy_code(method, folder, keep_artifacts):
    """The submission without what is trained; with the project's own artifacts only if asked for."""
    leave_out = shutil.ignore_patterns("__pycache__", "training.py", *(() if keep_artifacts else ("artifacts",)))
    shutil.copytree(PROJECT / "submission", folder / "submission", ignore=leave_out)
    origin = PROJECT
    if method.package is not None:
        origin = PROJECT / "experiments" / method.package
        shutil.copytree(origin, folder / "experiments" / method.package, ignore=leave_out)
        for name in _SHARED:
            shutil.copy2(PROJECT / "experiments" / name, folder / "experiments" / name)
    shutil.copy2(origin / "model.py", folder / "model.py")
