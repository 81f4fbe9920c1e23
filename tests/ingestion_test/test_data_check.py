"""A look at a data folder: what is there, and what would make results meaningless."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion_test.cli import main
from ingestion_test.data_check import check_data
from ingestion_test.schema import DATA_FILE, METADATA_FILE, PROCESSES
from ingestion_test.sources import OfficialFolder


@pytest.fixture
def folder(simulated_folder, tmp_path):
    """A copy of the simulated folder, and a function that changes columns of its events."""
    copy = tmp_path / "events"
    shutil.copytree(simulated_folder, copy)

    def change(**columns):
        table = pq.read_table(copy / DATA_FILE)
        for name, function in columns.items():
            values = function(table.column(name).to_numpy())
            table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.float32()))
        pq.write_table(table, copy / DATA_FILE)
        return copy

    return change


def _warnings(folder, simulated_folder):
    return check_data(OfficialFolder(folder), OfficialFolder(simulated_folder)).warnings


def test_simulated_events_are_as_they_should_be(simulated_folder):
    check = check_data(OfficialFolder(simulated_folder), OfficialFolder(simulated_folder))
    assert [row[0] for row in check.tables[0].rows] == list(PROCESSES)
    test = OfficialFolder(simulated_folder).test_events()
    assert [row[1] for row in check.tables[0].rows] == [f"{count:,}" for count in test.counts]
    assert all(float(row[-1]) == 0 for row in check.tables[1].rows)
    assert not [text for text in check.warnings if "test rows" not in text]


def test_other_units_are_seen(folder, simulated_folder):
    warnings = _warnings(folder(PRI_lep_pt=lambda pt: 1000 * pt), simulated_folder)
    assert any("PRI_lep_pt (+" in text for text in warnings)
    assert not any("PRI_had_pt" in text for text in warnings)


def test_missing_metadata_are_said_to_make_results_meaningless(folder, simulated_folder):
    copy = folder(weights=lambda weights: 3 * weights)
    assert not any("official number" in text for text in _warnings(copy, simulated_folder))  # they are rescaled
    (copy / METADATA_FILE).unlink()
    warnings = _warnings(copy, simulated_folder)
    assert any("no FAIR_Universe" in text and "results mean nothing before" in text for text in warnings)
    assert any("ztautau has 0.9" in text for text in warnings)  # of 30% of the rows


def test_further_parts_are_not_passed_over(folder, simulated_folder):
    copy = folder()
    shutil.copy2(copy / DATA_FILE, copy / "part-2.parquet")
    assert any("not part-2.parquet: join the parts" in text for text in _warnings(copy, simulated_folder))


def test_the_command(simulated_folder, capsys, monkeypatch):
    monkeypatch.setattr("ingestion_test.simulation.cached_folder", lambda *_, **__: simulated_folder)
    assert main(["check-data", str(simulated_folder)]) == 0
    shown = capsys.readouterr().out
    assert "htautau" in shown
    assert "PRI_met" in shown
    assert main(["check-data", "nowhere"]) == 2
    assert "no such folder" in capsys.readouterr().err
