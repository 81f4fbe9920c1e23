"""The simulation against the figures of the full official data; worlds; the same events for any number of threads."""

import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from threadpoolctl import threadpool_limits

from ingestion_test.schema import DATA_FILE, FEATURES, METADATA_FILE, PROCESSES, SUM_WEIGHTS, YIELDS
from ingestion_test.simulation import cached_folder, official, sample, simulate, tilt, validate, worlds, write_folder
from ingestion_test.sources import OfficialFolder
from ingestion_test.submissions import PROJECT
from ingestion_test.systematics import transform
from runtime.errors import ChallengeError

ROWS = 40_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("simulated") / "folder", ROWS, seed=8, progress=False)


@pytest.fixture(scope="module")
def sums(folder):
    result = official.Sums()
    for chunk in official.read(folder, ROWS, chunk=15_000):
        result.add(*chunk)
    return result


def test_yields_and_moments_agree_with_the_official_ones(sums):
    for (region, process), (ratio, error, shift, _) in official.yield_ratios(sums, SUM_WEIGHTS / sums.total).items():
        assert abs(ratio - 1) < 0.015 + 4 * error, (region, process)
        assert shift < 0.006 + 2 * error, (region, process)
    for cell, (means, sds, error) in official.moment_differences(sums).items():
        assert np.sqrt(np.mean(means**2)) < 0.03 + 3 * error, cell
        assert np.sqrt(np.mean((sds - 1) ** 2)) < 0.08 + 3 * error, cell


def test_the_official_yields_fit_into_those_of_the_processes():
    for process in PROCESSES:
        cells = [cells[process]["nominal"] for cells in official.figures()["yields"].values() if process in cells]
        assert 0 < sum(cells) < YIELDS[process]


def test_regions_are_disjoint_and_as_the_figures_say(folder):
    primaries = next(official.read(folder, ROWS))[0]
    features, _ = transform(primaries)
    regions = official.regions(features)
    assert set(regions) == {*official.figures()["cuts"], "highMT_noVBFJet"}
    np.testing.assert_array_equal(np.sum(list(regions.values()), axis=0), 1)
    f = {name: features[:, i] for i, name in enumerate(FEATURES)}
    pairs = (f["PRI_jet_leading_pt"] > 50) & (f["PRI_jet_subleading_pt"] > 30)
    np.testing.assert_array_equal(regions["lowMT_VBFJet"], pairs & (f["DER_mass_transverse_met_lep"] < 70))


def test_sums_do_not_depend_on_how_events_are_read(folder, sums):
    at_once = official.Sums()
    at_once.add(*next(official.read(folder, ROWS, chunk=ROWS)), shifts=False)
    for key, value in at_once.yields.items():
        np.testing.assert_allclose(value, sums.yields[key], rtol=1e-9)
    for key, value in at_once.moments.items():
        for a, b in zip(value, sums.moments[key]):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_moments_are_those_of_numpy(sums, folder):
    primaries, weights, names = next(official.read(folder, ROWS, chunk=ROWS))
    features, kept = transform(primaries)
    inside = official.regions(features)["lowMT_VBFJet"] & (names[kept] == "ttbar")
    pt, w = features[inside, FEATURES.index("PRI_jet_subleading_pt")].astype(float), weights[kept[inside]]
    mean, sd = official.figures()["moments"]["lowMT_VBFJet"]["ttbar"]["PRI_jet_subleading_pt"]
    means, sds, _ = official.moment_differences(sums)["lowMT_VBFJet", "ttbar"]
    place = FEATURES.index("PRI_jet_subleading_pt")
    assert means[place] == pytest.approx((np.average(pt, weights=w) - mean) / sd, rel=1e-5)
    assert sds[place] == pytest.approx(np.sqrt(np.cov(pt, aweights=w, ddof=0)) / sd, rel=1e-5)


def test_command_prints_the_comparison(folder, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["validate", "--official", "--data", str(folder), "--most", "10000"])
    assert validate.main() in (0, 1)
    printed = capsys.readouterr().out
    assert "lowMT_VBFJet" in printed
    assert "rows beyond the limits" in printed


