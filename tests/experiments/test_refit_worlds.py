"""Changed worlds, their counts, and what tables reach there."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments import answer
from experiments.__main__ import main
from experiments.refit_worlds import blocks, command, study
from experiments.refit_worlds.blocks import count_worlds
from experiments.refit_worlds.event_level import event_level
from experiments.refit_worlds.study import Size, uniformity
from experiments.refit_worlds.tables import of_runs, of_worlds
from experiments.refit_worlds.worlds import WORLDS, Waves, World
from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.schema import FEATURES, PRIMARIES
from ingestion_test.sources import OfficialFolder
from ingestion_test.submissions import PROJECT
from ingestion_test.systematics import transform
from submission import refit
from submission.templates import PROCESSES
from tests.ingestion_test.prediction_folders import random_results
from tests.ingestion_test.prediction_folders import write_folder as write_run
from tests.submission.fit_examples import estimator_of, training_frame

NAMES = ("own", "z-2-jets", "strong")
SIZE = Size(rows=(20_000,), samples=2, sets=3, experiments=200, throws=20_000, seed=1)


@pytest.fixture(autouse=True)
def few_bins(monkeypatch):
    monkeypatch.setattr(refit, "_LEAST_BINS", 5)


@pytest.fixture(scope="module")
def events(simulated_folder):
    return OfficialFolder(simulated_folder, test_share=0).train_events(0, 20_000)


@pytest.fixture(scope="module")
def estimator():
    return estimator_of(training_frame(40_000))


@pytest.fixture
def counted(estimator, simulated_folder, tmp_path, monkeypatch):
    monkeypatch.setitem(WORLDS, "strong", World("a large change", factor=Waves(0.8), keeps_yields=True))
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 2000)
    monkeypatch.setattr(study, "BLOCK_ROWS", 2000)
    return count_worlds(estimator, simulated_folder, NAMES, 20_000, 1, tmp_path)


def test_worlds_change_what_they_say(events):
    columns = dict(zip(PRIMARIES, events.primaries.T))
    random = np.random.default_rng(1)
    changed = {name: set(world.change(columns, random)) for name, world in WORLDS.items() if world.change}
    assert changed == {
        "jets": {"PRI_jet_leading_pt", "PRI_jet_subleading_pt", "PRI_jet_all_pt"},
        "met": {"PRI_met"},
    }
    jets = WORLDS["jets"].change(columns, random)["PRI_jet_leading_pt"]
    there = columns["PRI_n_jets"] > 0
    np.testing.assert_allclose(jets[there], 1.03 * columns["PRI_jet_leading_pt"][there], rtol=1e-6)
    np.testing.assert_array_equal(jets[~there], columns["PRI_jet_leading_pt"][~there])
    met = WORLDS["met"].change(columns, random)["PRI_met"] / columns["PRI_met"]
    assert np.std(met) == pytest.approx(0.1, rel=0.03)


@pytest.mark.parametrize(("name", "size"), [("waves-5", 0.05), ("waves-20", 0.2)])
def test_smooth_weights_keep_the_yields(name, size, events):
    features, _ = transform(events.primaries, dopostprocess=False)
    factors = WORLDS[name].factor(dict(zip(FEATURES, features.T)), events.process)
    assert np.std(np.log(factors)) == pytest.approx(size, rel=0.25)
    weights = WORLDS[name].weights(events.primaries, events.weights, events.process)
    before, after = (np.bincount(events.process, w, len(PROCESSES)) for w in (events.weights, weights))
    np.testing.assert_allclose(after, before)
    assert np.abs(weights / events.weights - 1).max() > size


def test_blocks_hold_the_events_of_the_world(counted, estimator, simulated_folder, events):
    features, kept = transform(events.primaries)
    weights, process = events.weights[kept], events.process[kept]
    columns = dict(zip(FEATURES, features.T))
    every = np.arange(10)
    own, fewer = (counted[name].at_points(every) for name in ("own", "z-2-jets"))
    expected = estimator.histogram.counts(columns, weights)
    np.testing.assert_allclose(own[0].counts.sum(axis=0), expected, rtol=0.05)
    changed = np.where((process == 0) & (columns["PRI_n_jets"] >= 2), 0.88, 1) * weights
    lost = 1 - fewer[0].counts.sum(axis=0) / own[0].counts.sum(axis=0)
    np.testing.assert_allclose(lost, 1 - estimator.histogram.counts(columns, changed) / expected, atol=0.02)
    assert 0 < lost.max() < 0.12
    for part, point in zip(counted["own"].for_test(every), (0, 3, 6, 10)):
        difference = (part.counts - own[point].counts).sum(axis=0)
        assert (np.abs(difference) < 5 * np.sqrt(part.variance.sum(axis=0))).all()


def test_blocks_found_are_not_counted_again(counted, estimator, simulated_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "transform", None)
    again = count_worlds(estimator, simulated_folder, NAMES, 20_000, 1, tmp_path)
    np.testing.assert_array_equal(again["own"].counts, counted["own"].counts)


def test_a_refit_mends_what_the_test_sees(counted, estimator):
    result = study.study(estimator, counted["strong"], SIZE, 1)
    assert result["shipped"]["p_value"] < 1e-4
    sample, halves = result["refits"]
    assert [sample["rows"], halves["rows"]] == [20_000, 10_000]
    for reached in halves["samples"]:
        assert reached["p_value"] > 1e-4
    for reached in (*sample["samples"], result["exact"]):
        assert abs(reached["shift"]) < 4 * np.hypot(reached["template_error"], reached["shift_error"])
    assert abs(result["exact"]["coverage"] - 0.6827) < 5 * result["exact"]["coverage_error"]
    assert result["exact"]["width"] < min(reached["width"] for reached in sample["samples"])
    json.dumps(result)


def test_p_values_of_sets_without_a_common_event(counted, estimator):
    result = uniformity(estimator, counted["own"], 5)
    assert (result["rows"], len(result["p_values"])) == (4000, 5)
    assert 0 < result["ks"] <= 1
    assert uniformity(estimator, counted["strong"], 1)["p_values"][0] < 1e-4


def test_the_command(estimator, simulated_folder, tmp_path, monkeypatch, capsys):
    for module in (blocks, command, study):
        monkeypatch.setattr(module, "BLOCK_ROWS", 2000)
    monkeypatch.setattr(command, "load_estimator", lambda _: estimator)
    monkeypatch.setattr(refit, "_LEAST_THROWS", 2000)
    monkeypatch.setattr(refit, "BLOCK", 1000)
    (tmp_path / "method.md").write_text("<!-- refit-worlds -->\n<!-- /refit-worlds -->\n")
    arguments = ["refit-worlds", "--data", str(simulated_folder), "--worlds", "own,z-2-jets", "--rows", "12000"]
    arguments += ["--changed-rows", "8000"]
    arguments += ["--train", "8000", "--samples", "1", "--experiments", "20", "--throws", "2000", "--workers", "1"]
    arguments += ["--output", str(tmp_path / "out"), "--docs", str(tmp_path)]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "of 8,000 events" in shown
    result = json.loads((tmp_path / "out" / "refit-worlds.json").read_text())
    assert list(result["worlds"]) == ["own", "z-2-jets"]
    assert "| z-2-jets | shipped |" in (tmp_path / "method.md").read_text()
    assert main(arguments) == 2
    assert "holds results already" in capsys.readouterr().err
    assert main([*arguments, "--rows", "14000", "--resume"]) == 2
    assert "rows differ" in capsys.readouterr().err
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 50_000)
    assert main([*arguments, "--rows", "100000", "--output", str(tmp_path / "few")]) == 2
    assert "has fewer than 100,000 rows" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "value", "remedy"),
    [
        ("--train", "10000", "give multiples of 50000"),
        ("--train", "1000000,1020000", "give multiples of 50000"),
        ("--rows", "99999", "give at least 100000"),
        ("--changed-rows", "50000", "give at least 100000"),
    ],
)
def test_numbers_that_are_no_blocks_are_refused(flag, value, remedy, capsys):
    with pytest.raises(SystemExit):
        main(["refit-worlds", flag, value])
    assert remedy in capsys.readouterr().err


def test_a_single_mu_has_no_slope(counted, estimator):
    tables, world = study.TablesOf.shipped(estimator), study._world(counted["own"], np.arange(10))
    reached = study._reached(tables, world, replace(SIZE, sets=1), 0)
    row = of_worlds({"worlds": {"own": {"shipped": reached, "refits": [], "exact": reached}}}).rows[0]
    assert row[3].startswith(f"{reached['coverage']:.3f}")
    assert row[5] == ""


def test_worlds_are_added_to_those_that_are_there(tmp_path, monkeypatch):
    """What is there is not computed again, and stands in the table; so do runs of `score`."""
    monkeypatch.setattr(command, "load_estimator", lambda _: None)
    counted = []

    def count(estimator, folder, names, rows, *_):
        counted.append((names, rows))
        return dict.fromkeys(names)

    monkeypatch.setattr(command, "count_worlds", count)
    monkeypatch.setattr(command, "_folder", lambda *_: None)
    reached = dict.fromkeys(("coverage", "coverage_error", "slope", "slope_error", "width", "shift"), 0.5)
    reached |= {"shift_error": 0.1, "invalid": 0.0}
    monkeypatch.setattr(command, "_of_world", lambda *_: {"shipped": reached, "refits": [], "exact": reached})
    arguments = ["refit-worlds", "--rows", "200000", "--changed-rows", "100000", "--output", str(tmp_path)]
    assert main([*arguments, "--worlds", "met,waves-5", "--event-level", "nowhere", "x"]) == 2
    runs = _runs(tmp_path)
    assert main([*arguments, "--worlds", "met,waves-5", "--event-level", "waves-5", *runs]) == 0
    trained = [str(PROJECT / "submission"), str(tmp_path / "nowhere")]
    assert main([*arguments, "--worlds", "hard", "--resume", "--full-training", "hard", trained[1]]) == 2
    assert main([*arguments, "--worlds", "hard", "--resume", "--full-training", "met", trained[0]]) == 0
    assert main([*arguments, "--worlds", "hard,met,z-2-jets", "--resume"]) == 0
    assert counted == [(("waves-5",), 200_000), (("met",), 100_000), (("hard",), 100_000), (("z-2-jets",), 200_000)]
    assert "| met | of a full training |  | 0.684 ± 0.001 |" in of_worlds(result := _result(tmp_path)).markdown()
    assert 0.34 < result["worlds"]["met"]["trained"]["width"] < 0.36
    assert list(result["worlds"]) == ["z-2-jets", "met", "waves-5", "hard"]
    assert [run["tables"] for run in result["events"]["runs"]] == ["as shipped: no time", "made from many events"]


def _result(folder):
    return json.loads((folder / "refit-worlds.json").read_text())


def _runs(tmp_path):
    """Folders of a run with intervals of the whole range and of one with others."""
    folders = []
    for name, tables in (("before", "as shipped: no time"), ("after", "made from many events")):
        mus, results = random_results()
        if name == "before":
            results = [result | {"p16": 40 * [0.1], "p84": 40 * [3.0]} for result in results]
        folder = write_run(tmp_path / name, mus, results, systematics=dict.fromkeys(NUISANCE_NAMES, True))
        (folder / "fit.json").write_text(json.dumps({"summary": {"Tables": tables}, "reusable": True}))
        folders.append(str(folder))
    return folders


def test_runs_in_a_world_are_in_the_pages(tmp_path):
    result = event_level("waves-20", [*map(Path, _runs(tmp_path))])
    before, after = result["runs"]
    assert before["coverage"][0] == 1
    assert 0 < before["coverage"][1] < 0.01
    assert before["interval"][0] == pytest.approx(2.9)
    assert 0.4 < after["interval"][0] < 0.8
    assert "| as shipped: no time | 5 × 40 |" in of_runs(result).markdown()
    rows = [*answer._in_another_world(result)]
    assert [row[2] for row in rows] == ["2.900 ± 0.000", f"{after['interval'][0]:.3f} ± {after['interval'][1]:.3f}"]
    assert "shipped tables, 5 × 40" in rows[0][0]
    assert "tables that `fit` made of them, 5 × 40" in rows[1][0]
    assert not [*answer._in_another_world(None)]


def test_a_coverage_of_one_has_hardly_an_error(counted, estimator):
    """Where all intervals cover, as those of invalid fits do, the nominal coverage's error would be too large."""
    tables, belt = study.TablesOf.shipped(estimator), estimator.belt
    everything = replace(belt, lower=np.full_like(belt.lower, -1e9), upper=np.full_like(belt.upper, 1e9))
    world = study._world(counted["own"], np.arange(len(counted["own"])))
    reached = study._reached(replace(tables, belt=everything), world, SIZE, 0)
    assert reached["coverage"] == 1
    assert 0 < reached["coverage_error"] < 0.002


