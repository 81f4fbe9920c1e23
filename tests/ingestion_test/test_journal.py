"""The journal of a run: pseudo-experiments come back as they were written."""

import json

import pytest

from ingestion_test.jobs import Outcome
from ingestion_test.journal import Journal
from ingestion_test.pseudo_experiments import PseudoExperiment
from runtime.errors import ChallengeError

IDENTITY = {"sets": 1}


def _outcome(index):
    prediction = {"mu_hat": 1 / 3 + index, "delta_mu_hat": 0.1, "p16": -1e-300, "p84": 1e49}
    return Outcome(PseudoExperiment(0, index, 7 + index, 0.1), prediction, 0.25, 0.5, {"twice_nll": 80.5}, (), 0.375)


@pytest.fixture
def path(tmp_path):
    """A journal of two pseudo-experiments."""
    journal = Journal(tmp_path / "journal.jsonl", IDENTITY, resume=False)
    for index in (1, 0):
        journal.add(_outcome(index), 10.0 - index)
    return tmp_path / "journal.jsonl"


def test_outcomes_come_back_to_the_bit(path):
    journal = Journal(path, IDENTITY, resume=True)
    assert journal.outcomes == {(0, 0): _outcome(0), (0, 1): _outcome(1)}
    assert journal.seconds == 10.0


def test_lines_are_what_the_docs_say(path):
    line = json.loads(path.read_text().splitlines()[1])
    assert line == {
        **{"set_index": 0, "index": 1, "seed": 8, "mu": 0.1},
        **{"mu_hat": 4 / 3, "delta_mu_hat": 0.1, "p16": -1e-300, "p84": 1e49},
        **{"seconds_events": 0.25, "seconds_predict": 0.5, "cpu_predict": 0.375, "run_seconds": 9.0},
        "further": {"twice_nll": 80.5},
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mu_hat", None),
        ("mu_hat", "1"),
        ("p84", 1e60),
        ("seed", 1.5),
        ("index", True),
        ("run_seconds", float("nan")),
        ("further", 3),
        ("further", {"a": "b"}),
    ],
)
def test_a_line_with_another_value_is_damage(name, value, path):
    lines = path.read_text().splitlines()
    lines[1] = json.dumps(json.loads(lines[1]) | {name: value})
    path.write_text("\n".join([*lines, ""]))
    with pytest.raises(ChallengeError, match="is damaged"):
        Journal(path, IDENTITY, resume=True)


@pytest.mark.parametrize("line", ["{}", "[]", "3", '{"set_index": 0}'])
def test_a_line_that_is_no_pseudo_experiment_is_damage(line, path):
    with open(path, "a") as file:
        file.write(line + "\n")
    with pytest.raises(ChallengeError, match="is damaged"):
        Journal(path, IDENTITY, resume=True)