def test_figures_are_those_of_the_page(folder, tmp_path, monkeypatch, capsys):
    """With simulated events in the place of the reference ones, whose shifts are then the same within errors."""
    flags = (["--official", "--data", str(folder)], ["--reference", str(folder / DATA_FILE), "--rows", str(ROWS)])
    for some in flags:
        monkeypatch.setattr("sys.argv", ["validate", *some, "--output", str(tmp_path)])
        validate.main()
    squares = [
        float(line.split("chi-square ")[1].split()[0])
        for line in capsys.readouterr().out.splitlines()
        if "chi-" in line
    ]
    assert len(squares) == sum(len(names) for _, names in validate.SHIFTS.values())
    assert max(squares) < 40
    page = (PROJECT / "docs" / "simulation.md").read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.iterdir()} == set(re.findall(r"figures/(simulation_\w+\.png)", page))


def test_a_folder_that_is_not_there_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["validate", "--official", "--data", "/nowhere"])
    assert validate.main() == 2
    assert capsys.readouterr().err.startswith("error: no such folder: /nowhere; --data takes")


@pytest.mark.parametrize("process", PROCESSES)
def test_factors_of_the_tilt_are_small_and_smooth(process):
    columns, weights, x = sample.thrown(process, np.random.default_rng(3), 50_000)
    factor = tilt.factors(process, x)
    mean = np.average(factor, weights=weights)
    assert np.sqrt(np.average((factor / mean - 1) ** 2, weights=weights)) < 0.2
    assert np.abs(np.log(factor)).max() <= tilt.MAX_LOG + 1e-5
    # A step of 0.1% of all momenta changes no factor by more than a few per cent, not even at a border of a region.
    moved = {name: v * np.float32(1.001) if name.endswith(("pt", "met")) else v for name, v in columns.items()}
    moved = {name: np.where(columns[name] == -25, columns[name], v) for name, v in moved.items()}
    change = tilt.factors(process, sample.odds.features(moved)) / factor
    assert np.abs(change - 1).max() < 0.05


def test_a_missing_tilt_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(tilt, "TILT_FILE", tmp_path / "tilt.json")
    tilt.coefficients.cache_clear()
    with pytest.raises(FileNotFoundError):
        sample.correction("ztautau", np.zeros((1, 24), np.float32))


def test_the_same_events_for_any_number_of_threads():
    blocks = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            blocks.append(next(simulate(ROWS, seed=9)))
    for name, values in blocks[0].items():
        np.testing.assert_array_equal(values, blocks[1][name])


def test_worlds_differ_in_events_metadata_and_fingerprint(folder, tmp_path):
    fingerprints, means = {OfficialFolder(folder).fingerprint()}, set()
    for world in worlds.WORLDS:
        made = cached_folder(5000, seed=8, cache_dir=tmp_path, workers=1, world=world)
        assert json.loads((made / METADATA_FILE).read_text())["world"] == world
        assert pq.read_schema(made / DATA_FILE).metadata[b"world"] == world.encode()
        fingerprints.add(OfficialFolder(made).fingerprint())
        table = pq.read_table(made / DATA_FILE, columns=["PRI_met", "weights"])
        weights = table["weights"].to_numpy().astype(float)
        assert abs(weights.sum() / SUM_WEIGHTS - 1) < 1e-3
        means.add(np.average(table["PRI_met"].to_numpy(), weights=weights))
    assert len(fingerprints) == len(worlds.WORLDS) + 1
    assert len(means) == len(worlds.WORLDS)


def test_the_hard_world_has_more_second_jets():
    shares = []
    for world in (worlds.DEFAULT, "hard"):
        columns, weights, _ = sample.thrown("ztautau", np.random.default_rng(4), 100_000, world)
        shares.append(np.average(columns["PRI_jet_subleading_pt"] > 30, weights=weights))
    assert 1.05 < shares[1] / shares[0] < 1.4


def test_the_plain_world_is_not_corrected():
    _, _, x = sample.thrown("ttbar", np.random.default_rng(5), 2000, "plain")
    np.testing.assert_array_equal(sample.correction("ttbar", x, "plain"), 1)
    assert np.ptp(sample.correction("ttbar", x)) > 0


def test_no_such_world(tmp_path):
    with pytest.raises(ChallengeError, match="official, plain, hard"):
        write_folder(tmp_path / "new", 1000, world="other")
    assert not (tmp_path / "new").exists()
