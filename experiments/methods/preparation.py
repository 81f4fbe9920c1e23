"""From a method to a submission folder: its training, as far as it is not there, and its code."""

from __future__ import annotations

import importlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.trained_artifacts import load, load_estimator, load_manifest
from ingestion_test.sources import OfficialFolder
from ingestion_test.submissions import PROJECT, checksum
from runtime import files
from submission import artifacts
from submission.estimator import Estimator
from submission.likelihood import Likelihood
from training.config import PRESETS, Config, default_output
from training.neyman import make_estimator
from training.stages import READS, STAGES, Training

from .method import Method
from .registry import METHODS

#: What is copied beside the code of a method that has its own.
_SHARED = ("__init__.py", "methods/__init__.py", "methods/artifact_model.py")


def prepare(
    name: str,
    preset: str,
    source: Callable[[], OfficialFolder],
    output: Path,
    device: str = "cpu",
    workers: int | str = 1,
    own_sample: bool = False,
    trained: Sequence[Path] = (),
) -> Path:
    """Train a method, as far as it is not trained, and make its submission folder, unless it is there.

    A stage that another method in `output`, or `python -m training`, has run with the same configuration and the same
    data is taken over.

    Arguments:
        name: in `METHODS`.
        preset: "full" or "smoke".
        source: function that returns the source of the training events; called if something is trained.
        output: folder of all methods.
        device, workers: as for `training.stages.Training`.
        own_sample: whether `source` is the sample that `training.config.SAMPLES` names; the shipped weights are of it.
        trained: folders of artifacts, trained elsewhere, that a method of the same configuration consists of; of those
            of the same networks and templates it takes these, and its belt is made. With `own_sample` the shipped ones
            are among them.

    Returns:
        Path of the submission folder.

    Raises:
        ChallengeError: as the stages, or one of `trained` holds no artifacts.
    """
    folder = Path(output) / name / "submission"
    if folder.exists():
        return folder
    method = METHODS[name]
    contents = None
    if method.config is not None and not is_shipped(method, method.config(preset), source, own_sample):
        shipped = (artifacts.FOLDER,) if own_sample and (artifacts.FOLDER / artifacts.MANIFEST).exists() else ()
        contents = _of_artifacts(method, method.config(preset), (*trained, *shipped), Path(output) / name, workers)
        if contents is None:
            training = _training(name, preset, source(), output, device, workers)
            others = [_training(other, preset, source(), output) for other in METHODS if METHODS[other].config]
            others += [Training(config, source(), default_output(kind)) for kind, config in PRESETS.items()]
            for stage in STAGES:
                run_or_adopt(training, stage, others)
            contents = artifacts.contents(training.estimator, training.record())
    unfinished = folder.with_name(".submission.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    _copy_code(method, unfinished, keep_artifacts=contents is None)
    place = unfinished / "submission" / "artifacts"
    place.mkdir(exist_ok=True)
    for file, content in (contents or {}).items():
        (place / file).write_bytes(content)
    unfinished.rename(folder)
    return folder


def _of_artifacts(
    method: Method, config: Config, trained: Sequence[Path], output: Path, workers: int | str
) -> dict[str, bytes] | None:
    """The artifacts of a method that those of the folders `trained` have the networks and templates of; None of none.

    Raises:
        ChallengeError: one of the folders holds none.
    """
    wanted = config.record()
    for place in trained if method.training is Training else ():
        estimator, record = load(place)
        if any(record["config"][part] != wanted[part] for part in READS["templates"]):
            continue
        print(f"networks and templates: taken from {place}", flush=True)
        if record["config"] != wanted:
            likelihood = Likelihood(estimator.likelihood.templates, config.likelihood)
            fit, resources = (config.belt, config.neyman), (workers, output / "throws")
            result = make_estimator(estimator.histogram, likelihood, *fit, *resources)
            estimator, record = result.estimator, record | {"config": wanted, "neyman": result.summary}
        return artifacts.contents(estimator, record)
    return None


def code_checksum(name: str, preset: str) -> str:
    """Checksum of what a method is made from: its code, its configuration, and the shipped artifacts if they are its.

    Arguments:
        name, preset: as for `prepare`.
    """
    method, manifest = METHODS[name], artifacts.FOLDER / artifacts.MANIFEST
    shipped = load_manifest()["record"]["config"] if manifest.exists() else None
    config = None if method.config is None else method.config(preset).record()
    with tempfile.TemporaryDirectory() as folder:
        of_shipped = config is not None and method.training is Training and config == shipped
        _copy_code(method, Path(folder) / name, keep_artifacts=of_shipped, leave_out=())
        files.write_json(Path(folder) / "config.json", config)
        return checksum(folder)


def belt_error_of(name: str, folder: Path) -> Mapping[str, float] | None:
    """What the pseudo-experiments behind the belt in a method's submission leave unknown, if its training says so.

    Arguments:
        name: in `METHODS`.
        folder: the submission.

    Returns:
        mapping: of "interval" the relative error of the mean length, of "coverage" the error; or None.
    """
    if METHODS[name].config is None:
        return None
    made: Mapping[str, Any] = load_manifest(folder / "submission" / "artifacts")["record"]["neyman"]
    return made.get("belt_error")


def likelihood_of(name: str, folder: Path) -> Likelihood | None:
    """The likelihood in a method's submission folder; None where its artifacts are of another kind."""
    if METHODS[name].estimator is not Estimator:
        return None
    return load_estimator(Path(folder) / "submission" / "artifacts").likelihood


def _training(
    name: str, preset: str, source: OfficialFolder, output: Path, device: str = "cpu", workers: int | str = 1
) -> Training:
    method = METHODS[name]
    assert method.config is not None, f"nothing is trained for {name}"
    return method.training(method.config(preset), source, Path(output) / name / "training", device, workers)


def is_shipped(method: Method, config: Config, source: Callable[[], OfficialFolder], own_sample: bool) -> bool:
    """Whether the submission's own artifacts are those that a training of `method` with `config` would make.

    Arguments:
        source, own_sample: as for `prepare`. Simulated samples are the same everywhere but for the rounding of the
            processors, so the shipped weights stand for those of this machine's own sample.
    """
    if method.training is not Training or not (artifacts.FOLDER / artifacts.MANIFEST).exists():
        return False
    record = load_manifest()["record"]
    if record["config"] != config.record():
        return False
    return own_sample or bool(record["data"] == source().fingerprint())


def run_or_adopt(training: Training, stage: str, others: Iterable[Training]) -> None:
    """Run `stage` of a `Training` unless it is done, or take it over from one of `others` that agrees in all it reads.

    Raises:
        ChallengeError: as `training.stages.Training.run`.
    """
    if training.path(stage).exists():
        training.summary(stage)
        return
    for other in others:
        same_code = other.stages[stage] == training.stages[stage] and (stage == "flows" or other.kind == training.kind)
        if same_code and other.about(stage) == training.about(stage) and other.has(stage):
            print(f"{stage}: taken from {other.output}", flush=True)
            training.output.mkdir(parents=True, exist_ok=True)
            with files.replaced(training.path(stage), "wb") as file:
                file.write(other.path(stage).read_bytes())
            return
    print(f"{stage} ...", flush=True)
    training.run(stage)


def _copy_code(method: Method, folder: Path, keep_artifacts: bool, leave_out: Sequence[str] = ("training.py",)) -> None:
    """The submission without what is trained; with the project's own artifacts only if asked for."""
    ignored = shutil.ignore_patterns("__pycache__", *leave_out, *(() if keep_artifacts else ("artifacts",)))
    shutil.copytree(PROJECT / "submission", folder / "submission", ignore=ignored)
    origin = PROJECT
    if method.package is not None:
        origin = PROJECT / "experiments" / "methods" / method.package
        shutil.copytree(origin, folder / "experiments" / "methods" / method.package, ignore=ignored)
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
