"""Result files: what is read, and what is written."""

import json
import math

import numpy as np
import pytest

from ingestion_test.result_files import is_finite, load_predictions, write_scores
from ingestion_test.scoring import bootstrap, score_sets
from runtime.errors import ChallengeError
from tests.ingestion_test.prediction_folders import HAND_RESULTS, random_results, write_folder


@pytest.mark.parametrize("value", [0, -1.5, 1e49, 10**20])
def test_numbers_that_can_be_scored(value):
    assert is_finite(value)


@pytest.mark.parametrize("value", [True, None, "1", [1], math.nan, math.inf, -1e50, 10**400])
def test_what_cannot(value):
    assert not is_finite(value)


def test_load_predictions(tmp_path):
    predictions = load_predictions(write_folder(tmp_path, num_pseudo_experiments=2))
    assert (predictions.results, predictions.ingestion_duration) == (HAND_RESULTS, 3)
    assert predictions.warnings == ("result_1.json has 4 pseudo-experiments, test_settings.json says 2",)


def test_no_folder(tmp_path):
    with pytest.raises(ChallengeError, match="nowhere is no folder: give the output folder of an ingestion"):
        load_predictions(tmp_path / "nowhere")


def test_scores_json_of_the_final_phase(tmp_path):
    scores = score_sets(*random_results())
    drawn = bootstrap(scores)
    write_scores(tmp_path / "scores.json", scores, 3, drawn)
    content = json.loads((tmp_path / "scores.json").read_text())
    assert list(content)[:6] == ["rmse", "mae", "interval", "coverage", "quantiles_score", "ingestion_duration"]
    assert content["bootstrap_quantiles_score_mean"] == np.mean(drawn.quantiles_score)
    assert content["bootstrap_coverage_std"] == np.std(drawn.coverage)
    assert len(content) == 12
