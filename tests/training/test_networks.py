"""Flows and classifier trained together, on a small simulated sample with the smoke preset."""

import copy
import dataclasses
import functools

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from ingestion_test.official.systematics import systematics
from ingestion_test.schema import PRIMARIES
from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError
from submission.codec import decode, encode
from submission.features import CATEGORIES, FEATURES
from submission.score import Scorer
from training import networks
from training.classifier import TrainedClassifier
from training.config import PRESETS
from training.flows import TrainingFailed
from training.networks import Kind, roc, train_classifier, train_flows
from training.samples import Sample, draw_batches, training_part

CONFIG, GATE = PRESETS["smoke"].networks, PRESETS["smoke"].gate


@pytest.fixture(scope="module")
def parts(simulated_folder):
    source = OfficialFolder(simulated_folder)
    return {name: training_part(source, name).with_jets() for name in ("flows", "classifier", "held-out")}


@pytest.fixture(scope="module")
def trained(parts, tmp_path_factory):
    checkpoints = tmp_path_factory.mktemp("checkpoints")
    flows = train_flows(parts["flows"], parts["held-out"], CONFIG, "cpu", checkpoints)
    sample, resources = functools.partial(copy.copy, parts["classifier"]), ("cpu", checkpoints)
    classifier = train_classifier(sample, parts["held-out"], flows.discriminators, CONFIG, GATE, *resources)
    return classifier.scorer, flows.summary, classifier.summary


def test_separates_events_it_was_not_trained_on(trained):
    _, flows, classifier = trained
    for category in CATEGORIES:
        assert classifier["held_out"][category]["auc"] > 0.7
        kept = list(classifier["held_out"][category]["background_kept"].values())
        assert kept == sorted(kept)
        assert kept[-1] < 0.4
        assert flows[category]["events"] > 0.5 * CONFIG.flows.events


@pytest.mark.slow
def test_flows_are_the_same_to_the_bit_from_several_processes(trained, parts, tmp_path):
    discriminators = train_flows(parts["flows"], parts["held-out"], CONFIG, "cpu", tmp_path, workers=2).discriminators
    for ours, theirs in zip(trained[0].discriminators, discriminators):
        assert ours.category == theirs.category
        weights = theirs.flow.state_dict()
        assert all(torch.equal(weight, weights[name]) for name, weight in ours.flow.state_dict().items())


def test_flows_are_validated_on_events_that_they_have_not_seen(parts, tmp_path, monkeypatch):
    given = []

    def train(*arguments):
        given.append(arguments)
        raise TrainingFailed("far enough")

    monkeypatch.setattr(networks.flow_training, "train", train)
    with pytest.raises(TrainingFailed):
        train_flows(parts["flows"], parts["held-out"], CONFIG, "cpu", tmp_path)
    *events, _, _, _, _, validation = given[0]
    assert len(events[0]) == len(events[1]) == pytest.approx(CONFIG.flows.events / 2, rel=0.2)
    for own, checked in zip(events, validation):
        assert len(checked) == pytest.approx(len(own) / 4, rel=0.4)  # of few events
        assert not {row.tobytes() for row in own} & {row.tobytes() for row in checked}


def test_a_category_without_events_is_named(parts, tmp_path):
    sample = parts["held-out"]
    one_jet = sample.primaries[:, PRIMARIES.index("PRI_n_jets")] == 1
    few = Sample(*(getattr(sample, name)[one_jet] for name in ("primaries", "weights", "process")))
    with pytest.raises(ChallengeError, match="no event of category 2-jet: use a larger sample"):
        train_flows(parts["flows"], few, CONFIG, "cpu", tmp_path)


@pytest.mark.parametrize("returned", [None, (), object(), TrainedClassifier([], [])])
def test_a_train_function_that_returns_something_else_is_named(returned, parts, tmp_path):
    kind = Kind(train=lambda *_: returned)
    sample = functools.partial(copy.copy, parts["classifier"])
    with pytest.raises(ChallengeError, match=f"train returned {type(returned).__name__}: return a TrainedClassifier"):
        train_classifier(sample, parts["held-out"], (), CONFIG, GATE, "cpu", tmp_path, kind)