@pytest.mark.parametrize("name", ["met", "waves-20"])
def test_a_folder_of_a_world(name, simulated_folder, events, tmp_path):
    """It holds the changed events, and what the change leaves as it is."""
    folder = tmp_path / "changed"
    assert main(["world", name, "--data", str(simulated_folder), "--rows", "20000", "--output", str(folder)]) == 0
    there = OfficialFolder(folder, test_share=0)
    primaries, weights, process = there.train_events(0, there.train_rows)
    np.testing.assert_array_equal(process, events.process)
    met, n_jets = PRIMARIES.index("PRI_met"), PRIMARIES.index("PRI_n_jets")
    np.testing.assert_array_equal(primaries[:, n_jets], events.primaries[:, n_jets])
    assert (np.std(primaries[:, met] / events.primaries[:, met]) > 0.09) == (name == "met")
    expected = WORLDS[name].weights(events.primaries, events.weights, events.process)
    np.testing.assert_allclose(weights, expected * weights.sum() / expected.sum(), rtol=1e-4)
    frame = there.train_set()
    np.testing.assert_allclose(frame["PRI_met"], primaries[:, met])
    assert list(frame) == [*FEATURES[:16], "weights", "detailed_labels", "labels", *FEATURES[16:]]
    assert main(["world", name, "--data", str(simulated_folder), "--output", str(folder)]) == 2
