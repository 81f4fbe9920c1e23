"""From events to an interval: the estimator's parts fit together, and data that cannot be are named."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from submission import codec
from submission.classifier import Classifier
from submission.confidence import Belt, BeltConfig
from submission.estimator import LARGEST_VALUE, NEEDED, Estimate, Estimator, Measurement
from submission.features import CATEGORIES
from submission.histogram import Histogram
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS
from submission.score import Scorer
from tests.statistics_examples import example_templates
from tests.submission.networks_examples import FirstInput, events, standardisations


def belt():
    """A belt that accepts mu_hat within 0.5 of mu."""
    mu = np.linspace(0.1, 3.0, 30)[:, None]
    usual = np.array([np.log(0.5), 0, 0, 0, 0, -10, 10])
    tables = np.ones_like(mu)
    return Belt(BeltConfig("central"), np.zeros(1), usual, 0.3, mu, 0.5 * tables, -tables, tables)


@pytest.fixture(scope="module")
def estimator():
    edges = tuple(np.linspace(0.1, 0.5, 4) for _ in CATEGORIES)
    histogram = Histogram(Scorer((), standardisations(), FirstInput()), edges, np.linspace(25, 55, 9))
    return Estimator(histogram, Likelihood(example_templates(bins=20)), belt())


@pytest.fixture(scope="module")
def data():
    return pd.DataFrame(events(300))


def test_networks_that_do_not_fit_each_other_are_refused(estimator):
    networks = Classifier((20, 28), width=4, depth=1).eval()  # one input more than 2-jet events have features
    scorer = dataclasses.replace(estimator.histogram.scorer, classifier=networks)
    with pytest.raises(ValueError, match="gate, flows and classifier of 2-jet do not fit each other"):
        dataclasses.replace(estimator, histogram=dataclasses.replace(estimator.histogram, scorer=scorer))


def test_an_estimate_is_that_of_the_counts(estimator, data):
    weights = np.linspace(0.5, 2, len(data))
    counts = estimator.histogram.counts(data, weights)
    assert counts.sum() == pytest.approx(weights.sum())
    assert estimator.estimate(data, weights) == estimator.from_counts(counts)


def test_a_measurement_is_that_of_the_events(estimator, data):
    weights = np.ones(len(data))
    measurement = codec.decode(Measurement, codec.encode(estimator.measurement(data, weights)))
    assert measurement.channels == {"1-jet": (0, 5), "2-jet": (5, 10), "0-jet": (10, 20)}
    np.testing.assert_array_equal(measurement.counts, estimator.histogram.counts(data, weights))
    assert measurement.estimate == estimator.estimate(data, weights)


def test_a_prediction_says_how_well_the_fit_went(estimator, data):
    estimate = estimator.estimate(data, np.ones(len(data)))
    prediction = estimate.prediction
    assert list(prediction)[:4] == ["mu_hat", "delta_mu_hat", "p16", "p84"]
    assert prediction["delta_mu_hat"] == (estimate.p84 - estimate.p16) / 2
    fit = estimator.likelihood.fit(estimator.histogram.counts(data, np.ones(len(data)))[None])
    assert prediction["twice_nll"] == fit.twice_nll[0]
    assert prediction["degrees_of_freedom"] == fit.degrees_of_freedom[0] == 19
    for place, name in enumerate(PARAMETERS[1:], 1):
        assert prediction[f"pull_{name}"] == fit.pulls[0, place]
        assert prediction[f"pull_error_{name}"] == fit.covariance[0, place, place] ** 0.5
    assert all(type(value) is float for value in prediction.values())


def test_an_estimate_has_the_belt_s_interval():
    for mu, low, high in ((1.5, 1.0, 2.0), (0.0, 0.1, 0.5), (9.0, 3.0, 3.0)):
        fit = Likelihood(example_templates()).fit(np.ones((1, 20)))
        sigma = np.zeros((1, 7, 7))
        sigma[0, 0, 0] = 0.25
        pulls = np.eye(7)[:1] * mu
        fit = dataclasses.replace(fit, pulls=pulls, covariance=sigma, valid=np.array([True]))
        estimate = Estimate.of(fit, belt())
        assert (estimate.p16, estimate.p84) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))
        assert estimate.mu_hat == pytest.approx(np.clip(mu, 0.1, 3.0))
        assert estimate.sigma == 0.5
        assert type(estimate.p16) is float


def test_a_fit_that_is_not_valid_gives_the_whole_range(estimator):
    estimate = estimator.from_counts(np.zeros(20))
    assert not estimate.valid
    assert (estimate.p16, estimate.p84) == (0.1, 3.0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda one: {"likelihood": Likelihood(example_templates(bins=19))}, "19 in the templates"),
        (lambda one: {"belt": dataclasses.replace(one.belt, lower=one.belt.lower * np.nan)}, "not finite"),
        (lambda one: {"belt": dataclasses.replace(one.belt, largest=np.inf)}, "not finite"),
        (
            lambda one: {
                "histogram": dataclasses.replace(one.histogram, scorer=Scorer((), standardisations(), None)),
            },
            "the networks are not trained",
        ),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(change, text, estimator):
    with pytest.raises(ValueError, match=text):
        dataclasses.replace(estimator, **change(estimator))


def _with(name, value, row=7):
    return lambda data: data.assign(**{name: np.where(np.arange(len(data)) == row, value, data[name])})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda data: data.drop(columns=["PRI_met", "DER_pt_h"]), "lack the columns DER_pt_h, PRI_met"),
        (_with("DER_sum_pt", np.nan), "DER_sum_pt of event 7 is not finite or too large"),
        (_with("DER_sum_pt", -np.inf), "DER_sum_pt of event 7 is not finite"),
        (_with("PRI_met", float(LARGEST_VALUE)), "PRI_met of event 7 is not finite or too large"),
        (
            lambda data: data.assign(PRI_jet_leading_pt=-25.0, PRI_jet_subleading_pt=30.0),
            "PRI_jet_subleading_pt of event 0 is there without a leading jet; leave",
        ),
        (lambda data: data.assign(PRI_met="a"), "PRI_met is of type"),
        (lambda data: data[[*data.columns, "PRI_met"]], "more than one column PRI_met"),
    ],
)
def test_events_that_cannot_be_are_named(change, text, estimator, data):
    with pytest.raises(ValueError, match=text):
        estimator.estimate(change(data), np.ones(len(data)))


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        (-np.ones(300), "a weight is negative"),
        (np.full(300, np.nan), "weights of event 0 is not finite"),
        (np.ones(299), r"300 events, but weights of shape \(299,\)"),
        (np.ones((300, 1)), "one weight per event is needed"),
    ],
)
def test_weights_that_cannot_be_are_named(weights, text, estimator, data):
    with pytest.raises(ValueError, match=text):
        estimator.estimate(data, weights)


def test_what_is_needed_is_named_once():
    assert "DER_mass_vis" in NEEDED
    assert len(set(NEEDED)) == len(NEEDED)