def test_discrimination_functions_separate_too(trained, parts):
    """The flow of the signal is higher on signal, the flow of the background on background."""
    scorer = trained[0]
    batches = draw_batches(parts["flows"], 20_000, np.random.default_rng(5))
    for number, category in enumerate(CATEGORIES):
        values = scorer.discriminators[number](batches[category].columns)
        assert values.shape == (len(batches[category].labels), 2)
        assert (values >= 0).all()
        assert (values <= 1).all()
        assert roc_auc_score(batches[category].labels, values[:, 0]) > 0.6
        assert roc_auc_score(batches[category].labels, values[:, 1]) < 0.4


def test_scores_belong_to_their_events(trained, events):
    """Whatever the order of events and columns; events without a jet have no score."""
    scorer, frame = trained[0], systematics(events)
    which, logits = scorer(frame)
    assert np.array_equal(np.isnan(logits), which == -1)
    order = np.random.default_rng(0).permutation(len(frame))
    shuffled_which, shuffled = scorer(frame.iloc[order][list(reversed(frame.columns))])
    assert np.array_equal(shuffled_which, which[order])
    np.testing.assert_allclose(shuffled, logits[order], rtol=1e-4, atol=1e-4)


def test_events_that_do_not_pass_the_gate_score_below_all_others(trained, parts):
    """The gate lets through the share of the signal it is set to, less background, and does not touch other scores."""
    scorer = trained[0]
    # The share is that of the events it was set with: of a small sample's few others it lets less pass.
    batches = draw_batches(parts["classifier"], 40_000, np.random.default_rng(6))
    for number, category in enumerate(CATEGORIES):
        batch = batches[category]
        scores = scorer.scores(batch.columns, number)
        alone = dataclasses.replace(scorer, gate=None).scores(batch.columns, number)
        with torch.inference_mode():
            first = scorer.gate(torch.as_tensor(scorer.standardised(batch.columns, number)), number).numpy()
        passed = first >= 0
        np.testing.assert_allclose(scores[passed], alone[passed], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(scores[~passed], first[~passed] - 50, rtol=1e-5)
        assert scores[~passed].max() < scores[passed].min()
        signal = batch.labels == 1
        assert passed[signal].mean() == pytest.approx(GATE.signal_kept, abs=0.05)
        assert passed[~signal].mean() < 0.75 * passed[signal].mean()


def test_a_file_makes_the_same_scorer(trained, events):
    scorer, frame = trained[0], systematics(events)
    np.testing.assert_array_equal(decode(Scorer, encode(scorer))(frame)[1], scorer(frame)[1])


def test_a_missing_feature_is_named(trained, events):
    with pytest.raises(KeyError, match="DER_mass_vis"):
        trained[0](systematics(events).drop(columns="DER_mass_vis"))
    assert "DER_mass_vis" in FEATURES["1-jet"]


def test_area_under_the_curve():
    random = np.random.default_rng(1)
    signal, background = random.normal(1, 1, 4000).round(1), random.normal(0, 1, 6000).round(1)  # with ties
    result = roc(signal, background)
    labels = np.r_[np.ones(4000), np.zeros(6000)]
    assert result["auc"] == pytest.approx(roc_auc_score(labels, np.r_[signal, background]), abs=1e-12)
    assert result["background_kept"]["0.5"] == pytest.approx(0.1587, abs=0.02)
    areas = [roc(random.normal(1, 1, 400), random.normal(0, 1, 600))["auc"] for _ in range(300)]
    assert roc(random.normal(1, 1, 400), random.normal(0, 1, 600))["auc_error"] == pytest.approx(np.std(areas), rel=0.2)


def test_repeated_events_do_not_make_the_area_more_certain():
    random = np.random.default_rng(2)
    signal, background = random.normal(1, 1, 400), random.normal(0, 1, 600)
    once, thrice = roc(signal, background), roc(np.repeat(signal, 3), np.repeat(background, 3))
    assert thrice["auc"] == pytest.approx(once["auc"])
    assert thrice["auc_error"] == pytest.approx(once["auc_error"], rel=0.01)
