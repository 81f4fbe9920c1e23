"""The presets: what they have in common, and their record."""

import json

import pytest

from submission.codec import restored
from training.config import PRESETS, SAMPLES, Config, default_output


@pytest.mark.parametrize("name", PRESETS)
def test_a_record_is_json_and_makes_the_same_configuration(name):
    record = PRESETS[name].record()
    assert json.loads(json.dumps(record)) == record
    assert restored(Config, record) == PRESETS[name]


def test_every_preset_has_a_sample_that_scoring_does_not_use():
    assert SAMPLES.keys() == PRESETS.keys()
    assert all(seed != 0 for _, seed in SAMPLES.values())


def test_the_default_is_the_preset_with_flows_without_them():
    twin, cnf = PRESETS["no-flows"].record(), PRESETS["default"].record()
    assert twin["networks"].pop("flows") is None
    assert cnf["networks"].pop("flows") is not None
    assert twin == cnf


def test_every_preset_has_a_folder_of_its_own():
    assert len({default_output(name) for name in PRESETS}) == len(PRESETS)
