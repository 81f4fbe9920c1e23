"""Names and numbers of the challenge."""

import json

from ingestion_test.schema import (
    DERIVED,
    FEATURES,
    FILE_COLUMNS,
    METADATA_FILE,
    PREDICTION_KEYS,
    PRIMARIES,
    PROCESSES,
    RESULT_LISTS,
    SIGNAL,
    SUM_WEIGHTS,
    YIELDS,
)


def test_names_are_those_of_the_official_file(official_sample):
    metadata = json.loads((official_sample / METADATA_FILE).read_text())
    assert list(FILE_COLUMNS) == metadata["columns"]
    assert list(PROCESSES) == metadata["detailed_labels"]
    assert metadata["sum_weights"] == SUM_WEIGHTS


def test_numbers_of_names():
    assert (len(PRIMARIES), len(DERIVED), len(set(FEATURES))) == (16, 12, 28)
    assert set(YIELDS) == set(PROCESSES)
    assert SIGNAL in PROCESSES


def test_lists_of_results_are_those_of_predictions():
    assert [name.replace("hats", "hat") for name in RESULT_LISTS] == list(PREDICTION_KEYS)
