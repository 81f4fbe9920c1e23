"""What methods have in common."""

import types

import torch

from experiments.methods.artifact_model import ArtifactModel
from experiments.methods.registry import METHODS
from ingestion_test.submissions import PROJECT
from submission.estimator import Estimate


def test_every_method_has_what_its_submission_consists_of():
    for name, method in METHODS.items():
        model = PROJECT if method.package is None else PROJECT / "experiments" / "methods" / method.package
        assert (model / "model.py").is_file(), name
        for size in ("full", "smoke"):
            assert method.config is None or method.config(size).record(), name


def test_all_configurations_differ():
    """Otherwise two methods would take their stages from each other and be the same."""
    for size in ("full", "smoke"):
        records = [(method.training, method.config(size).record()) for method in METHODS.values() if method.config]
        assert all(records.count(record) == 1 for record in records)


def test_a_model_settles_on_the_device_of_its_process(monkeypatch):
    moved, estimate = [], Estimate(1.0, 0.1, 0.9, 1.1, True, 20.0, 19, {})
    scorer = types.SimpleNamespace(to=moved.append)
    histogram = types.SimpleNamespace(scorer=scorer)

    class Model(ArtifactModel):
        def load(self):
            return types.SimpleNamespace(histogram=histogram, estimate=lambda *_: estimate)

    model = Model()
    for there in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert model.predict({"data": None, "weights": None})["p84"] == 1.1
    assert moved == ["cpu", "cuda"]
