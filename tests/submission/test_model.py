"""The submission's Model with the shipped weights: its interface, and data that are not as they should be."""

import json
import pickle
import re
import warnings

import numpy as np
import pytest

from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.official.systematics import systematics
from ingestion_test.pseudo_experiments import make_test_set
from ingestion_test.sources import OfficialFolder
from model import Model
from submission import artifacts, codec
from submission.estimator import Measurement
from submission.likelihood import Likelihood
from submission.tables import Tables
from submission.templates import Templates

LOW, HIGH = 0.1, 3.0  # the range of mu in the challenge


@pytest.fixture(scope="module")
def test_events(simulated_folder):
    return OfficialFolder(simulated_folder).test_events()


@pytest.fixture(scope="module")
def test_set(test_events):
    return make_test_set(test_events, 1.5, draw_nuisance_parameters(5, NUISANCE_NAMES), 5)


@pytest.fixture(scope="module")
def few(test_set):
    return test_set["data"].iloc[:2000]


@pytest.fixture(scope="module")
def model():
    fitted = Model(get_train_set=None, systematics=None)
    fitted.fit()
    return fitted


@pytest.fixture(scope="module")
def prediction(model, test_set):
    with warnings.catch_warnings():
        # The small sample has too few events for the templates: only that something finite comes out counts here.
        warnings.simplefilter("ignore")
        return model.predict(test_set)


def _quietly(model, data, weights=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.predict({"data": data, "weights": weights})


def _is_honest(result):
    assert {"mu_hat", "delta_mu_hat", "p16", "p84", "twice_nll", "pull_tes", "pull_error_tes"} <= set(result)
    assert all(type(value) is float and np.isfinite(value) for value in result.values())
    assert LOW <= result["p16"] <= result["p84"] <= HIGH
    assert result["delta_mu_hat"] == pytest.approx((result["p84"] - result["p16"]) / 2)


def test_a_prediction(prediction):
    _is_honest(prediction)
    assert json.loads(json.dumps(prediction)) == prediction


def test_the_shipped_artifacts_are_of_the_preset_that_make_weights_runs():
    from training.config import PRESETS

    manifest = json.loads((artifacts.FOLDER / artifacts.MANIFEST).read_text())
    assert manifest["record"]["config"] == PRESETS["default"].record()


def test_a_pickled_model_is_small_and_predicts_the_same(model, test_set, prediction):
    content = pickle.dumps(model)
    assert len(content) < 1000
    assert _quietly(pickle.loads(content), test_set["data"], test_set["weights"]) == prediction


def test_order_and_further_columns_do_not_matter(model, few):
    other = few[few.columns[::-1]].assign(extra=np.nan, another="text")
    assert _quietly(model, other) == _quietly(model, few)
    assert _quietly(model, few.set_index(np.zeros(len(few)))) == _quietly(model, few)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda data: data.drop(columns=["PRI_met", "DER_pt_h"]), "lack the columns DER_pt_h, PRI_met"),
        (lambda data: data.assign(PRI_lep_pt=np.where(np.arange(len(data)) == 7, np.nan, 30)), "event 7 is not finite"),
        (lambda data: data.assign(DER_sum_pt=np.inf), "DER_sum_pt of event 0 is not finite"),
        (lambda data: data.assign(PRI_met=1e30), r"PRI_met of event 0 is not finite or too large \(1e\+30"),
        (lambda data: data.assign(PRI_met="a"), "PRI_met is of type .*; numbers are needed"),
        (lambda data: data[[*data.columns, "PRI_met"]], "more than one column PRI_met"),
    ],
)
def test_broken_events_are_named(change, text, model, few):
    with pytest.raises(ValueError, match=text):
        model.predict({"data": change(few), "weights": np.ones(len(few))})


@pytest.mark.parametrize(("weights", "text"), [(-1.0, "negative"), (np.nan, "not finite"), (None, "one weight per")])
def test_broken_weights_are_named(weights, text, model, few):
    given = np.ones(len(few) - 1) if weights is None else np.full(len(few), weights)
    with pytest.raises(ValueError, match=text):
        _quietly(model, few, given)


def test_weights_that_are_not_1_are_said(model, few):
    with pytest.warns(UserWarning, match="describe"), pytest.warns(UserWarning, match="weights that are not 1"):
        _is_honest(model.predict({"data": few, "weights": np.full(len(few), 400.0)}))


def _without_jets(data):
    return data[data["PRI_n_jets"] == 0]


def _only_one_category(data):
    return data[data["PRI_n_jets"] == 1]


def _one_event_a_million_times(data):
    return data.loc[data.index[:1].repeat(1_000_000)]


