"""The stages of the training from end to end, with the smoke preset on a small simulated sample."""

import dataclasses
import json
import shutil
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from experiments.__main__ import main as study
from experiments.methods.preparation import is_shipped, run_or_adopt
from experiments.methods.registry import METHODS
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import make_test_set
from ingestion_test.schema import METADATA_FILE
from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError
from submission import artifacts
from tests.conftest import write_folder
from training.__main__ import _lines, main
from training.config import PRESETS
from training.samples import PARTS
from training.stages import STAGES, Stage, Training


@pytest.fixture(scope="module")
def trained(simulated_folder, smoke_training, tmp_path_factory):
    """Output folder of `python -m training all`, and the flags that continue it."""
    output = shutil.copytree(smoke_training, tmp_path_factory.mktemp("training") / "output")
    return output, ["--preset", "smoke", "--data", str(simulated_folder), "--output", str(output), "--workers", "1"]


@pytest.fixture(scope="module")
def test_set(simulated_folder):
    nuisance = draw_nuisance_parameters(5, NUISANCE_NAMES)
    return make_test_set(OfficialFolder(simulated_folder).test_events(), 1.5, nuisance, 5)


def test_artifacts_predict(trained, test_set):
    estimator = artifacts.load(trained[0] / "artifacts")
    estimate = estimator.estimate(test_set["data"], test_set["weights"])
    assert 0.1 <= estimate.p16 <= estimate.mu_hat <= estimate.p84 <= 3.0
    order = np.random.default_rng(0).permutation(len(test_set["data"]))
    columns = list(reversed(test_set["data"].columns))
    shuffled = test_set["data"].iloc[order][columns].assign(extra=np.nan)
    assert estimator.estimate(shuffled, test_set["weights"]).mu_hat == pytest.approx(estimate.mu_hat, abs=1e-3)


def test_manifest_says_how_they_were_made(trained, simulated_folder):
    manifest = json.loads((trained[0] / "artifacts" / "manifest.json").read_text())
    record = manifest["record"]
    assert record["config"] == PRESETS["smoke"].record()
    assert record["data"] == OfficialFolder(simulated_folder).fingerprint()
    assert set(record) == {"config", "data", *STAGES}
    assert record["classifier"]["held_out"]["1-jet"]["auc"] > 0.6
    assert [row["mu"] for row in record["neyman"]["cramer_rao"]] == [0.1, 1.0, 2.0, 3.0]
    assert sum(PARTS.values()) == pytest.approx(1)


@pytest.mark.parametrize("stage", ["classifier", "templates", "neyman"])
def test_summaries_fit_the_terminal(stage):
    record = json.loads((artifacts.FOLDER / artifacts.MANIFEST).read_text())["record"]
    assert all(len(line) <= 100 for line in _lines(record[stage]))


def test_finished_stages_are_kept(trained, capsys):
    output, flags = trained
    before = (output / "artifacts" / "estimator.npz").read_bytes()
    assert main(["all", *flags]) == 2
    assert "is there already: add --resume" in capsys.readouterr().err
    assert main(["all", *flags, "--resume"]) == 0
    assert capsys.readouterr().out.count("done before") == len(STAGES)
    assert (output / "artifacts" / "estimator.npz").read_bytes() == before


def test_a_stage_needs_the_one_before_it(simulated_folder, tmp_path, capsys):
    flags = ["--preset", "smoke", "--data", str(simulated_folder), "--output", str(tmp_path)]
    assert main(["templates", *flags]) == 2
    assert "run the stage classifier first" in capsys.readouterr().err


