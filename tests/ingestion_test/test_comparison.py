"""Runs side by side: what is common to them cancels in the differences."""

import dataclasses

import numpy as np
import pytest

from ingestion_test.cli import main
from ingestion_test.comparison import compare
from ingestion_test.ingestion import RunSettings
from ingestion_test.jobs import Outcome
from ingestion_test.journal import Journal
from ingestion_test.scoring import score_sets
from runtime.errors import ChallengeError
from tests.ingestion_test.prediction_folders import write_folder

SETTINGS = RunSettings(3, 40)


def _run(folder, half=0.2, settings=SETTINGS, **about):
    """A run whose mu_hat are off by noise that all runs of the same seed share."""
    folder.mkdir()
    journal = Journal(folder / "pseudo_experiments.jsonl", {"systematics": [], "data": "x"} | about, resume=False)
    for experiment in settings.plan():
        mu_hat = experiment.mu + 0.2 * np.random.default_rng(experiment.seed).normal()
        prediction = {"mu_hat": mu_hat, "delta_mu_hat": half, "p16": mu_hat - half, "p84": mu_hat + half}
        journal.add(Outcome(experiment, prediction, 0.0, 0.0), 0.0)
    return folder


def test_values_are_those_of_the_scores(tmp_path):
    folder = _run(tmp_path / "a")
    comparison = compare([folder, folder])
    outcomes = Journal(folder / "pseudo_experiments.jsonl", {}, resume=True).outcomes
    results = [
        {
            f"{name}s" if name.endswith("hat") else name: [
                outcomes[set_index, index].prediction[name] for index in range(40)
            ]
            for name in ("mu_hat", "delta_mu_hat", "p16", "p84")
        }
        for set_index in range(3)
    ]
    scores = score_sets([outcomes[set_index, 0].experiment.mu for set_index in range(3)], results)
    expected = [scores.interval, scores.coverage, scores.rmse, scores.quantiles_score]
    np.testing.assert_allclose(comparison.values, [expected, expected], rtol=1e-12)
    assert comparison.number == 120
    assert not comparison.differences.any()
    assert not comparison.difference_errors.any()
    assert comparison.errors[0, 1] == pytest.approx(scores.coverage_error, rel=0.15)
    assert not comparison.notes


def test_a_coverage_of_one_has_an_error(tmp_path):
    table = compare([_run(tmp_path / "a", half=5.0), _run(tmp_path / "b")]).table()
    assert table.rows[0][2] == "1.0000 - 0.0083"  # 1 / (N + 1), Wilson's
    assert "±" in table.rows[1][2]


def test_a_small_difference_is_seen_through_the_noise(tmp_path):
    comparison = compare([_run(tmp_path / "a"), _run(tmp_path / "b", half=0.21)])
    difference, error = comparison.differences[0], comparison.difference_errors[0]
    assert difference[0] == pytest.approx(0.02)
    assert error[0] < 1e-12  # every interval is longer by as much
    assert 0 <= difference[1] < 0.15
    assert error[1] < comparison.errors[0, 1]


def test_errors_are_the_spread_over_runs(tmp_path):
    """Of the difference of coverages, over many pairs of runs with other seeds."""
    found = []
    for seed in range(30):
        settings = RunSettings(3, 40, seed=1000 * seed)
        sizes = {"a": 0.2, "b": 0.25}
        pair = [_run(tmp_path / f"{name}{seed}", half=half, settings=settings) for name, half in sizes.items()]
        found.append(compare(pair))
    spread = np.std([comparison.differences[0, 1] for comparison in found])
    error = np.mean([comparison.difference_errors[0, 1] for comparison in found])
    assert error == pytest.approx(spread, rel=0.35)


def test_only_what_they_have_in_common_counts(tmp_path):
    whole, part = RunSettings(3, 40), RunSettings(2, 40)
    assert compare([_run(tmp_path / "a", settings=whole), _run(tmp_path / "b", settings=part)]).number == 80
    with pytest.raises(ChallengeError, match="have no data set in common: score them with the same --seed"):
        compare([tmp_path / "a", _run(tmp_path / "c", settings=dataclasses.replace(whole, seed=1))])


def test_what_makes_the_data_sets_others_is_said(tmp_path):
    (note,) = compare([_run(tmp_path / "a"), _run(tmp_path / "b", systematics=["tes"])]).notes
    assert note == "the runs have other nuisance parameters: the same seeds, but not the same data sets"


def test_folders_of_the_official_program_go_by_their_order(tmp_path):
    a, b = (write_folder(tmp_path / name) for name in "ab")
    assert not compare([a, b]).differences.any()


def test_a_journal_that_is_being_written_is_left_alone(tmp_path):
    folder = _run(tmp_path / "a")
    journal = folder / "pseudo_experiments.jsonl"
    with open(journal, "a") as file:
        file.write('{"set_ind')
    content = journal.read_bytes()
    assert compare([folder, folder]).number == 120
    assert journal.read_bytes() == content


def test_the_command(tmp_path, shown):
    a, b = _run(tmp_path / "a"), _run(tmp_path / "b", half=0.25)
    assert main(["compare", str(a), str(b)]) == 0
    text = shown()
    assert "120 data sets" in text
    assert "+0.1000 ± 0.0000" in text


@pytest.mark.parametrize("content", ["", "[]\n", '{"data": 1}\n{"set_index": 0}\n'])
def test_what_is_no_run_is_one_line(content, tmp_path, capsys):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "pseudo_experiments.jsonl").write_text(content)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "a")]) == 2
    assert "is no journal of a run" in capsys.readouterr().err
    assert main(["compare", str(tmp_path / "nowhere"), str(tmp_path / "a")]) == 2
    assert "nowhere is no folder" in capsys.readouterr().err
