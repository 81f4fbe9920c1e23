"""The method that fits the nuisance parameters to the events: its parts, on events of known densities."""

import copy
import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from experiments.methods.mle_nu.estimator import NuArtifacts, NuEstimator
from experiments.methods.mle_nu.nuisance import SumOfScores, fit_nuisance
from experiments.methods.mle_nu.scorer import EMBEDDED, NuScorer, pulls_of
from experiments.methods.mle_nu.training import NuClassifierConfig, _opened, mean_gradient, paired
from experiments.methods.mle_nu.training import train as train_nu
from ingestion_test.nuisance import draw_nuisance_parameters
from ingestion_test.official.systematics import systematics
from ingestion_test.schema import PRIMARIES
from ingestion_test.sources import OfficialFolder
from submission import artifacts
from submission.classifier import Classifier
from submission.features import CATEGORIES, FEATURES, Standardisation
from submission.histogram import Histogram
from submission.likelihood import PRESETS, Likelihood
from submission.parameters import PRIORS
from training.checkpoints import write
from training.classifier import LabelledEvents
from training.samples import save_sample, training_part


def test_pairs_tell_the_classes_apart_by_their_order_alone():
    random = np.random.default_rng(0)
    labels = (random.random(400) < 0.5).astype(np.float32)
    true = random.integers(0, 9, (400, 1)) + np.zeros((400, len(EMBEDDED)), np.float32)
    x = paired(np.concatenate([labels[:, None], true], axis=1), labels, random)
    copies = np.split(x[:, 1:], 2, axis=1)
    for label in (0, 1):
        rows = labels == label
        np.testing.assert_array_equal(copies[1 - label][rows], true[rows])
        wrong = copies[label][rows]
        assert not np.array_equal(wrong, true[rows])
        np.testing.assert_array_equal(np.sort(wrong, axis=0), np.sort(true[rows], axis=0))


class _Analytic(torch.nn.Module):
    """log p(x | S) - log p(x | B) for events whose inputs are normal around `SLOPE` times the pulls of B."""

    SLOPE = 0.1

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, category):
        features, copy = x[:, : len(EMBEDDED)], x[:, -len(EMBEDDED) :]
        return 0.5 * ((features - self.SLOPE * copy) ** 2).sum(1) - 0.5 * (features**2).sum(1)


def test_the_sum_of_scores_gives_the_maximum_of_the_likelihood():
    """Events of a known density: gradient, information and estimate against their closed forms."""
    random, true = np.random.default_rng(2), np.array([1.0, -2.0, 0.5, 0.0, -1.0])
    x = (random.normal(size=(60_000, 5)) + _Analytic.SLOPE * true).astype(np.float32)
    middle = np.zeros((len(x), len(EMBEDDED)), np.float32)
    inputs = torch.as_tensor(np.concatenate([x, middle], axis=1))
    total = SumOfScores(
        _Analytic(), [(part, torch.ones(len(part)).double()) for part in (inputs[:40_000], inputs[40_000:])]
    )
    value, slope, _ = total.evaluate(np.zeros(5))
    assert value == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(slope, -_Analytic.SLOPE * x.sum(axis=0, dtype=float), rtol=1e-4)
    assert (np.sign(slope) == -np.sign(true))[true != 0].all()
    fit = fit_nuisance(total)
    expected = _Analytic.SLOPE * x.sum(axis=0, dtype=float) / (_Analytic.SLOPE**2 * len(x) + 1)
    assert fit.converged
    np.testing.assert_allclose(fit.pulls, expected, atol=0.01)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), (_Analytic.SLOPE**2 * len(x) + 1) ** -0.5, rtol=0.05)
    np.testing.assert_allclose(
        [fit.values["tes"], fit.values["soft_met"]], [1 + 0.01 * fit.pulls[0], np.exp(fit.pulls[2])]
    )


def test_pulls_are_those_that_the_values_were_made_of():
    nuisance = draw_nuisance_parameters(11, [prior.name for prior in PRIORS])
    random = np.random.RandomState(11).standard_normal(5)
    np.testing.assert_allclose(pulls_of(nuisance), random, rtol=1e-4)


@pytest.fixture(scope="module")
def source(simulated_folder):
    return OfficialFolder(simulated_folder)


def _toy_events(random, events, tes):
    """Features, true pulls and labels: the pull of tes moves the first two features of B to either side.

    The other pulls differ from event to event and move nothing, so that the classifier knows that.
    """
    labels = (np.arange(events) % 2).astype(np.float32)
    pulls = random.normal(size=(events, len(EMBEDDED))).astype(np.float32)
    pulls[:, 0] = tes
    x = random.normal(size=(events, 3)).astype(np.float32) + 0.5 * labels[:, None]
    x[:, :2] += np.outer(np.where(labels == 1, 0, pulls[:, 0]), (0.3, -0.3))
    return LabelledEvents(np.concatenate([x, pulls], axis=1), labels, np.ones_like(labels))


