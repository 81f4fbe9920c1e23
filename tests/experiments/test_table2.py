"""The comparison of methods: the same data sets for all, statistical errors, and the methods' own parts."""

import copy
import dataclasses
import json
import pickle
import shutil
import types

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from experiments.__main__ import main
from experiments.methods import preparation
from experiments.methods.artifact_model import ArtifactModel
from experiments.methods.boosted.training import BoostedConfig, train
from experiments.methods.boosted.trees import Trees
from experiments.methods.mle_nu.estimator import NuArtifacts, NuEstimator
from experiments.methods.mle_nu.nuisance import SumOfScores, fit_nuisance
from experiments.methods.mle_nu.scorer import EMBEDDED, NuScorer, pulls_of
from experiments.methods.mle_nu.training import NuClassifierConfig, _opened, mean_gradient, paired
from experiments.methods.mle_nu.training import train as train_nu
from experiments.methods.registry import METHODS
from experiments.table2 import command
from experiments.table2.command import SEED, FirstOfRun
from experiments.table2.rows import PAPER, row, table
from ingestion_test.ingestion import RunSettings
from ingestion_test.nuisance import draw_nuisance_parameters
from ingestion_test.pseudo_experiments import experiment_test_set
from ingestion_test.schema import PRIMARIES
from ingestion_test.scoring import coverage_penalty
from ingestion_test.sources import OfficialFolder
from ingestion_test.submissions import PROJECT
from ingestion_test.systematics import systematics
from submission import artifacts
from submission.classifier import Classifier
from submission.codec import decode, encode
from submission.estimator import Estimate
from submission.features import CATEGORIES, FEATURES, Standardisation
from submission.histogram import Histogram
from submission.likelihood import PRESETS, Likelihood
from submission.parameters import PRIORS
from training.checkpoints import write
from training.samples import save_sample, training_part

# The same data for all -----------------------------------------------------------------------------------------------


def test_the_first_of_a_run_are_those_of_the_whole_run():
    whole = {(item.set_index, item.index): item for item in RunSettings(4, 10, seed=SEED).plan()}
    part = FirstOfRun(num_sets=3, num_experiments=2, seed=SEED, whole=10)
    assert {(item.set_index, item.index): (item.mu, item.seed) for item in part.plan()} == {
        (i, j): (whole[i, j].mu, whole[i, j].seed) for i in range(3) for j in range(2)
    }
    assert part.official()["ground_truth_mus"] == [whole[i, 0].mu for i in range(3)]


@pytest.fixture(scope="module")
def compared(simulated_folder, tmp_path_factory):
    """Output folder of a comparison of two methods, and the flags that made it."""
    output = tmp_path_factory.mktemp("table2")
    flags = ["table2", "--preset", "smoke", "--data", str(simulated_folder), "--output", str(output), "--workers", "1"]
    assert main([*flags, "--methods", "default,baseline", "--experiments", "2"]) == 0
    return output, flags


def _journal(output, name):
    lines = [json.loads(line) for line in (output / name / "pseudo_experiments.jsonl").read_text().splitlines()]
    return {(line["set_index"], line["index"]): line for line in lines[1:]}


def test_two_methods_get_identical_data_sets(compared):
    output, _ = compared
    default, baseline = _journal(output, "default"), _journal(output, "baseline")
    assert len(default) == 4
    assert {key: (line["mu"], line["seed"]) for key, line in default.items()} == {
        key: (line["mu"], line["seed"]) for key, line in baseline.items()
    }
    assert {key: line["mu_hat"] for key, line in default.items()} != {
        key: line["mu_hat"] for key, line in baseline.items()
    }


def test_methods_share_what_they_have_in_common(compared):
    output, _ = compared
    for stage, same in (("classifier", True), ("templates", True), ("neyman", False)):
        first, second = ((output / name / "training" / f"{stage}.npz").read_bytes() for name in ("default", "baseline"))
        assert (first == second) is same, stage


def test_a_method_predicts_from_its_own_artifacts(compared, simulated_folder):
    """What the ingestion's processes predicted is what the staged artifacts give here."""
    output, _ = compared
    settings = FirstOfRun(num_sets=2, num_experiments=1, seed=SEED, whole=3)
    experiment = settings.plan()[0]
    test_set = experiment_test_set(OfficialFolder(simulated_folder).test_events(), experiment, settings.systematics)
    for name in ("default", "baseline"):
        estimator = artifacts.load(output / name / "submission" / "submission" / "artifacts")
        estimate = estimator.estimate(test_set["data"], test_set["weights"])
        found = _journal(output, name)[experiment.set_index, 0]
        assert found["mu_hat"] == pytest.approx(estimate.mu_hat, abs=1e-3)
        assert found["p84"] == pytest.approx(estimate.p84, abs=1e-3)


