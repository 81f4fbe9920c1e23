"""Configurations in TOML files: what they change, what is refused and how, and the example in docs/cluster.md."""

import dataclasses
import json
from pathlib import Path

import pytest

from runtime.errors import ChallengeError
from submission.codec import restored
from training.__main__ import main
from training.config import PRESETS, Config
from training.config_file import load_config, with_changes

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def loaded(tmp_path):
    """Function from the text of a file to what `load_config` makes of it."""

    def load(text):
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        return load_config(path)

    return load


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_its_own_record(name, loaded):
    assert loaded(f'base = "{name}"') == (name, PRESETS[name])
    assert restored(Config, PRESETS[name].record()) == PRESETS[name]


def test_the_default_preset_is_the_base_of_a_file_that_names_none(loaded):
    assert loaded("") == ("default", PRESETS["default"])


def test_fields_are_changed_one_by_one(loaded):
    base, config = loaded(
        """
        base = "default"
        gate = "none"
        [networks]
        seed = 5
        [networks.flows]
        shape.width = 16
        [networks.flows.training]
        models = ["S", "B"]
        strengths = [0, 1]
        [likelihood]
        nuisance = ["tes"]
        [belt]
        ordering = "central"
        mu_range = [0, 5]
        """
    )
    cnf = PRESETS["default"]
    training = dataclasses.replace(cnf.networks.flows.training, models=("S", "B"), strengths=(0.0, 1.0))
    flows = dataclasses.replace(cnf.networks.flows, training=training, shape=cnf.networks.flows.shape | {"width": 16})
    assert base == "default"
    assert config == dataclasses.replace(
        cnf,
        networks=dataclasses.replace(cnf.networks, flows=flows, seed=5),
        gate=None,
        likelihood=dataclasses.replace(cnf.likelihood, nuisance=("tes",)),
        belt=dataclasses.replace(cnf.belt, ordering="central", mu_range=(0.0, 5.0)),
    )


def test_flows_are_added_to_a_preset_without_them(loaded):
    _, config = loaded('[networks.flows.training]\nmodels = ["S"]\nstrengths = [1]')
    assert config.networks.flows.training.strengths == (1.0,)
    assert config.networks.flows.view == "coordinates"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base = 3", "base: one of paper, default, no-flows, smoke is needed, not 3"),
        ('base = "big"', "base: one of paper, default, no-flows, smoke is needed, not 'big'"),
        (
            "[networks.classifier]\nwidht = 3",
            "networks.classifier.widht: there is no such field; there are members, width, depth",
        ),
        ("[stage]\n", "stage: there is no such field; there are networks, gate, templates, likelihood, belt, neyman"),
        ("networks = 3", "networks: a table is needed, not 3"),
        (
            "[networks.classifier]\nwidth = 0",
            "networks.classifier.width: a whole number of at least 1 and at most 1000",
        ),
        ("[networks.classifier]\nwidth = 1.5", "networks.classifier.width: a whole number is needed, not 1.5"),
        ("[networks.classifier]\nwidth = true", "networks.classifier.width: a whole number is needed, not True"),
        ("[networks.classifier]\nwidth = 'none'", "networks.classifier.width: a whole number is needed, not none"),
        ("[networks]\nheld_out = 401", "networks.held_out: a whole number of .* that is even is needed, not 401"),
        ("[templates]\nedge_events = 7", "templates.edge_events: a whole number of .* that is even is needed, not 7"),
        ("[networks.classifier]\nlearning_rate = inf", "learning_rate: a number of more than 0 is needed, not inf"),
        ("[networks.classifier]\nlearning_rate = 0", "learning_rate: a number of more than 0 is needed, not 0"),
        ("[gate]\nsignal_kept = 1", "gate.signal_kept: a number of more than 0 and less than 1 is needed, not 1"),
        ("[gate]\nseed = -1", "gate.seed: a whole number of at least 0"),
        ("[belt]\nordering = 'bayes'", "belt.ordering: one of central, pratt is needed, not 'bayes'"),
        ("[belt]\nmu_range = [3, 1]", r"belt: mu_range is \(3.0, 1.0\); its first number must be less"),
        ("[belt]\nmu_range = [1, 2, 3]", "belt.mu_range: a list of 2 values is needed"),
        ("[belt]\nmu_range = [0, inf]", "belt.mu_range.1: a number of finite size is needed, not inf"),
        ("[likelihood]\nnuisance = ['tau']", "likelihood: no nuisance parameter tau; there are tes, jes"),
        ("[likelihood]\nshape_only = 1", "likelihood.shape_only: true or false is needed, not 1"),
        ("base = 'no-flows'\n[networks.flows]\nevents = 100", "networks.flows.training is missing"),
        ("[networks.flows.training]\nmodels = ['S']\nstrengths = []", "networks.flows.training: one of S, B and one"),
        (
            "base = 'default'\n[networks.flows]\nview = 'all'",
            "networks.flows.view: one of coordinates, features is needed",
        ),
        (
            "base = 'default'\n[networks.flows.shape]\nlayers = 0",
            "networks.flows: shape.layers: a whole number of at least 1",
        ),
        (
            "base = 'default'\n[networks.flows.shape]\ncolour = 1",
            "networks.flows: shape.colour: there is no such field",
        ),
        ("base = 'default'\n[networks.flows.shape]\nfeatures = 4", "networks.flows: shape.features: the view says"),
        ("[neyman]\ncheck_range = [2, 1]", "neyman: check_range is"),
        ("[neyman]\nseed = 1979-05-27", "neyman.seed: a whole number is needed, not datetime.date"),
        ("[networks", "cannot be read .*give a TOML file, see docs/cluster.md"),
    ],
)
def test_what_cannot_be_is_named_with_what_would_be_allowed(text, message, loaded):
    with pytest.raises(ChallengeError, match=rf"own.toml:? .*{message}"):
        loaded(text)


