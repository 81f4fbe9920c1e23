"""The modules of the official program that a submission may import, against the organisers' package."""

import importlib
import inspect
import json

import numpy as np
import pandas as pd
import pytest

from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.official import datasets, derived_quantities, ingestion, score, systematics, visualization
from ingestion_test.schema import DERIVED, METADATA_FILE, PRIMARIES, SUM_WEIGHTS
from tests.conftest import make_events, write_folder
from tests.ingestion_test.frame_examples import FRAMES, assert_same

theirs = pytest.importorskip("HiggsML.systematics", reason="the organisers' package is not installed")
their_derived = pytest.importorskip("HiggsML.derived_quantities")

SHIFTS = [
    {},
    {"tes": 1.02, "jes": 0.97},
    {"tes": 0.98, "jes": 1.03, "soft_met": 1.5, "seed": 3},
    {"jes": 1.05, "dopostprocess": False},
    {"ttbar_scale": 1.1, "diboson_scale": 0.5, "bkg_scale": 0.9},
]


@pytest.mark.filterwarnings("ignore::pandas.errors.PerformanceWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("what", FRAMES)
@pytest.mark.parametrize("shifts", SHIFTS, ids=str)
def test_any_frame_is_shifted_alike(what, shifts, events):
    frame = FRAMES[what](events)
    if not frame.index.is_unique and not shifts.get("dopostprocess", True):
        pytest.skip("the official program fails")
    before = frame.copy()
    assert_same(systematics.systematics(frame, **shifts), theirs.systematics(frame.copy(), **shifts))
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("what", ["single precision", "soft leptons", "whole jets", "detailedlabel"])
def test_dicts_are_shifted_alike(what, events):
    frame = FRAMES[what](events)
    data_set = {"labels": frame["labels"], "data": frame[list(PRIMARIES)], "settings": 3, "weights": frame["weights"]}
    if what == "detailedlabel":
        data_set |= {"detailedlabel": frame["detailed_labels"], "detailed_labels": frame["detailed_labels"]}
    ours, others = (module.systematics(data_set, tes=1.02, ttbar_scale=2.0) for module in (systematics, theirs))
    assert list(ours) == list(others)
    assert ours.pop("settings") == others.pop("settings") == 3
    assert_same(ours.pop("data"), others.pop("data"))
    for name in ours:
        pd.testing.assert_series_equal(ours[name], others[name])


MODULES = ("datasets", "derived_quantities", "ingestion", "systematics", "visualization")


@pytest.mark.parametrize("name", MODULES)
def test_the_official_names_are_there(name):
    package = pytest.importorskip(f"HiggsML.{name}")
    ours = importlib.import_module(f"ingestion_test.official.{name}")
    public = {key for key, value in vars(package).items() if getattr(value, "__module__", "") == package.__name__} - {
        "logger"
    }
    assert public
    assert public <= set(ours.__all__)
    for key in public:
        if inspect.isclass(getattr(package, key)):
            methods = {method for method in vars(getattr(package, key)) if not method.startswith("_")}
            assert methods <= set(dir(getattr(ours, key)))


def test_single_features_are_added_alike(events):
    ours, others = events.copy(), events.copy()
    derived_quantities.calcul_int(ours)
    their_derived.calcul_int(others)
    assert_same(ours, others)
    for name in DERIVED:
        getattr(derived_quantities, f"f_{name}")(ours)
        getattr(their_derived, f"f_{name}")(others)
    assert_same(ours, others)
    assert_same(derived_quantities.f_del_DER(ours), their_derived.f_del_DER(others))


def test_derived_features_are_added_in_place(events):
    ours, others = events.astype({"PRI_met": float}), events.astype({"PRI_met": float})
    assert derived_quantities.DER_data(ours) is ours
    assert_same(ours, their_derived.DER_data(others))


@pytest.mark.parametrize("name", ["ttbar_bkg_weight_norm", "diboson_bkg_weight_norm", "all_bkg_weight_norm"])
def test_weights_are_scaled_alike(name, events):
    key = "labels" if name.startswith("all") else "detailed_labels"
    scaled = [getattr(module, name)(events["weights"].copy(), events[key], 1.5) for module in (systematics, theirs)]
    pd.testing.assert_series_equal(*scaled)
    assert not scaled[0].equals(events["weights"])


def test_steps_of_systematics_are_alike(events):
    ours, others = (module.mom4_manipulate(events.copy(), 1.02, 0.98, 1.0, 5) for module in (systematics, theirs))
    assert_same(ours, others)
    assert_same(systematics.postprocess(ours), theirs.postprocess(others))
    data_set = {"data": events, "detailedlabel": events["detailed_labels"]}
    sets = [module.make_unweighted_set(data_set) for module in (systematics, theirs)]
    for name in sets[1]:
        pd.testing.assert_frame_equal(sets[0][name], sets[1][name])


@pytest.mark.parametrize(
    "arguments", [{}, {"mu": 2.5, "seed": 7, "ttbar_scale": 1.1, "bkg_scale": 0.99}, {"poisson": False}], ids=str
)
@pytest.mark.filterwarnings("ignore::Warning")
def test_bootstraps_are_alike(arguments, test_set):
    ours = systematics.get_bootstrapped_dataset(test_set, **arguments)
    assert_same(ours, theirs.get_bootstrapped_dataset(test_set, **arguments))
    assert len(ours) > 5000


@pytest.fixture(scope="module")
def small_folder(tmp_path_factory):
    """A folder whose pseudo-experiments have 20,000 events."""
    folder = write_folder(tmp_path_factory.mktemp("small"), make_events(3000))
    metadata = folder / METADATA_FILE
    metadata.write_text(metadata.read_text().replace(str(SUM_WEIGHTS), "20000.0"))
    return folder


@pytest.fixture(scope="module")
def test_set(small_folder):
    data = datasets.Data(small_folder)
    data.load_test_set()
    return data.get_test_set()


def test_data_are_loaded_alike(small_folder):
    package = pytest.importorskip("HiggsML.datasets")
    for test_size in (0.3, 0.5, 100):
        ours, others = datasets.Data(small_folder, test_size), package.Data(str(small_folder), test_size)
        assert (ours.total_rows, ours.test_size) == (others.total_rows, others.test_size)
        for data in (ours, others):
            np.random.seed(1)
            data.load_train_set(train_size=50)
            data.load_test_set()
        pd.testing.assert_frame_equal(ours.get_train_set(), others.get_train_set())
        assert list(ours.get_test_set()) == list(others.get_test_set())
        for name, frame in others.get_test_set().items():
            pd.testing.assert_frame_equal(ours.get_test_set()[name], frame)
    ours.delete_train_set()
    with pytest.raises(AttributeError):
        ours.get_train_set()
    with pytest.raises(FileNotFoundError, match="submissions have no network"):
        datasets.Neurips2024_public_dataset()


class _Model:
    def __init__(self, get_train_set, systematics, **_):
        self.train = get_train_set(train_size=10)

    def fit(self):
        self.mean = self.train["PRI_met"].mean()

    def predict(self, test_set):
        value = float(test_set["data"]["DER_mass_vis"].mean())
        return {"mu_hat": value, "delta_mu_hat": 1.0, "p16": value - 1, "p84": value + 1}


@pytest.mark.filterwarnings("ignore::Warning")
def test_ingestions_are_alike(small_folder, tmp_path):
    """Without tes and jes, which the package draws from other widths."""
    package = pytest.importorskip("HiggsML.ingestion")
    off = dict.fromkeys(NUISANCE_NAMES, True) | {"tes": False, "jes": False}
    settings = {"systematics": off, "num_of_sets": 1, "num_pseudo_experiments": 2, "ground_truth_mus": [1.5]}
    results = []
    for module, data in ((ingestion, datasets), (package, pytest.importorskip("HiggsML.datasets"))):
        run = module.Ingestion(data.Data(str(small_folder)))
        run.start_timer()
        run.init_submission(_Model)
        run.fit_submission()
        run.data.load_test_set()
        run.predict_submission(settings, 3)
        run.process_results_dict()
        run.stop_timer()
        run.save_duration(str(tmp_path))
        results.append(run.results_dict[0]["mu_hats"])
    assert results[0] == results[1]
    assert json.loads((tmp_path / "ingestion_duration.json").read_text()) == {"ingestion_duration": 0}


def test_scores_are_alike():
    package = pytest.importorskip("HiggsML.score")
    ours, others = score.Scoring(), package.Scoring()
    for mu_hat, delta in ((1.3, 0.2), (0.2, 0.5)):
        assert ours.RMSE_score(1.0, mu_hat, delta) == others.RMSE_score(1.0, mu_hat, delta)
        assert ours.MAE_score(1.0, mu_hat, delta) == others.MAE_score(1.0, mu_hat, delta)
    several = (1.0, np.array([1.3, 0.2]), np.array([0.2, 0.5]))
    assert ours.RMSE_score(*several) == pytest.approx(others.RMSE_score(*several), rel=1e-15)
    assert ours.MAE_score(*several) == pytest.approx(others.MAE_score(*several), rel=1e-15)
    mu, p16, p84 = np.ones(5), np.linspace(0.5, 1.2, 5), np.linspace(0.9, 2.0, 5)
    for arguments in ((mu, p16, p84), (mu, p16, p84, 0.1)):
        assert ours.Quantiles_Score(*arguments) == pytest.approx(others.Quantiles_Score(*arguments), rel=1e-15)


def test_figures_are_drawn(events, monkeypatch):
    monkeypatch.setattr(visualization.plt, "show", lambda: None)
    columns, target, rows = ["PRI_met", "PRI_lep_pt"], events["labels"], events["weights"]
    visualization.correlation_plots(events, target, columns)
    visualization.pair_plots(events, target, columns=columns)
    visualization.pair_plots_syst(events, events, columns=columns)
    visualization.histogram_syst(events, events, rows, rows, columns)
    visualization.event_vise_syst(events, events, columns)
    visualization.stacked_histogram(events, target, rows, events["detailed_labels"], "PRI_met")
    visualization.visualize_scatter({0: {"mu_hats": [1.0, 1.2]}}, [1.1])
    visualization.visualize_coverage({0: {"mu_hats": [1.0], "p16": [0.9], "p84": [1.2]}}, [1.1])
    assert len(visualization.plt.get_fignums()) == 9
    visualization.plt.close("all")
