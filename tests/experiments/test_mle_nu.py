"""The method that fits the nuisance parameters to the events: its parts, on events of known densities."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from experiments import pulls as study_of_pulls
from experiments.__main__ import main
from experiments.methods.mle_nu.calibration import Calibration, terms
from experiments.methods.mle_nu.estimator import NuArtifacts, NuEstimator
from experiments.methods.mle_nu.nuisance import SumOfScores, fit_nuisance
from experiments.methods.mle_nu.scorer import EMBEDDED, NuScorer, pulls_of, values_of
from experiments.methods.mle_nu.training import (
    MU,
    NuClassifierConfig,
    NuExperiments,
    NuResult,
    NuTraining,
    _opened,
    calibrate,
    calibration_points,
    configuration,
    paired,
)
from experiments.methods.mle_nu.training import train as train_nu
from ingestion_test.nuisance import draw_nuisance_parameters
from ingestion_test.official.systematics import systematics
from ingestion_test.pseudo_experiments import make_test_set
from ingestion_test.schema import PRIMARIES
from ingestion_test.sources import OfficialFolder
from measurement.explanation import explain
from runtime.errors import ChallengeError
from submission import artifacts, codec
from submission.classifier import Classifier
from submission.estimator import Measurement
from submission.features import CATEGORIES, FEATURES, Standardisation
from submission.histogram import Histogram
from submission.likelihood import PRESETS, Likelihood
from submission.parameters import PRIORS
from submission.throws import Throws
from tests.measurement.measurements import belt
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
    """log p(x | S) - log p(x | B) for events whose inputs are normal around `SLOPE` times the pulls of B.

    Arguments:
        wrong: what the scores have wrong: each is multiplied by 1 + `wrong` and moved by `wrong` / 10.
    """

    SLOPE = 0.1

    def __init__(self, wrong=0.0):
        super().__init__()
        self.wrong = wrong
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, category):
        features, copy = x[:, : len(EMBEDDED)], x[:, -len(EMBEDDED) :]
        logit = 0.5 * ((features - self.SLOPE * copy) ** 2).sum(1) - 0.5 * (features**2).sum(1)
        return (1 + self.wrong) * logit - 0.1 * self.wrong * copy.sum(1)


def _normal(random, events, pulls, classifier):
    """Events made at `pulls`: normal around what they depend on, for soft_met its square."""
    x = (random.normal(size=(events, 5)) + _Analytic.SLOPE * terms(pulls)[1:6]).astype(np.float32)
    inputs = torch.as_tensor(np.concatenate([x, np.zeros((len(x), len(EMBEDDED)), np.float32)], axis=1))
    parts = [(part, torch.ones(len(part)).double()) for part in (inputs[: events // 2], inputs[events // 2 :])]
    return x, SumOfScores(classifier, parts)


#: That of the true ratio of densities.
_EXACT = Calibration(_Analytic.SLOPE**2 * np.eye(21)[:, 1:6], np.eye(5))


def test_the_sum_of_scores_gives_the_maximum_of_the_likelihood():
    """Events of a known density: scores, information and estimate against their closed forms."""
    true = np.array([1.0, -2.0, 0.5, 0.0, -1.0])
    x, total = _normal(np.random.default_rng(2), 60_000, true, _Analytic())
    scores, squares = total.evaluate(np.zeros(5))
    np.testing.assert_allclose(scores, _Analytic.SLOPE * x.sum(axis=0, dtype=float), rtol=1e-4)
    np.testing.assert_allclose(squares, _Analytic.SLOPE**2 * x.T.astype(float) @ x, rtol=1e-3, atol=1)
    fit = fit_nuisance(total, _EXACT)
    expected = _Analytic.SLOPE * x.sum(axis=0, dtype=float) / (_Analytic.SLOPE**2 * len(x) + 1)
    expected[2] = np.log1p(2 * expected[2]) / 2
    assert fit.converged
    np.testing.assert_allclose(fit.pulls, expected, atol=5e-3)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), (_Analytic.SLOPE**2 * len(x) + 1) ** -0.5, rtol=1e-6)


def test_scores_that_are_wrong_give_unbiased_pulls_once_they_are_calibrated():
    classifier, random = _Analytic(wrong=0.5), np.random.default_rng(3)
    points, scores = calibration_points(), []
    for pulls in points:
        _, total = _normal(np.random.default_rng(5), 100_000, pulls, classifier)
        scores.append(total.evaluate(np.zeros(5))[0] / total.weight)
    covariance = np.cov(1.5 * _Analytic.SLOPE * np.random.default_rng(5).normal(size=(5, 100_000)))
    calibration = Calibration.of(points, np.array(scores), covariance, 100_000)
    np.testing.assert_allclose(calibration.mean[0], 0.05, atol=2e-3)
    np.testing.assert_allclose(calibration.information(np.zeros(5)), _Analytic.SLOPE**2 * np.eye(5), atol=5e-4)
    plain, calibrated = [], []
    for _ in range(20):
        true = np.clip(random.normal(size=5), -2, 1.2)  # soft_met ends at 1.6
        true[2] = max(true[2], -0.5)  # below that its square is 0
        _, total = _normal(random, 20_000, true, classifier)
        plain.append(fit_nuisance(total, _EXACT).pulls - true)
        calibrated.append(fit_nuisance(total, calibration).pulls - true)
    assert (np.mean(plain, axis=0) > 0.5).all(), "the sum as it is runs away"
    # 20,000 events know a pull to 0.07; those of the calibration move the mean of all by 0.03.
    np.testing.assert_allclose(np.mean(calibrated, axis=0), 0, atol=0.12)
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(calibrated), axis=0)), 0.09, atol=0.07)


def test_terms_are_those_of_a_quadratic():
    x = np.random.default_rng(1).normal(size=(4, 5))
    u = x[2].copy()
    u[2] = (np.exp(2 * u[2]) - 1) / 2
    expected = [1, *u, *(u[i] * u[j] for i in range(5) for j in range(i, 5))]
    np.testing.assert_allclose(terms(x)[2], expected)
    assert np.linalg.matrix_rank(terms(calibration_points())) == 21


def test_pulls_are_those_that_the_values_were_made_of():
    nuisance = draw_nuisance_parameters(11, [prior.name for prior in PRIORS])
    random = np.random.RandomState(11).standard_normal(5)
    np.testing.assert_allclose(pulls_of(nuisance), random, rtol=1e-4)
    values = values_of(pulls_of(nuisance))
    assert values == pytest.approx({name: nuisance[name] for name in EMBEDDED}, rel=1e-5)


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
    config = NuClassifierConfig(width=16, depth=1, batch=500, epochs=4, learning_rate=1e-2, averaging=0.99)
    classifier = train_nu(*parts, config).classifier

    def total(random, events, tes):
        parts = []
        for _ in CATEGORIES:
            x, labels, _ = _toy_events(random, events, tes)
            x[:, 3:] = 0
            parts.append((torch.as_tensor(x[labels == 0]), torch.ones(events // 2).double()))
        return SumOfScores(classifier, parts)

    points = calibration_points()
    sums = [total(np.random.default_rng(6), 40_000, point[0]) for point in points]
    scores = np.array([known.evaluate(np.zeros(5))[0] / known.weight for known in sums])
    covariance = sums[0].evaluate(np.zeros(5))[1] / sums[0].weight - np.outer(scores[0], scores[0])
    calibration = Calibration.of(points, scores, covariance, 40_000)
    pulls = [fit_nuisance(total(random, 8000, tes), calibration).pulls[0] for tes in (-1.0, 0.0, 1.0)]
    np.testing.assert_allclose(pulls, (-1, 0, 1), atol=0.15)


def estimator_frame(sample):
    """The events of a sample as template events are kept."""
    frame = pd.DataFrame(sample.primaries, columns=list(PRIMARIES))
    return frame.assign(weights=sample.weights.astype(np.float32), process=sample.process.astype(np.int8))


@pytest.fixture(scope="module")
def estimator(source):
    """An estimator with an untrained classifier."""
    frame = estimator_frame(training_part(source, "templates").with_jets())
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
    return NuEstimator(NuArtifacts(Histogram(scorer, tuple(map(np.atleast_1d, edges))), events, _EXACT), systematics)


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


def test_a_calibration_is_that_of_the_events_it_is_measured_on(source, estimator, tmp_path):
    """With the events of the calibration themselves for data the pulls are the true ones, all of them; mu is 2."""
    sample, scorer = training_part(source, "held-out"), estimator.histogram.scorer
    save_sample(sample, tmp_path)
    calibration = calibrate(scorer, 2.0, tmp_path, 3, "test")
    assert len(list(tmp_path.glob("scores*.npz"))) == len(calibration_points())
    assert calibrate(scorer, 2.0, tmp_path, 3, "test").mean.tolist() == calibration.mean.tolist()
    with pytest.raises(ChallengeError):
        calibrate(scorer, 2.0, tmp_path, 3, "another classifier")
    data = systematics(estimator_frame(sample), tes=1.015, soft_met=1.0, seed=1)
    total = SumOfScores.of(scorer, data, data["weights"].to_numpy(dtype=float) * np.where(data["process"] == 3, 2, 1))
    pulls = np.array([1.5, 0, 0, 0, 0])
    scores = total.evaluate(np.zeros(5))[0] / total.weight
    # soft_met's noise is another one.
    np.testing.assert_allclose(scores, terms(pulls) @ calibration.mean, atol=0.05 * np.abs(scores).max())
    assert np.linalg.eigvalsh(calibration.information(np.zeros(5))).min() > -1e-12
    shifted = systematics(estimator_frame(sample), soft_met=1.0, seed=1)
    jets = shifted["PRI_jet_leading_pt"] > 0
    weights = (shifted["weights"] * np.where(shifted["process"] == 3, 2, 1))[jets].to_numpy(dtype=float)
    assert calibration.events == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), rel=0.02)


def test_few_events_behind_a_calibration_leave_the_priors():
    assert dataclasses.replace(_EXACT, events=3.0).size(6.0) == pytest.approx(2.0)
    _, total = _normal(np.random.default_rng(2), 60_000, np.ones(5), _Analytic())
    fit = fit_nuisance(total, dataclasses.replace(_EXACT, events=1.0))
    np.testing.assert_allclose(fit.pulls, 0, atol=0.05)
    np.testing.assert_allclose(np.diag(fit.covariance), 1, atol=0.02)


def test_events_of_pseudo_experiments_have_the_decimals_of_test_events(source, estimator, tmp_path):
    sample = training_part(source, "held-out")
    save_sample(dataclasses.replace(sample, primaries=sample.primaries + np.float32(1e-4)), tmp_path)
    write(tmp_path / artifacts.ESTIMATOR, NuArtifacts(estimator.histogram, {}, _EXACT), about=None)
    events, _ = _opened(tmp_path)
    np.testing.assert_array_equal(events.primaries, np.round(sample.primaries + np.float32(1e-4), 3))


def test_an_estimator_is_read_from_its_artifacts(estimator, tmp_path):
    parts = NuArtifacts(
        estimator.histogram, {name: values.to_numpy() for name, values in estimator.events.items()}, _EXACT
    )
    for name, content in artifacts.contents(parts, {}).items():
        (tmp_path / name).write_bytes(content)
    again = NuEstimator(artifacts.load(tmp_path, NuArtifacts), systematics)
    data = systematics(estimator.events)
    first, second = (fitted.fit(data, data["weights"]) for fitted in (estimator, again))
    np.testing.assert_array_equal(first[0].pulls, second[0].pulls)
    np.testing.assert_array_equal(first[1].mu_hat, second[1].mu_hat)


def test_a_measurement_can_be_explained(estimator):
    """Its numbers are those of the estimate, though the templates are others for each data set."""
    events = {name: values.to_numpy() for name, values in estimator.events.items()}
    fitted = NuEstimator(NuArtifacts(estimator.histogram, events, _EXACT, belt()), systematics)
    data = systematics(estimator.events)
    measurement = fitted.measurement(data, data["weights"])
    measurement = codec.decode(Measurement, codec.encode(measurement))
    assert measurement.estimate == fitted.estimate(data, data["weights"])
    shown = explain(measurement, "an example")
    assert shown.belt["mu_hat"] == pytest.approx(fitted.fit(data, data["weights"])[1].mu_hat[0])
    assert not shown.impacts, "mu alone is fitted"


@pytest.mark.slow
def test_pulls_of_a_small_training_are_near_the_true_ones(source, tmp_path):
    """All data sets have the finite samples behind data and calibration; without calibration pulls run away."""
    training = NuTraining(configuration("smoke"), source, tmp_path)
    for stage in ("flows", "classifier", "templates"):
        training.run(stage)
    parts = training.result("templates", NuResult).estimator
    events, differences, plain = source.test_events(), [], []
    for seed in range(500, 506):
        nuisance = draw_nuisance_parameters(seed, [prior.name for prior in PRIORS])
        test_set = make_test_set(events, 1.0, nuisance, seed)
        total = SumOfScores.of(parts.histogram.scorer, test_set["data"], test_set["weights"].to_numpy())
        minimum = fit_nuisance(total, parts.calibration)
        assert minimum.converged
        differences.append(minimum.pulls - pulls_of(nuisance))
        exact = dataclasses.replace(parts.calibration, mean=parts.calibration.mean * (np.arange(21) > 0)[:, None])
        exact = dataclasses.replace(exact, events=np.inf)
        plain.append(fit_nuisance(total, exact).pulls - pulls_of(nuisance))
    assert (np.abs(np.mean(differences, axis=0)) < 1.3).all()
    assert (np.sqrt(np.mean(np.square(differences), axis=0)) < 1.7).all()
    assert np.abs(np.mean(plain, axis=0)).max() > 2.5


def test_the_study_of_the_pulls_finds_their_slope_in_mu(estimator):
    """Pulls that are off by 0.3, and by 0.2 more per unit of mu, with noise of 0.5."""
    events = {name: values.to_numpy() for name, values in estimator.events.items()}
    parts = NuArtifacts(estimator.histogram, events, dataclasses.replace(_EXACT, events=1e5), belt())
    random, mu = np.random.default_rng(8), np.linspace(0.1, 3, 400)
    truth = random.normal(size=(400, 5))
    off = 0.3 + 0.2 * (mu - MU)[:, None] + 0.5 * random.normal(size=truth.shape)
    throws = Throws(mu, mu, np.ones(400), np.ones(400, bool))
    result = study_of_pulls.study(parts, NuExperiments(throws, truth + off, truth, sample=1e6))
    for name in result["mean"]:
        slope, error = result["slope"][name]
        assert error == pytest.approx(0.5 / np.sqrt(400) / mu.std(), rel=0.2)
        assert slope == pytest.approx(0.2, abs=4 * error)
        assert result["mean"][name] == pytest.approx(0.3, abs=0.1)
        assert result["deviation"][name] == pytest.approx(0.5, rel=0.15)


def test_a_training_that_has_kept_no_pseudo_experiments_has_no_pulls(estimator, tmp_path, capsys):
    events = {name: values.to_numpy() for name, values in estimator.events.items()}
    parts = NuArtifacts(estimator.histogram, events, _EXACT, belt())
    (tmp_path / "neyman.npz").write_bytes(codec.encode(NuResult(parts, {})))
    assert main(["pulls", "--training", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    assert "holds no pseudo-experiments: --training takes" in capsys.readouterr().err