def test_files_that_are_none(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b"# \xe4")
    for path in (tmp_path / "nowhere", tmp_path, tmp_path / "latin.toml"):
        with pytest.raises(ChallengeError, match=f"{path} cannot be read"):
            load_config(path)


def test_the_example_of_the_documents():
    base, config = load_config(DOCS / "wide.toml")
    default = PRESETS["default"]
    assert base == "default"
    assert config.networks.passes > default.networks.passes
    assert config.networks.classifier.epochs > default.networks.classifier.epochs
    assert (config.gate, config.templates) == (default.gate, default.templates)
    assert (DOCS / "wide.toml").read_text(encoding="utf-8") in (DOCS / "cluster.md").read_text(encoding="utf-8")


def test_a_training_records_the_configuration(data_folder, tmp_path, capsys, monkeypatch):
    """The stage flows of a configuration without any has nothing to do but to leave its file."""
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text('base = "smoke"\n[networks]\nflows = "none"\nseed = 9\n')
    assert main(["flows", "--config", "own.toml", "--data", str(data_folder)]) == 0
    about = json.loads(Path("runs/training-own/checkpoints/flows.json").read_text())
    assert about["config"]["networks"]["seed"] == 9
    assert about["config"]["networks"]["flows"] is None
    assert main(["flows", "--preset", "smoke", "--data", str(data_folder), "--output", "runs/training-own"]) == 2
    Path("own.toml").write_text("[gate]\nwidth = 'wide'\n")
    assert main(["flows", "--config", "own.toml", "--data", str(data_folder)]) == 2
    assert "error: own.toml: gate.width: a whole number is needed, not 'wide'" in capsys.readouterr().err


def test_fields_from_the_command_line():
    changes = ["networks.classifier.epochs=4", "networks.flows=none", "belt.ordering = central", "belt.mu_range=[0, 5]"]
    config, cnf = with_changes(PRESETS["default"], changes), PRESETS["default"]
    networks = dataclasses.replace(cnf.networks, flows=None)
    networks = dataclasses.replace(networks, classifier=dataclasses.replace(networks.classifier, epochs=4))
    belt = dataclasses.replace(cnf.belt, ordering="central", mu_range=(0.0, 5.0))
    assert config == dataclasses.replace(cnf, networks=networks, belt=belt)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("networks.classifier.epoch=4", "epoch"),
        ("networks.classifier.epochs=-1", "at least 1"),
        ("networks.classifier.epochs=many", "many"),
        ("networks", "such as networks.classifier.epochs=4"),
        ("=4", "such as networks.classifier.epochs=4"),
    ],
)
def test_what_cannot_be_set_is_one_line(change, text, tmp_path, capsys):
    assert main(["all", "--set", change, "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: --set {change}: ")
    assert text in error
    assert error.count("\n") == 1
