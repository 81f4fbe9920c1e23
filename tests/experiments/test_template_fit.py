"""The template-fit Model."""

import numpy as np
import pytest

from experiments.methods.template_fit.model import WIDTHS, Model
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.official.systematics import systematics
from ingestion_test.pseudo_experiments import make_test_set
from ingestion_test.sources import OfficialFolder


@pytest.fixture(scope="module")
def source(simulated_folder):
    return OfficialFolder(simulated_folder)


@pytest.fixture(scope="module")
def model(source):
    fitted = Model(get_train_set=source.train_set, systematics=systematics)
    fitted.fit()
    return fitted


def test_templates_hold_the_expected_events(model, source):
    train = systematics(source.train_set())
    for template, process in zip(model.template, ("htautau", "ztautau", "ttbar", "diboson")):
        expected = train["weights"][train["detailed_labels"] == process].to_numpy().sum(dtype=float)
        assert template.sum() == pytest.approx(expected, rel=1e-6)


def test_templates_follow_the_energy_scales(model, source):
    """Between the points that they were made at: tes 1.02 and jes 0.98 against the events themselves."""
    shifted, _ = model._histograms(systematics(source.train_set(), tes=1.02, jes=0.98))
    predicted = model.expected([1.0, *(dict.fromkeys(WIDTHS, 0.0) | {"tes": 2.0, "jes": -2.0}).values()])
    for name, bins in (("all", slice(None)), ("0 jets", slice(0, len(model.edges[0]) + 1))):
        nominal, real, ours = model.template[:, bins].sum(), shifted[:, bins].sum(), predicted[bins].sum()
        assert abs(real / nominal - 1) > 0.01, name
        assert abs(ours - real) < 0.05 * abs(real - nominal), name


def test_the_most_likely_data_are_the_expected(model):
    """On the expected counts for mu = 2 the fit returns mu = 2, with an interval around it."""
    result = _predict_counts(model, model.expected([2.0, *[0.0] * len(WIDTHS)]))
    assert result["mu_hat"] == pytest.approx(2.0, abs=0.02)
    assert result["p16"] < 2.0 < result["p84"]
    assert result["delta_mu_hat"] == pytest.approx((result["p84"] - result["p16"]) / 2)
    assert all(type(value) is float for value in result.values())


def _predict_counts(model, counts):
    """Predict from a histogram instead of from events."""
    model._count, real = (lambda events, weights: counts), model._count
    try:
        return model.predict({"data": None, "weights": []})
    finally:
        model._count = real


@pytest.mark.slow
def test_coverage_on_data_thrown_from_its_own_likelihood(model):
    """Mean and width of the pulls, and coverage, with all nuisance parameters and simulation errors thrown."""
    random = np.random.default_rng(5)
    mu, results = 3.0, []
    for _ in range(80):
        pulls = random.normal(size=len(WIDTHS))
        mean = model.expected([mu, *pulls]) + np.sqrt(model.variance) * random.normal(size=len(model.variance))
        results.append(_predict_counts(model, random.poisson(np.maximum(mean, 0)).astype(float)))
    covered = np.mean([result["p16"] <= mu <= result["p84"] for result in results])
    assert abs(covered - 0.6827) < 3 * np.sqrt(0.6827 * 0.3173 / 80)


def test_predicts_the_truth_of_a_pseudo_experiment(model, source):
    test_events = source.test_events()
    nuisance = draw_nuisance_parameters(2, NUISANCE_NAMES)
    mu = 20.0  # far from 0, where intervals are cut: half of one is about 4.5 with so few events
    result = model.predict(make_test_set(test_events, mu, nuisance, 2))
    assert result["p16"] <= result["mu_hat"] <= result["p84"]
    assert abs(result["mu_hat"] - mu) < 4 * result["delta_mu_hat"]


def test_impossible_data_are_an_error(model):
    with pytest.raises(RuntimeError, match="does not converge"):
        _predict_counts(model, np.full(len(model.variance), np.nan))