def test_a_comparison_is_continued_only_on_demand_and_never_with_other_settings(compared, shown, capsys):
    output, flags = compared
    assert main([*flags, "--methods", "default"]) == 2
    assert "add --resume" in capsys.readouterr().err
    assert main([*flags, "--methods", "default", "--resume", "--experiments", "5"]) == 2
    assert "choose another --output" in capsys.readouterr().err
    before = (output / "table2.json").read_bytes()
    assert main([*flags, "--methods", "baseline", "--resume", "--experiments", "2"]) == 0
    said = shown()
    assert (output / "table2.json").read_bytes() == before
    assert all(name in said for name in ("default", "baseline", *PAPER))
    page = (output / "results.md").read_text()
    assert all(METHODS[name].label in page for name in ("default", "baseline"))
    assert (output / "table2-intervals.png").stat().st_size > 5000
    assert (output / "table2-coverage.png").stat().st_size > 5000


def test_submissions_of_other_code_are_not_continued(tmp_path, monkeypatch, simulated_folder, capsys):
    for name in ("submission", "experiments"):
        shutil.copytree(PROJECT / name, tmp_path / "project" / name)
    shutil.copy2(PROJECT / "model.py", tmp_path / "project")
    monkeypatch.setattr(preparation, "PROJECT", tmp_path / "project")
    first = preparation.code_checksum()
    (tmp_path / "project" / "experiments" / "outputs.py").write_text("travels in no submission")
    assert preparation.code_checksum() == first
    for changed in ("model.py", "submission/artifacts/estimator.npz", "experiments/methods/boosted/trees.py"):
        with open(tmp_path / "project" / changed, "ab") as file:
            file.write(b"#")
        assert preparation.code_checksum() != first
        first = preparation.code_checksum()
    flags = ["--preset", "smoke", "--data", str(simulated_folder), "--output", str(tmp_path / "out")]
    monkeypatch.setattr(command, "run_method", lambda *_, **__: None)
    monkeypatch.setattr(command, "write_table", lambda *_: {})
    monkeypatch.setattr(command, "publish", lambda *_: None)
    assert main(["table2", *flags, "--methods", "template-fit"]) == 0
    with open(tmp_path / "project" / "model.py", "a") as file:
        file.write("#")
    capsys.readouterr()
    assert main(["table2", *flags, "--methods", "template-fit", "--resume"]) == 2
    assert "holds other results (code differ)" in capsys.readouterr().err


def test_unknown_methods_are_named(capsys):
    with pytest.raises(SystemExit):
        main(["table2", "--methods", "default,magic"])
    assert "no method magic" in capsys.readouterr().err


# Statistical errors --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results():
    """Three sets of unequal quality: true mu, and results as in result_{i}.json."""
    random, mus, made = np.random.default_rng(3), [0.5, 1.0, 2.0], []
    for mu, spread in zip(mus, (0.2, 0.3, 0.4)):
        mu_hat, half = mu + spread * random.normal(size=200), spread * random.uniform(0.8, 1.2, 200)
        content = {"mu_hats": mu_hat, "delta_mu_hats": half, "p16": mu_hat - half, "p84": mu_hat + half}
        made.append({key: values.tolist() for key, values in content.items()})
    return mus, made


def test_errors_against_independent_computations(results):
    """Interval and RMSE are means of independent numbers; the score follows from the interval where f = 1."""
    mus, made = results
    table_row = row(mus, made, seconds=[0.1, 0.2, 0.3])
    arrays = [{key: np.array(values) for key, values in result.items()} for result in made]
    widths = [one["p84"] - one["p16"] for one in arrays]
    squares = [(one["mu_hats"] - mu) ** 2 for mu, one in zip(mus, arrays)]
    terms = [np.sqrt(s + (s - one["delta_mu_hats"] ** 2) ** 2) for s, one in zip(squares, arrays)]
    for name, parts in (("interval", widths), ("rmse", terms)):
        value, error = table_row[name]
        assert value == pytest.approx(np.mean(parts))
        assert error == pytest.approx(np.sqrt(sum(part.var() / len(part) for part in parts)) / 3, rel=0.1)
    covered = np.concatenate([(one["p16"] <= mu) & (mu <= one["p84"]) for mu, one in zip(mus, arrays)])
    assert table_row["coverage"] == pytest.approx(
        (covered.mean(), np.sqrt(covered.mean() * (1 - covered.mean()) / 600))
    )
    assert coverage_penalty(covered.mean(), 600) == 1
    interval, error = table_row["interval"]
    assert table_row["score"][0] == pytest.approx(-np.log(interval + 1e-3))
    assert table_row["rms"][0] == pytest.approx(np.sqrt(np.mean(squares)))
    assert table_row["minutes"] == pytest.approx((0.2 * 1000 / 60, np.std([1, 2, 3]) / np.sqrt(3) * 100 / 60))
    one = table_row["sets"][1]
    assert one["interval"] == pytest.approx((widths[1].mean(), widths[1].std() / np.sqrt(200)), rel=0.1)


