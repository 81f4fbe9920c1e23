"""Boosted trees in place of the classifier."""

import pickle

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from experiments.methods.boosted.training import BoostedConfig, train
from experiments.methods.boosted.trees import Trees
from submission.codec import decode, encode
from submission.features import CATEGORIES, FEATURES
from training.classifier import LabelledEvents


@pytest.fixture(scope="module")
def boosted(tmp_path_factory):
    """Events of two overlapping classes per category, and trees that tell them apart."""
    random, parts = np.random.default_rng(1), []
    for events in (4000, 1000):
        labels = (np.arange(events) % 2).astype(np.float32)
        sizes = {name: len(FEATURES[name]) for name in CATEGORIES}
        parts.append(
            {
                name: LabelledEvents(
                    random.normal(size=(events, n)).astype(np.float32) + labels[:, None] / 2,
                    labels,
                    np.ones_like(labels),
                )
                for name, n in sizes.items()
            }
        )
    checkpoint = tmp_path_factory.mktemp("boosted") / "classifier.npz"
    return parts, train(*parts, BoostedConfig(rounds=20, leaves=7), checkpoint=checkpoint), checkpoint


def test_trees_tell_the_classes_apart_and_survive_pickling(boosted):
    (_, validation), trained, _ = boosted
    trees = trained.classifier
    for number, name in enumerate(CATEGORIES):
        x, labels, _ = validation[name]
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
        x = validation[name].inputs
        np.testing.assert_array_equal(again.classifier.logits(x, number), trained.classifier.logits(x, number))
