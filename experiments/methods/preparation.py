"""From a method to a submission folder: its training, as far as it is not there, and its code."""

from __future__ import annotations

import importlib
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ingestion_test.sources import OfficialFolder
from ingestion_test.submissions import PROJECT, checksum
from runtime import files
from submission import artifacts
from submission.estimator import Estimator
from submission.likelihood import Likelihood
from training.config import PRESETS, default_output
from training.stages import STAGES, Training, ship

from .method import Method
from .registry import METHODS

#: What is copied beside the code of a method that has its own.
_SHARED = ("__init__.py", "methods/__init__.py", "methods/artifact_model.py")


def prepare(
    name: str,
    preset: str,
    source: OfficialFolder,
    output: Path,
    device: str = "cpu",
    workers: int | str = 1,
    own_sample: bool = False,
) -> Path:
    """Train a method, as far as it is not trained, and make its submission folder, unless it is there.

    A stage that another method in `output`, or `python -m training`, has run with the same configuration and the same
    data is taken over.

    Arguments:
        name: in `METHODS`.
        preset: "full" or "smoke".
        source: of the training events.
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
        if is_shipped(trained, own_sample):
            trained = None
        else:
            others = [_training(other, preset, source, output) for other in METHODS if METHODS[other].config]
            others += [Training(config, source, default_output(kind)) for kind, config in PRESETS.items()]
            for stage in STAGES:
                run_or_adopt(trained, stage, others)
    unfinished = folder.with_name(".submission.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    _copy_code(method, unfinished, keep_artifacts=trained is None)
    if trained is not None:
        ship(trained, unfinished / "submission" / "artifacts")
    unfinished.rename(folder)
    return folder


def code_checksum(name: str, preset: str) -> str:
    """Checksum of what the submission of a method is copied from: its code, and the shipped artifacts if they are its.

    Arguments:
        name, preset: as for `prepare`.
    """
    config, manifest = METHODS[name].config, artifacts.FOLDER / artifacts.MANIFEST
    shipped = artifacts.load_manifest()["record"]["config"] if manifest.exists() else None
    with tempfile.TemporaryDirectory() as folder:
        of_shipped = config is not None and config(preset).record() == shipped
        _copy_code(METHODS[name], Path(folder) / name, keep_artifacts=of_shipped)
        return checksum(folder)


def likelihood_of(name: str, folder: Path) -> Likelihood | None:
    """The likelihood in a method's submission folder; None where its artifacts are of another kind."""
    if METHODS[name].estimator is not Estimator:
        return None
    return artifacts.load(Path(folder) / "submission" / "artifacts").likelihood


def _training(
    name: str, preset: str, source: OfficialFolder, output: Path, device: str = "cpu", workers: int | str = 1
) -> Training:
    method = METHODS[name]
    assert method.config is not None, f"nothing is trained for {name}"
    return method.training(method.config(preset), source, Path(output) / name / "training", device, workers)


def is_shipped(training: Training, own_sample: bool) -> bool:
    """Whether the submission's own artifacts are those that `training` would make."""
    if type(training) is not Training or not (artifacts.FOLDER / artifacts.MANIFEST).exists():
        return False
    record = artifacts.load_manifest()["record"]
    if record["config"] != training.config.record():
        return False
    if record["data"] == training.source.fingerprint():
        return True
    if own_sample:
        # Simulated samples are the same everywhere but for the rounding of the processors.
        print("the shipped weights were trained on another file than this machine's sample", flush=True)
    return own_sample


def run_or_adopt(training: Training, stage: str, others: Iterable[Training]) -> None:
    """Run `stage` of a `Training` unless it is done, or take it over from one of `others` that agrees in all it reads.

    Raises:
        ChallengeError: as `training.stages.Training.run`.
    """
    if training.path(stage).exists():
        training.summary(stage)
        return
    for other in others:
        same_code = other.stages[stage] == training.stages[stage] and other.kind == training.kind
        if same_code and other.about(stage) == training.about(stage) and other.has(stage):
            print(f"{stage}: taken from {other.output}", flush=True)
            training.output.mkdir(parents=True, exist_ok=True)
            with files.replaced(training.path(stage), "wb") as file:
                file.write(other.path(stage).read_bytes())
            return
    print(f"{stage} ...", flush=True)
    training.run(stage)


def _copy_code(method: Method, folder: Path, keep_artifacts: bool) -> None:
    """The submission without what is trained; with the project's own artifacts only if asked for."""
    leave_out = shutil.ignore_patterns("__pycache__", "training.py", *(() if keep_artifacts else ("artifacts",)))
    shutil.copytree(PROJECT / "submission", folder / "submission", ignore=leave_out)
    origin = PROJECT
    if method.package is not None:
        origin = PROJECT / "experiments" / "methods" / method.package
        shutil.copytree(origin, folder / "experiments" / "methods" / method.package, ignore=leave_out)
        for name in _SHARED:
            shutil.copy2(PROJECT / "experiments" / name, folder / "experiments" / name)
    shutil.copy2(origin / "model.py", folder / "model.py")
    if method.module is not None:
        _add_module(method.module, folder)


def _add_module(name: str, folder: Path) -> None:
    """Put a module of `experiments.methods` beside the project's own model, which imports it."""
    file = importlib.import_module(name).__file__
    assert file is not None, f"{name} is no file"
    copy = folder.joinpath(*name.split(".")).with_suffix(".py")
    copy.parent.mkdir(parents=True)
    shutil.copy2(file, copy)
    for package in _SHARED[:2]:
        shutil.copy2(PROJECT / "experiments" / package, folder / "experiments" / package)
    with open(folder / "model.py", "a", encoding="utf-8") as model:
        model.write(f"\nimport {name}  # noqa: E402, F401, so that the classes of the artifacts are known\n")