def _far_outside_the_priors(data):
    return data.assign(**{name: 3 * data[name] for name in ("PRI_had_pt", "PRI_met", "DER_mass_vis", "DER_sum_pt")})


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.iloc[:0],
        lambda data: data.iloc[:1],
        _without_jets,
        _only_one_category,
        _one_event_a_million_times,
        _far_outside_the_priors,
    ],
    ids=["no events", "one event", "no jets", "one category", "one event a million times", "far outside"],
)
def test_data_that_no_template_describes_get_the_whole_range_and_a_warning(change, model, few):
    with pytest.warns(UserWarning, match="do not describe these data: the interval is the whole range"):
        result = model.predict({"data": change(few), "weights": None})
    _is_honest(result)
    assert (result["p16"], result["p84"]) == (LOW, HIGH)


def _unlike_the_templates(frame):
    return frame.assign(PRI_lep_pt=np.where(frame["labels"] == 1, frame["PRI_lep_pt"] + 40, frame["PRI_lep_pt"]))


def test_fit_tests_the_tables_and_its_result_travels(simulated_folder, few, monkeypatch, capsys):
    """Of another world's events fit makes tables; the small sample has few events, so their bins are wider."""
    folder = OfficialFolder(simulated_folder)
    monkeypatch.setenv("HIGGSML_FIT_MINUTES", "many")
    models = []
    for get_train_set in (folder.train_set, lambda **arguments: _unlike_the_templates(folder.train_set(**arguments))):
        models.append(Model(get_train_set, systematics))
        models[-1].fit()
    shown = capsys.readouterr().out
    assert "HIGGSML_FIT_MINUTES is 'many', which is no number of minutes: it has 30" in shown
    assert models[0].fit_summary["Tables"] == "as shipped"
    assert re.fullmatch(
        r"made from [\d,]+ training events in \d+ wider bins and .* throws", models[1].fit_summary["Tables"]
    )
    here, there = (_quietly(model, few) for model in (models[1], pickle.loads(pickle.dumps(models[1]))))
    _is_honest(there)
    assert there == here


def test_a_measurement_has_the_tables_that_fit_made(model, few):
    """In a process that has unpickled the model too; before that the shipped ones."""
    refitted = pickle.loads(pickle.dumps(model))
    templates = refitted._ready().likelihood.templates
    more = Templates(1.1 * templates.coefficients, templates.variance)
    refitted._tables = Tables(likelihood=Likelihood(more))
    counts = []
    for each in (model, pickle.loads(pickle.dumps(refitted))):
        measured = codec.decode(Measurement, each.measurement({"data": few}))
        counts.append(measured.likelihood.templates.nominal.sum())
    assert counts[1] == pytest.approx(1.1 * counts[0])


def test_page_and_prediction_have_the_same_longer_interval(model, few):
    widened = pickle.loads(pickle.dumps(model))
    widened._tables = Tables(widening=0.5)
    before, after = (_quietly(each, few) for each in (model, widened))
    estimate = codec.decode(Measurement, widened.measurement({"data": few})).estimate
    assert (estimate.p16, estimate.p84) == (after["p16"], after["p84"])
    low, high = before["p16"] - 0.5 * estimate.sigma, before["p84"] + 0.5 * estimate.sigma
    assert (after["p16"], after["p84"]) == pytest.approx((max(0.1, low), min(3.0, high)))


def test_without_time_the_tables_are_the_shipped_ones(simulated_folder, monkeypatch):
    get_train_set = OfficialFolder(simulated_folder).train_set
    monkeypatch.setenv("HIGGSML_FIT_MINUTES", "0")
    for model in (Model(get_train_set, systematics), Model(get_train_set, systematics, fit_minutes=0)):
        model.fit()
        assert model.fit_summary == {"Tables": "as shipped: there is no time to test them"}
    pickle.dumps(Model(lambda: None, systematics))


@pytest.mark.slow
def test_in_the_organisers_package(simulated_folder, tmp_path):
    """The unmodified ingestion of HiggsML 0.1.5, with its narrower priors and its own names of results."""
    ingestion, datasets = (
        pytest.importorskip(f"HiggsML.{name}", reason="the organisers' package is not installed")
        for name in ("ingestion", "datasets")
    )
    data = datasets.Data(str(simulated_folder))
    data.load_test_set()
    theirs = ingestion.Ingestion(data)
    theirs.init_submission(Model)
    theirs.fit_submission()
    settings = {"systematics": dict.fromkeys(NUISANCE_NAMES, True), "num_pseudo_experiments": 2, "num_of_sets": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.predict_submission(settings | {"ground_truth_mus": [2.0]})
    theirs.process_results_dict()
    theirs.save_result(str(tmp_path))
    results = json.loads((tmp_path / "result_0.json").read_text())
    for name in ("mu_hats", "delta_mu_hats", "p16s", "p84s", "twice_nlls"):
        assert len(results[name]) == 2, name