def test_the_table_shows_value_and_error(results):
    said = table({"default": row(*results, seconds=[0.6]) | {"score": (0.5, 0.125)}}).text()
    assert "0.500 ± 0.125" in said
    assert "3 × 200" in said
    assert "10.0 ± 0.0" in said


# Boosted trees -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def boosted(tmp_path_factory):
    """Events of two overlapping classes per category, and trees that tell them apart."""
    random, parts = np.random.default_rng(1), []
    for events in (4000, 1000):
        labels = (np.arange(events) % 2).astype(np.float32)
        sizes = {name: len(FEATURES[name]) for name in CATEGORIES}
        parts.append(
            {
                name: (random.normal(size=(events, n)).astype(np.float32) + labels[:, None] / 2, labels)
                for name, n in sizes.items()
            }
        )
    checkpoint = tmp_path_factory.mktemp("boosted") / "classifier.npz"
    return parts, train(*parts, BoostedConfig(rounds=20, leaves=7), checkpoint=checkpoint), checkpoint


def test_trees_tell_the_classes_apart_and_survive_pickling(boosted):
    (_, validation), trained, _ = boosted
    trees = trained.classifier
    for number, name in enumerate(CATEGORIES):
        x, labels = validation[name]
        logits = trees.logits(x, number)
        assert roc_auc_score(labels, logits) > 0.8
        assert logits.dtype == np.float32
        for other in (pickle.loads(pickle.dumps(trees)), decode(Trees, encode(trees))):
            np.testing.assert_array_equal(other.logits(x, number), logits)


def test_boosting_goes_on_from_what_is_finished(boosted):
    (training, validation), trained, checkpoint = boosted
    kept = checkpoint.with_name("boosted-1-jet.txt")
    changed = kept.stat().st_mtime_ns
    checkpoint.with_name("boosted-2-jet.txt").unlink()
    again = train(training, validation, BoostedConfig(rounds=20, leaves=7), checkpoint=checkpoint)
    assert kept.stat().st_mtime_ns == changed
    for number, name in enumerate(CATEGORIES):
        x, _ = validation[name]
        np.testing.assert_array_equal(again.classifier.logits(x, number), trained.classifier.logits(x, number))


# MLE with nu ---------------------------------------------------------------------------------------------------------


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
        own, copy = x[:, : len(EMBEDDED)], x[:, -len(EMBEDDED) :]
        return 0.5 * ((own - self.SLOPE * copy) ** 2).sum(1) - 0.5 * (own**2).sum(1)


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
    return np.concatenate([x, pulls], axis=1), labels


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
            x, labels = _toy_events(random, 4000, tes)
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


def test_a_model_settles_on_the_device_of_its_process(monkeypatch):
    moved, estimate = [], Estimate(1.0, 0.1, 0.9, 1.1, True)
    scorer = types.SimpleNamespace(to=moved.append)
    model = ArtifactModel()
    model.estimator = types.SimpleNamespace(
        histogram=types.SimpleNamespace(scorer=scorer), estimate=lambda *_: estimate
    )
    for there in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert model.predict({"data": None, "weights": None})["p84"] == 1.1
    assert moved == ["cpu", "cuda"]


def test_an_estimator_is_read_from_its_artifacts(estimator, tmp_path):
    parts = NuArtifacts(estimator.histogram, {name: values.to_numpy() for name, values in estimator.events.items()})
    for name, content in artifacts.contents(parts, {}).items():
        (tmp_path / name).write_bytes(content)
    again = NuEstimator(artifacts.load(tmp_path, NuArtifacts), systematics)
    data = systematics(estimator.events)
    first, second = (one.fit(data, data["weights"]) for one in (estimator, again))
    np.testing.assert_array_equal(first[0].pulls, second[0].pulls)
    np.testing.assert_array_equal(first[1].mu_hat, second[1].mu_hat)