def test_another_preset_or_a_damaged_file_is_refused(trained, capsys):
    output, flags = trained
    other = [flag if flag != "smoke" else "default" for flag in flags]
    assert main(["flows", *other, "--resume"]) == 2
    assert "was made with another configuration, other data or another previous stage" in capsys.readouterr().err
    content = (output / "neyman.npz").read_bytes()
    (output / "neyman.npz").write_bytes(content[: len(content) // 2])
    assert main(["neyman", *flags, "--resume"]) == 2
    assert "cannot be read" in capsys.readouterr().err
    (output / "neyman.npz").write_bytes(content)


@dataclasses.dataclass(frozen=True)
class _Name:
    summary: dict[str, Any]
    made_in: str


def _named(training):
    return _Name({}, training.output.name)


class _Quick(Training):
    """Stages that leave the name of their folder."""

    @property
    def stages(self):
        return dict.fromkeys(STAGES, Stage(_Name, _named))


@pytest.fixture
def two(data_folder, tmp_path):
    """The same training in two folders, with other outcomes."""
    return [_Quick(PRESETS["default"], OfficialFolder(data_folder), tmp_path / name) for name in ("one", "other")]


def test_a_stage_belongs_to_the_one_before_it(two):
    training, other = two
    for stage in STAGES:
        training.run(stage)
    assert all(map(training.has, STAGES))
    other.run("flows")
    training.path("flows").write_bytes(other.path("flows").read_bytes())
    assert [stage for stage in STAGES if training.has(stage)] == ["flows", "templates", "neyman"]
    with pytest.raises(ChallengeError, match=r"classifier\.npz was made with .* another previous stage"):
        training.result("classifier", _Name)
    training.path("classifier").unlink()
    with pytest.raises(ChallengeError, match=r"checkpoints of the stage classifier with .* another previous stage"):
        training.run("classifier")


def test_stages_are_taken_over_only_together(two):
    training, other = two
    for stage in STAGES[:3]:
        other.run(stage)
    run_or_adopt(training, "flows", [other])
    assert training.result("flows", _Name).made_in == "other"
    run_or_adopt(training, "classifier", [])
    run_or_adopt(training, "templates", [other])
    assert [training.result(stage, _Name).made_in for stage in STAGES[1:3]] == ["one", "one"]


def test_flows_are_kept_where_only_the_classifier_on_top_changes(two):
    training, _ = two
    for stage in STAGES[:2]:
        training.run(stage)
    networks = training.config.networks
    classifier = dataclasses.replace(networks.classifier, averaging=0.5)
    others = [dataclasses.replace(networks, classifier=classifier), dataclasses.replace(networks, seed=5)]
    changed = [
        dataclasses.replace(training, config=dataclasses.replace(training.config, networks=other)) for other in others
    ]
    assert [[other.has(stage) for stage in STAGES[:2]] for other in changed] == [[True, False], [False, False]]


def test_stages_know_the_sum_of_weights(events, two, tmp_path):
    folder = write_folder(tmp_path / "data", events)
    metadata = folder / METADATA_FILE
    metadata.write_text(json.dumps(json.loads(metadata.read_text()) | {"sum_weights": 1000.0}))
    training = two[0]
    other = Training(training.config, OfficialFolder(folder), training.output)
    training.run("flows")
    assert other.about("flows")["data"] == training.about("flows")["data"]
    assert not other.has("flows")


def test_shipped_weights_are_known_by_configuration_and_data(two):
    training, method = two[0], METHODS["default"]
    config = training.config
    assert not is_shipped(method, config, lambda: training.source, own_sample=False)
    assert is_shipped(method, config, lambda: pytest.fail("the sample is not needed"), own_sample=True)
    assert not is_shipped(method, METHODS["baseline"].config("full"), lambda: training.source, own_sample=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
@pytest.mark.parametrize("command", [(main, "flows"), (main, "templates"), (study, "table2"), (study, "ablation")])
def test_cuda_that_is_not_there_is_missed_at_once(command, data_folder, tmp_path, capsys):
    call, name = command
    flags = ["--preset", "smoke", "--data", str(data_folder), "--output", str(tmp_path / "out"), "--device", "cuda"]
    assert call([name, *flags]) == 2
    assert "torch sees no CUDA device" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def _replaced(column, value):
    return lambda data, weights: (data.assign(**{column: value}), weights)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda data, weights: (data.drop(columns="PRI_met"), weights), "lack the columns PRI_met"),
        (_replaced("DER_pt_h", np.nan), "DER_pt_h of event 0 is not finite"),
        (lambda data, weights: (data, -np.asarray(weights)), "a weight is negative"),
        (lambda data, weights: (data, np.asarray(weights)[:-1]), "one weight per event is needed"),
    ],
)
def test_data_that_cannot_be(change, text, trained, test_set):
    estimator = artifacts.load(trained[0] / "artifacts")
    with pytest.raises(ValueError, match=text):
        estimator.estimate(*change(test_set["data"].iloc[:1000], test_set["weights"].iloc[:1000]))


@pytest.mark.parametrize("rows", [0, 1, "no jets", "one event a million times"])
def test_data_that_say_little_give_a_finite_interval(rows, trained, test_set):
    estimator, data = artifacts.load(trained[0] / "artifacts"), test_set["data"]
    if rows == "no jets":
        data = data[data["PRI_n_jets"] == 0]
    elif rows == "one event a million times":
        jets = data[data["PRI_n_jets"] == 1].iloc[:1]
        data = jets.loc[jets.index.repeat(1_000_000)]
    else:
        data = data.iloc[:rows]
    estimate = estimator.estimate(data, np.ones(len(data)))
    assert 0.1 <= estimate.p16 <= estimate.p84 <= 3.0
    assert np.isfinite([estimate.mu_hat, estimate.sigma]).all()


@pytest.mark.slow
def test_official_events_go_through_all_stages(official_sample, tmp_path):
    """A thousand rows teach nothing: this is about their format. They come ten times, so that no part has none."""
    (sample,) = official_sample.glob("*.parquet")
    rows = pd.concat([pd.read_parquet(sample)] * 10).sample(frac=1, random_state=1).reset_index(drop=True)
    folder = write_folder(tmp_path / "data", rows)
    flags = ["--preset", "smoke", "--data", str(folder), "--output", str(tmp_path), "--workers", "1"]
    assert main(["all", *flags, "--set", "networks.flows=none", "--set", "networks.classifier.averaging=0.5"]) == 0
    assert artifacts.load(tmp_path / "artifacts").likelihood.templates.nominal.sum() > 100_000
