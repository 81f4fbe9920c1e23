"""The final phase at histogram level, and beside events, with the shipped artifacts."""

import dataclasses
import json

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.coverage import flatness
from experiments.final_phase.event_level import EventRun, common_move, compare, load_events
from experiments.final_phase.phases import fit_phase, official_seeds, parameters, phase_scores, throw_phase
from experiments.final_phase.tables import NUMBERS, sections
from experiments.table2.command import FirstOfRun
from ingestion_test.ingestion import JOURNAL_FILE, RunSettings
from ingestion_test.jobs import Outcome
from ingestion_test.journal import Journal
from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.pseudo_experiments import ground_truth_mus, plan
from ingestion_test.schema import PREDICTION_KEYS
from ingestion_test.scoring import sigma68
from runtime.errors import ChallengeError
from runtime.files import write_json
from submission import artifacts

SEED = 987


@pytest.fixture(scope="module")
def estimator():
    return artifacts.load()


@pytest.fixture(scope="module")
def thrown(estimator):
    return throw_phase(estimator, 4, 500, SEED)


def test_mu_and_nuisance_parameters_are_those_of_the_ingestion():
    experiment = plan(3, 5, SEED)[7]
    assert experiment.seed == SEED + experiment.set_index * 5 + experiment.index
    values = parameters(experiment.mu, experiment.seed)
    random = np.random.RandomState(experiment.seed)
    assert values[0] == experiment.mu
    assert values[1] == pytest.approx(random.normal(1.0, 0.01))
    assert len(values) == 1 + len(NUISANCE_NAMES)


def test_intervals_cover(thrown):
    assert [subset.mu for subset in thrown.sets] == list(ground_truth_mus(4, SEED))
    assert abs(thrown.coverage - 0.6827) < 3 * sigma68(thrown.size)
    for subset in thrown.sets:
        assert abs(np.mean(subset.mu_hats) - subset.mu) < subset.interval


def test_the_same_seed_gives_the_same(estimator, thrown):
    again = throw_phase(estimator, 4, 500, SEED)
    np.testing.assert_array_equal(again.sets[2].p16, thrown.sets[2].p16)
    assert throw_phase(estimator, 4, 500, SEED + 1).interval != thrown.interval


def test_moved_estimates_have_moved_intervals(estimator, thrown):
    moved = phase_scores(estimator, fit_phase(estimator, 4, 500, SEED), move=0.2)
    middle = slice(1, 3)  # sets away from the ends of the range, by mu
    for subset, other in list(zip(sorted(thrown.sets, key=lambda s: s.mu), sorted(moved.sets, key=lambda s: s.mu)))[
        middle
    ]:
        assert np.median(other.p16 - subset.p16) == pytest.approx(0.2, abs=0.03)
        assert other.coverage < subset.coverage


def write_run(run, scores, settings):
    """What `score` leaves of `scores` and `RunSettings`."""
    run.mkdir()
    write_json(run / "test_settings.json", settings.official())
    write_json(run / "ingestion_duration.json", {"ingestion_duration": 0})
    for number, subset in enumerate(scores.sets):
        lists = {name: getattr(subset, name).tolist() for name in ("mu_hats", "delta_mu_hats", "p16", "p84")}
        write_json(run / f"result_{number}.json", lists)
    return run


def test_errors_of_a_comparison_are_of_differences_within_sets(estimator, thrown):
    seeds = official_seeds(SEED, [500] * 4)
    wider = [dataclasses.replace(subset, p84=subset.p84 + 0.1 * (1 + i)) for i, subset in enumerate(thrown.sets)]
    run = EventRun(dataclasses.replace(thrown, sets=wider), seeds, {})
    rows = {row["quantity"]: row for row in compare(estimator, run)}
    assert rows["interval"]["events"] - rows["interval"]["templates"] == pytest.approx(0.25)
    assert rows["interval"]["error"] == pytest.approx(0, abs=1e-9)  # the same in all of a set, whatever in the others
    assert rows["coverage"]["error"] > 0


def test_the_common_move_of_estimates_is_found_and_what_coverage_it_gives(estimator):
    """The "events" are other throws, moved by 0.06."""
    moved = phase_scores(estimator, fit_phase(estimator, 4, 500, SEED), move=0.06)
    found = common_move(estimator, EventRun(moved, official_seeds(SEED, [500] * 4), {}))
    assert found["move"] == pytest.approx(0.06, abs=3 * found["error"])
    assert found["error"] == pytest.approx(0.2 / np.sqrt(2000), rel=0.4)
    assert found["size_of_sets"] == [5000] * 4
    assert found["flatness"]["slope"] > 5 * found["flatness"]["slope_error"]
    left = found["left"]
    assert left["slope"] == pytest.approx(0, abs=3 * left["slope_error"])
    assert left["slope_error"] == pytest.approx(found["flatness"]["slope_error"] * np.sqrt(11))
    differences = np.array([subset.coverage for subset in moved.sets]) - found["coverage_of_sets"]
    assert left["chi2"] == pytest.approx(np.sum((differences / sigma68(500)) ** 2) / 1.1, rel=1e-3)


