"""Test sets of files that are not as the official one, against the organisers' package."""

import pandas as pd
import pytest

from ingestion_test.event_frames import keep_frames, open_test_sets
from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.pseudo_experiments import plan
from ingestion_test.schema import METADATA_FILE, SUM_WEIGHTS
from ingestion_test.sources import OfficialFolder
from tests.conftest import make_events, write_folder
from tests.ingestion_test.frame_examples import FILES

EXPERIMENT = plan(1, 1, seed=11)[0]

#: Without tes and jes, which the package draws from other widths.
SWITCHED_ON = ("soft_met", "ttbar_scale", "diboson_scale", "bkg_scale")


def _folder(tmp_path, events):
    folder = write_folder(tmp_path / "data", events)
    metadata = folder / METADATA_FILE
    metadata.write_text(metadata.read_text().replace(str(SUM_WEIGHTS), "20000.0"))
    return folder


@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize("what", FILES)
def test_test_sets_are_those_of_the_organisers_package(what, tmp_path):
    theirs = pytest.importorskip("HiggsML.systematics", reason="the organisers' package is not installed")
    package = pytest.importorskip("HiggsML.datasets")
    folder = _folder(tmp_path, FILES[what](make_events(2000)))
    source, data = OfficialFolder(folder), package.Data(str(folder))
    assert not source.test_events(tmp_path).exact
    keep_frames(source.test_set(), tmp_path)
    ours = open_test_sets(tmp_path)(EXPERIMENT, SWITCHED_ON)
    data.load_test_set()
    switches = {name: name in SWITCHED_ON for name in NUISANCE_NAMES}
    expected = theirs.generate_pseudo_exp_data(data.get_test_set(), EXPERIMENT.mu, switches, EXPERIMENT.seed)
    assert list(ours) == list(expected)
    pd.testing.assert_frame_equal(ours["data"], expected["data"], check_exact=True)
    pd.testing.assert_series_equal(ours["weights"], expected["weights"])


def test_arrays_and_frames_of_an_official_file_give_the_same(tmp_path):
    source = OfficialFolder(_folder(tmp_path, make_events(2000)))
    assert source.test_events(tmp_path).exact
    arrays = open_test_sets(tmp_path)(EXPERIMENT, NUISANCE_NAMES)
    keep_frames(source.test_set(), tmp_path)
    frames = open_test_sets(tmp_path)(EXPERIMENT, NUISANCE_NAMES)
    assert list(arrays) == list(frames)
    for name in arrays:
        assert arrays[name].equals(frames[name])
