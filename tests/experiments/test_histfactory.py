"""The model of one measurement in pyhf and cabinetry."""

import dataclasses
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.histfactory.command import comparison
from experiments.histfactory.fits import compare, linear, load_pyhf, throw_counts
from experiments.histfactory.workspace import workspace
from runtime.errors import ChallengeError
from submission import artifacts
from submission.likelihood import PRESETS, LikelihoodConfig
from submission.parameters import PARAMETERS, draw_pulls
from submission.templates import Templates
from tests.pages import blocks

# pyhf and cabinetry are not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "export.md"

#: Bins of each channel: neighbours of the shipped ones are added up, as a fit of pyhf takes long with many.
BINS = 4


@pytest.fixture(scope="module")
def channels():
    names = artifacts.load().histogram.channels
    return {name: slice(BINS * number, BINS * (number + 1)) for number, name in enumerate(names)}


@pytest.fixture(scope="module")
def likelihood():
    """That of the shipped artifacts in wide bins."""
    estimator = artifacts.load()
    likelihood, ends = estimator.likelihood, []
    for channel in estimator.histogram.channels.values():
        ends.extend(np.linspace(channel.start, channel.stop, BINS, endpoint=False).astype(int).tolist())
    coefficients, variance = likelihood.templates.coefficients, likelihood.templates.variance
    wide = Templates(np.add.reduceat(coefficients, ends, axis=2), np.add.reduceat(variance, ends, axis=1))
    return dataclasses.replace(likelihood, templates=wide)


@pytest.fixture(scope="module")
def counts(likelihood):
    random = np.random.default_rng(1)
    return throw_counts(likelihood, random.uniform(0.1, 3, 20), random)


@pytest.fixture
def pyhf():
    return pytest.importorskip("pyhf", reason="pyhf is not installed")


@pytest.mark.parametrize("plain", [False, True])
def test_a_workspace_is_valid_and_holds_the_data(plain, likelihood, channels, counts, pyhf):
    space = pyhf.Workspace(workspace(likelihood, channels, counts[0], plain))
    assert space.observations == {name: counts[0][bins].tolist() for name, bins in channels.items()}
    assert set(space.model().config.parameters) >= set(PARAMETERS)
    assert all(sum(sample.endswith(name) for sample in space.samples) for name in ("ztautau", "htautau"))


def test_expected_counts_are_those_of_the_likelihood(likelihood, channels, counts, pyhf, monkeypatch):
    monkeypatch.setattr("experiments.histfactory.workspace.NEGLIGIBLE", 0)
    model = pyhf.Workspace(workspace(likelihood, channels, counts[0])).model()
    pulls = np.column_stack([np.full(20, 1.5), np.clip(draw_pulls(np.random.default_rng(2), 20), -2.5, 2.5)])
    expected = likelihood.expected(pulls)[0]
    for row, ours in zip(pulls, expected):
        parameters = np.array(model.config.suggested_init())
        for name, value in zip(PARAMETERS, row):
            parameters[model.config.par_slice(name)] = value
        theirs = model.expected_actualdata(parameters)
        for name, bins in channels.items():
            difference = theirs[model.config.channel_slices[name]] - ours[bins]
            assert np.abs(difference / np.sqrt(ours[bins])).max() < 0.1, dict(zip(PARAMETERS, row))


@pytest.mark.slow
def test_pyhf_finds_our_estimate_and_its_error(likelihood, channels, counts, pyhf):
    exact = compare(likelihood, channels, counts)
    assert np.abs(exact.shift).max() < 0.05
    assert np.abs(exact.growth).max() < 0.05
    plain = compare(likelihood, channels, counts[:5], plain=True)
    assert np.abs(plain.shift).max() > 0.1


def test_only_interpolation_differs(likelihood, channels, pyhf):
    same = linear(likelihood)
    agreement = compare(same, channels, throw_counts(same, np.array([0.5, 1.5, 2.5]), np.random.default_rng(3)))
    assert np.abs(agreement.shift).max() < 0.01
    assert np.abs(agreement.growth).max() < 0.01


def test_what_is_not_fitted_is_not_there(likelihood, channels, counts):
    fewer = dataclasses.replace(likelihood, config=LikelihoodConfig(("tes", "bkg_scale"), template_error=False))
    spec = workspace(fewer, channels, counts[0])
    names = {
        modifier["name"]
        for channel in spec["channels"]
        for sample in channel["samples"]
        for modifier in sample["modifiers"]
    }
    assert names == {"mu", "tes", "bkg_scale"}
    nominal = sum(np.array(sample["data"]) for sample in spec["channels"][0]["samples"])
    np.testing.assert_allclose(nominal, fewer.templates.nominal.sum(axis=0)[channels["1-jet"]])


def test_a_likelihood_of_shapes_is_refused(likelihood, channels, counts):
    shape = dataclasses.replace(likelihood, config=PRESETS["paper"])
    with pytest.raises(ChallengeError, match="shape_only"):
        workspace(shape, channels, counts[0])


def test_without_pyhf_a_user_reads_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyhf", None)
    with pytest.raises(ChallengeError, match="pip install pyhf"):
        load_pyhf()


def test_command_writes_and_compares(simulated_folder, shown, monkeypatch, tmp_path, pyhf):
    path = tmp_path / "workspace.json"
    assert main(["export", "1:0", "--data", str(simulated_folder), "--output", str(path), "--sets", "2"]) == 0
    assert "mu = " in shown()
    assert sum(pyhf.Workspace(json.loads(path.read_text())).observations["1-jet"]) > 10_000
    assert main(["export", "2:0", "--data", str(simulated_folder), "--sets", "2"]) == 2


def test_comparison_says_what_interpolation_does(likelihood, channels, pyhf):
    estimator = SimpleNamespace(likelihood=likelihood, histogram=SimpleNamespace(channels=channels))
    table = comparison(estimator, 2)
    exact, plain, same = (float(row[1]) for row in table.rows)
    assert same < 0.01
    assert exact < plain


def test_cabinetry_goes_on_as_the_page_says(likelihood, channels, counts, tmp_path, monkeypatch, pyhf):
    pytest.importorskip("cabinetry", reason="cabinetry is not installed")
    monkeypatch.chdir(tmp_path)
    Path("workspace.json").write_text(json.dumps(workspace(likelihood, channels, counts[0])))
    variables = {}
    for block in blocks(PAGE):
        exec(compile(block, str(PAGE), "exec"), variables)
    fit, place = variables["fit"], variables["model"].config.poi_index
    mu_hat = likelihood.fit(counts[:1]).mu_hat[0]
    assert fit.bestfit[place] == pytest.approx(mu_hat, abs=0.05 * fit.uncertainty[place])
    assert len(list(Path("figures").glob("*.pdf"))) == len(channels) + 1
