"""A classifier that goes on learning in another world."""

import json
from dataclasses import replace

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.refit_worlds import adaptation, changed_events
from experiments.refit_worlds.adaptation import compared, events_of, gone_on, training_events
from experiments.refit_worlds.worlds import WORLDS
from experiments.trainings import scored
from ingestion_test.sources import OfficialFolder
from submission import artifacts

ROWS = 18_000


@pytest.fixture(autouse=True)
def enough_steps(monkeypatch):
    """Batches of few events, which there are."""
    monkeypatch.setattr(adaptation, "_CONFIG", replace(adaptation._CONFIG, batch=1000, averaging=0.1))


@pytest.fixture(scope="module")
def scorer():
    return artifacts.load().histogram.scorer


@pytest.fixture(scope="module")
def source(simulated_folder):
    return OfficialFolder(simulated_folder, test_share=0)


def test_events_of_a_world_have_the_yields_of_a_sample(source, monkeypatch):
    monkeypatch.setattr(changed_events, "BLOCK_ROWS", 7000)
    whole = source.train_events(0, ROWS)
    sample = events_of(source, "z-2-jets", 0, ROWS)
    np.testing.assert_array_equal(sample.primaries, whole.primaries)
    expected = WORLDS["z-2-jets"].weights(*whole)
    assert sample.weights.sum() == pytest.approx(expected.sum(), rel=0.02)
    assert (sample.weights / whole.weights).min() / (sample.weights / whole.weights).max() == pytest.approx(
        0.88, rel=0.1
    )


def test_small_steps_leave_a_classifier_and_large_ones_change_it(scorer, source):
    sample = events_of(source, "own", 0, ROWS)
    training = training_events(scorer, sample)
    scorers = [scorer] + [
        replace(scorer, classifier=gone_on(scorer.classifier, training, rate)) for rate in (1e-9, 0.1)
    ]
    place, _, _, (first, same, other) = scored(scorers, sample.with_jets())
    there = place >= 0
    moved = [np.abs(scores - first)[there].mean() / first[there].std() for scores in (same, other)]
    assert moved[0] < 0.1 < moved[1]


def test_the_gain_is_that_of_better_scores(scorer, source):
    """A scorer whose networks are spoilt is worse; back from there to the shipped one is a gain, with its error."""
    spoilt = gone_on(scorer.classifier, training_events(scorer, events_of(source, "own", 0, 2000)), 0.3)
    test = events_of(source, "own", 2000, 2000 + ROWS).with_jets()
    before, after, gain, error = compared(replace(scorer, classifier=spoilt), scorer, test)
    assert after < before
    assert gain[1] == pytest.approx(1 - after[1] / before[1])
    assert 0 < error[1] < 0.5
    assert gain[1] > 2 * error[1]


def test_the_command(simulated_folder, tmp_path, capsys):
    (tmp_path / "method.md").write_text("<!-- adaptation -->\n<!-- /adaptation -->\n")
    arguments = ["adapt", "--data", str(simulated_folder), "--worlds", "own,waves-20", "--rates", "1e-5,1e-4"]
    arguments += ["--workers", "1", "--output", str(tmp_path / "out"), "--docs", str(tmp_path)]
    assert main([*arguments, "--rows", str(ROWS)]) == 0
    rows = json.loads((tmp_path / "method" / "adaptation.json").read_text())["rows"]
    assert [(row["world"], row["rate"]) for row in rows] == [
        *(("own", rate) for rate in (1e-5, 1e-4)),
        *(("waves-20", rate) for rate in (1e-5, 1e-4)),
    ]
    assert "| waves-20 | 18,000 | 0.0001 |" in (tmp_path / "method.md").read_text()
    capsys.readouterr()
    assert main([*arguments, "--rows", "30000"]) == 2
    assert "give fewer --rows" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["abc", "1e-4,2", "1e-4,"])
def test_what_are_no_learning_rates(text, capsys):
    with pytest.raises(SystemExit):
        main(["adapt", "--rates", text])
    assert "give learning rates between 0 and 1" in capsys.readouterr().err
