"""The table at the end of a run."""

import pytest

from ingestion_test.score_table import number, summary_table
from ingestion_test.scoring import bootstrap, score_sets
from tests.ingestion_test.prediction_folders import random_results


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0.0000"), (1.23456, "1.2346"), (-9999.9, "-9999.9000"), (12345.6, "1.235e+04")]
)
def test_number(value, text):
    assert number(value) == text


def test_summary_table():
    scores = score_sets(*random_results())
    text = summary_table(scores, 1234.5, bootstrap(scores))
    heads, numbers, _ = text.splitlines()
    assert max(map(len, text.splitlines())) <= 100
    assert heads.split() == ["RMSE", "MAE", "interval", "coverage", "f", "score", "s", "/", "pseudo-experiment"]
    assert numbers.split()[:3] == [f"{x:.4f}" for x in (scores.rmse, scores.mae, scores.interval)]
    assert f"{scores.coverage:.4f} ± {scores.coverage_error:.4f}" in numbers
    assert "pseudo-experiment" not in summary_table(scores)
