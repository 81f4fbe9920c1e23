"""What is compared between the CPU and a card; here the CPU takes both places."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import gpu
from submission.features import CATEGORIES


@pytest.fixture(scope="module")
def labelled(data_folder):
    return gpu.labelled_events(data_folder)


@pytest.mark.parametrize("make", [gpu.flows_training, gpu.classifier_training])
def test_trainings(make, labelled):
    train = make("smoke", *labelled, steps=4)
    result = gpu.compare_training("smoke", train, "cpu", steps=4)
    assert (result.distance, result.device_loss, result.steps) == (0, result.cpu_loss, 4 * gpu.EPOCHS)

    def shifted(device, changes):
        network, losses = train("cpu", changes)
        if device == "shifted" and changes["epochs"] == gpu.EPOCHS:
            network.load_state_dict({name: 1.01 * values for name, values in network.state_dict().items()})
        return network, losses

    assert gpu.compare_training("smoke", shifted, "shifted", steps=4).distance > 1e-3


def test_signal_and_background_of_one_category(labelled):
    columns, labels = gpu.drawn(*labelled, len(CATEGORIES) - 1, 50, seed=0)
    assert labels.tolist() == [1] * 50 + [0] * 50
    assert (columns["PRI_jet_subleading_pt"] > 0).all()


def test_predictions(data_folder, tmp_path):
    paths = gpu.save_test_sets(tmp_path, data_folder, 2)
    assert gpu.moved_events(paths, "cpu") == 0
    results = gpu.predict(paths, 2, ("cpu", "cpu"))
    assert [(result.workers, result.difference) for result in results] == [(2, 0)] * 2
    assert np.isfinite([result.seconds for result in results]).all()
    different = replace(results[0], difference=0.25)
    assert "2.5e-01" in gpu.prediction_table([different]).text()