def test_the_first_of_a_longer_run_have_its_seeds(estimator, tmp_path):
    settings = FirstOfRun(num_sets=2, num_experiments=30, seed=SEED, whole=100)
    scores = throw_phase(estimator, 2, 30, SEED)
    run = write_run(tmp_path / "run", scores, settings)
    np.testing.assert_array_equal(
        load_events(run, 2, SEED, estimator.belt).seeds, [SEED + np.arange(30), SEED + 30 + np.arange(30)]
    )
    journal = Journal(run / JOURNAL_FILE, {}, resume=False)
    prediction = dict.fromkeys(PREDICTION_KEYS, 1.0)
    for item in settings.plan()[:-1]:
        journal.add(Outcome(item, prediction, 2.0, 1.0, cpu_predict=0.5), 0.0)
    with pytest.raises(ChallengeError, match="has other pseudo-experiments than the results"):
        load_events(run, 2, SEED, estimator.belt)
    journal.add(Outcome(settings.plan()[-1], prediction, 8.0, 1.0, cpu_predict=0.5), 90.0)
    events = load_events(run, 2, SEED, estimator.belt)
    np.testing.assert_array_equal(events.seeds, [SEED + np.arange(30), SEED + 100 + np.arange(30)])
    assert events.duration == {"minutes": 1.5, "generation": pytest.approx(2.1), "prediction": 1, "prediction_cpu": 0.5}


def test_a_run_of_other_sets_or_weights_is_refused(estimator, thrown, tmp_path):
    run = write_run(tmp_path / "run", thrown, RunSettings(4, 500, seed=SEED))
    assert load_events(run, 4, SEED, estimator.belt).scores.size == 2000
    with pytest.raises(ChallengeError, match="has 4 sets, not 2: add --sets 4"):
        load_events(run, 2, SEED, estimator.belt)
    with pytest.raises(ChallengeError, match="other true mu than --seed 1 gives"):
        load_events(run, 4, 1, estimator.belt)
    belt = dataclasses.replace(estimator.belt, lower=estimator.belt.lower + 0.01)
    with pytest.raises(ChallengeError, match="no run of these weights"):
        load_events(run, 4, SEED, belt)


def test_events_and_templates_are_joined_by_their_mu():
    def phase(**sets):
        numbers = dict.fromkeys(NUMBERS, 0.0) | {"mu": [1.0, 2.0], "size_of_sets": [100, 100]}
        numbers |= {"coverage_of_sets": [0.6, 0.7], "interval_of_sets": [0.3, 0.4]} | sets
        flat = flatness(numbers["mu"], numbers["coverage_of_sets"], numbers["size_of_sets"])
        return numbers | {"flatness": flat}

    events = phase(mu=[2.0, 1.0], coverage_of_sets=[0.72, 0.61])
    result = {"seed": 1, "events": events, "templates": phase(), "repeated": [phase()], "moved": []}
    text = sections(result)["final"]
    assert "| templates, 2 × 100 | 3.3 / 2 (0.19) | +0.1000 ± 0.0658 |" in text
    assert "moved by" not in text.split("all μ̂")[0]
    move = phase(coverage_of_sets=[0.63, 0.68]) | {"move": 0.02, "error": 0.01, "left": flatness([1], [0.7], [100])}
    moved = sections(result | {"common_move": move})["final"]
    assert "coverage, templates moved by +0.020 ± 0.010 |" in moved
    assert "| events less moved templates, against 0 | 0.1 / 1 (0.71) |  |" in moved
    assert "| 1.000 | 0.6100 ± 0.0465 | 0.4000 | 0.6000 ± 0.0465 | 0.3000 |" in text
    assert "| 2.000 | 0.7200 ± 0.0465 | 0.3000 | 0.7000 ± 0.0465 | 0.4000 |" in text


@pytest.mark.slow
def test_command(tmp_path, thrown, shown, capsys):
    """Beside a "run" that is the histogram-level throw itself: the comparison must find no difference."""
    run = write_run(tmp_path / "run", thrown, RunSettings(4, 500, seed=SEED))
    flags = ["final", "--sets", "4", "--experiments", "500", "--repeats", "1", "--output", str(tmp_path / "out")]
    assert main([*flags, "--seed", str(SEED), "--event-level", str(run)]) == 0
    assert "1 other seeds" in shown()
    assert (tmp_path / "out" / "final-phase.png").stat().st_size > 5000
    result = json.loads((tmp_path / "out" / "final.json").read_text())
    assert result["templates"]["coverage"] == thrown.coverage
    assert result["events"] == result["templates"] | {"duration": {}}
    assert all(row["events"] == row["templates"] for row in result["comparison"])
    assert result["common_move"]["move"] == pytest.approx(0, abs=3 * result["common_move"]["error"])
    moves = {row["move"]: row["coverage"][0] for row in result["moved"]}
    assert moves[0.0] == np.mean([row["coverage"] for row in result["repeated"]])
    assert len(set(moves.values())) == len(moves)
    assert main([*flags, "--seed", "1", "--event-level", str(run)]) == 2
    assert "has other true mu than --seed 1 gives" in capsys.readouterr().err