@pytest.mark.slow
def test_the_estimate_follows_a_shift_of_the_events():
    """A classifier is trained on events with many values of tes; then the estimate moves with that of a sample."""
    random = np.random.default_rng(4)
    parts = [
        {name: _toy_events(random, events, random.normal(size=events)) for name in CATEGORIES}
        for events in (100_000, 2000)
    ]
    config = NuClassifierConfig(width=16, depth=1, batch=500, epochs=4, learning_rate=1e-2)
    classifier = train_nu(*parts, config).classifier
    pulls = []
    for tes in (-1.0, 0.0, 1.0):
        sums = []
        for _ in CATEGORIES:
            x, labels, _ = _toy_events(random, 4000, tes)
            inputs = torch.as_tensor(x[labels == 0])
            inputs[:, 3:] = 0
            sums.append((inputs, torch.ones(len(inputs)).double()))
        total = SumOfScores(classifier, sums)
        assert np.sign(total.evaluate(np.zeros(5))[1][0]) == -np.sign(tes) or tes == 0
        pulls.append(fit_nuisance(total).pulls[0])
    # What the classifier has wrong is the same in all three.
    np.testing.assert_allclose(np.diff(pulls), 1, atol=0.5)
    assert abs(np.mean(pulls)) < 0.7


@pytest.fixture(scope="module")
def estimator(source):
    """An estimator with an untrained classifier."""
    sample = training_part(source, "templates").with_jets()
    frame = pd.DataFrame(sample.primaries, columns=list(PRIMARIES))
    frame = frame.assign(weights=sample.weights.astype(np.float32), process=sample.process.astype(np.int8))
    sizes = [len(FEATURES[name]) for name in CATEGORIES]
    standardisations = tuple(
        Standardisation(FEATURES[name], np.full(n, 3, np.float32), np.full(n, 2, np.float32))
        for name, n in zip(CATEGORIES, sizes)
    )
    torch.manual_seed(6)
    classifier = Classifier([n + 2 * len(EMBEDDED) for n in sizes], width=8, depth=1).eval().requires_grad_(False)
    scorer = NuScorer((), standardisations, classifier)
    which, scores = scorer(systematics(frame))
    edges = tuple(np.quantile(scores[which == number], shares) for number, shares in enumerate(((0.3, 0.6, 0.9), 0.5)))
    events = {name: frame[name].to_numpy() for name in frame}
    return NuEstimator(NuArtifacts(Histogram(scorer, tuple(map(np.atleast_1d, edges))), events), systematics)


def test_templates_hold_the_expected_events_of_each_process(estimator):
    values = {"tes": 1.01, "jes": 0.98, "soft_met": 2.0, "ttbar_scale": 1.1, "diboson_scale": 0.5}
    templates = estimator.templates(estimator.histogram, values)
    shifted = systematics(estimator.events, tes=1.01, jes=0.98, soft_met=2.0)
    shifted = shifted[shifted["PRI_jet_leading_pt"] > 0]
    for process, factor in enumerate((1.0, 0.5, 1.1, 1.0)):
        weights = shifted["weights"][shifted["process"] == process].to_numpy(dtype=float)
        assert templates.nominal[process].sum() == pytest.approx(factor * weights.sum(), rel=1e-5)
        assert templates.variance[process].sum() == pytest.approx(factor**2 * (weights**2).sum(), rel=0.02)


def test_mu_is_that_of_the_templates(estimator):
    """Data that are the template events themselves, with the signal three times."""
    nominal = dict.fromkeys(("tes", "jes", "ttbar_scale", "diboson_scale"), 1.0) | {"soft_met": 0.0}
    data = systematics(estimator.events)
    weights = data["weights"].to_numpy(dtype=float) * np.where(data["process"] == 3, 3.0, 1.0)
    templates = estimator.templates(estimator.histogram, nominal)
    fit = Likelihood(templates, PRESETS["mu alone"]).fit(estimator.histogram.counts(data, weights)[None])
    # What is fitted is the share of the signal.
    b, s = templates.nominal[:3].sum(), templates.nominal[3].sum()
    assert fit.mu_hat[0] == pytest.approx(3 * (s + b) / (3 * s + b), abs=1e-3 * fit.sigma[0])


def test_mean_gradient_is_that_of_the_copy_of_background(source, estimator):
    sample, scorer = training_part(source, "held-out"), estimator.histogram.scorer
    assert any(abs(mean) > 5 * error for mean, error in mean_gradient(scorer, sample, 1, 4, 2000).values())
    blind = copy.deepcopy(scorer)
    for branch in blind.classifier.branches:
        branch[0].weight[:, -len(EMBEDDED) :] = 0  # the copy of B comes last
    assert mean_gradient(blind, sample, 1, 4, 2000) == dict.fromkeys(EMBEDDED, (0.0, 0.0))


def test_events_of_pseudo_experiments_have_the_decimals_of_test_events(source, estimator, tmp_path):
    sample = training_part(source, "held-out")
    save_sample(dataclasses.replace(sample, primaries=sample.primaries + np.float32(1e-4)), tmp_path)
    write(tmp_path / artifacts.ESTIMATOR, NuArtifacts(estimator.histogram, {}), about=None)
    events, _ = _opened(tmp_path)
    np.testing.assert_array_equal(events.primaries, np.round(sample.primaries + np.float32(1e-4), 3))


def test_an_estimator_is_read_from_its_artifacts(estimator, tmp_path):
    parts = NuArtifacts(estimator.histogram, {name: values.to_numpy() for name, values in estimator.events.items()})
    for name, content in artifacts.contents(parts, {}).items():
        (tmp_path / name).write_bytes(content)
    again = NuEstimator(artifacts.load(tmp_path, NuArtifacts), systematics)
    data = systematics(estimator.events)
    first, second = (fitted.fit(data, data["weights"]) for fitted in (estimator, again))
    np.testing.assert_array_equal(first[0].pulls, second[0].pulls)
    np.testing.assert_array_equal(first[1].mu_hat, second[1].mu_hat)
