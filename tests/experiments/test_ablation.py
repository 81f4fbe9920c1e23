"""The ablation: variants differ in what they say, rows come from the variant's own throws, results go into the page."""

import argparse
import dataclasses
import json

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.ablation import measurement
from experiments.ablation.measurement import THROWS, fit_likelihood, measure
from experiments.ablation.table import groups, table
from experiments.ablation.variants import FITS, NETWORKS, VARIANTS, first_config
from experiments.coverage import flatness
from ingestion_test.sources import OfficialFolder
from submission import artifacts
from submission.confidence import BeltConfig
from submission.features import CATEGORIES
from submission.parameters import PARAMETERS
from training.config import PRESETS
from training.flows import TrainingFailed

QUICK = dataclasses.replace(THROWS["smoke"], check_throws=600, belt_throws=6000)


@pytest.fixture(scope="module")
def estimator():
    return artifacts.load()


def _leaves(record, path=()):
    if isinstance(record, dict):
        return {key: value for name, inner in record.items() for key, value in _leaves(inner, (*path, name)).items()}
    return {path: record}


def _changed(name, preset="full"):
    """Paths of the configuration in which a variant differs from the first."""
    first, changed = (_leaves(change(first_config(preset)).record()) for change in (lambda c: c, NETWORKS[name].change))
    return {path for path in first.keys() | changed.keys() if first.get(path, "-") != changed.get(path, "-")}


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("shared-events", set()),
        ("features", {"view"}),
        ("quadratic", {"odd"}),
        ("flows", set()),
        ("flows-1", {"seed"}),
    ],
)
def test_a_variant_changes_one_factor_and_no_other(name, factors):
    assert {path[-1] for path in _changed(name)} == factors


def test_variant_without_flows_has_none():
    assert NETWORKS["no-flows"].change(first_config("full")).networks.flows is None
    assert all(path[:2] == ("networks", "flows") for path in _changed("no-flows"))


def test_the_first_of_the_group_is_the_default_in_its_networks():
    config = NETWORKS["no-flows"].change(first_config("full"))
    assert config.networks.flows == PRESETS["no-flows"].networks.flows
    smaller = dataclasses.replace(PRESETS["default"].networks.classifier, batch=500, averaging=0.99)
    assert config.networks.classifier == smaller


def test_the_configuration_to_start_from_is_the_preset_in_a_smaller_size():
    first, default = (_leaves(config.record()) for config in (first_config("full"), PRESETS["default"]))
    changed = {path[-1] for path in first if first[path] != default[path]}
    assert changed == {"events", "rows", "template_error", "batch", "averaging"}


def test_the_first_fit_is_the_shipped_one(estimator):
    likelihood = fit_likelihood(estimator, FITS["fit"])
    assert likelihood.config == estimator.likelihood.config
    assert FITS["fit"].belt == estimator.belt.config
    np.testing.assert_array_equal(likelihood.templates.coefficients, estimator.likelihood.templates.coefficients)


def test_channels_left_out_take_their_bins_with_them(estimator):
    jets = sum(
        channel.stop - channel.start for name, channel in estimator.histogram.channels.items() if name != "0-jet"
    )
    assert fit_likelihood(estimator, FITS["no-0-jet"]).templates.bins == jets
    assert set(estimator.histogram.channels) == {*CATEGORIES, "0-jet"}


@pytest.fixture(scope="module")
def reference(estimator):
    """What the shipped likelihood and belt reach."""
    return measure(fit_likelihood(estimator, FITS["fit"]), FITS["fit"].belt, QUICK)


@pytest.mark.slow
def test_measured_intervals_cover_and_knowing_the_range_shortens_them(estimator, reference):
    wide = measure(fit_likelihood(estimator, FITS["central-wide"]), FITS["central-wide"].belt, QUICK)
    for measured in (reference, wide):
        assert abs(measured["flatness"]["mean"] - 0.6827) < 4 * measured["flatness"]["mean_error"]
        assert measured["width"][1] == pytest.approx(np.hypot(measured["scatter"], np.std(measured["redrawn"], ddof=1)))
    assert reference["cramer_rao"] == wide["cramer_rao"]
    assert reference["width"][0] < 0.98 * wide["width"][0]


@pytest.mark.slow
def test_fewer_nuisance_parameters_fitted_lengthen_honest_intervals(estimator, reference):
    measured = measure(fit_likelihood(estimator, FITS["two"]), FITS["two"].belt, QUICK)
    assert FITS["two"].likelihood.nuisance == ("tes", "jes")
    assert FITS["fit"].likelihood.nuisance == PARAMETERS[1:]
    assert measured["width"][0] > reference["width"][0]
    # The same throws are redrawn for both.
    assert np.mean(np.array(measured["redrawn"]) > reference["redrawn"]) > 0.9


def test_ratios_are_to_the_first_of_the_group():
    redrawn = np.array([0.39, 0.4, 0.41])
    rows = {
        "fit": {"width": (0.4, 0.02), "scatter": 0.001, "redrawn": redrawn},
        "central": {"width": (0.5, 0.02), "scatter": 0.002, "redrawn": 1.25 * redrawn},
        "two": {"width": (0.5, 0.02), "scatter": 0.0, "redrawn": 1.25 * redrawn[::-1]},
        "quadratic": {"failed": "loss"},
    }
    rows = {name: row | {"label": name} for name, row in rows.items()}
    ((_, variants),) = groups(rows)
    assert [variant["label"] for variant in variants] == ["fit", "two", "central"]
    ratios = {name: variant["ratio"] for name, variant in zip(("fit", "two", "central"), variants)}
    assert [ratio for ratio, _ in ratios.values()] == [1, pytest.approx(1.25), pytest.approx(1.25)]
    assert ratios["central"][1] == pytest.approx(0.005)  # what moves both belts alike moves no ratio
    assert ratios["two"][1] == pytest.approx(1.25 * 2 * 0.025, rel=0.01)


def test_the_table_says_whether_the_coverage_is_flat():
    flat = flatness([1.0, 2.0], [0.66, 0.70], [1000, 1000])
    row = {"label": "a", "width": (0.4, 0.01), "scatter": 0.0, "redrawn": [0.4, 0.41], "flatness": flat}
    comparison = table({"fit": row | {"cramer_rao": 0.5}})
    shown = dict(zip(comparison.head, comparison.rows[0]))
    assert shown["χ² / dof of 0.6827 (p)"] == "3.8 / 2 (0.15)"
    assert shown["slope in μ"] == "+0.0400 ± 0.0208"


def test_a_failed_training_is_said():
    comparison = table(
        {"quadratic": {"label": "x^2", "failed": "the loss is no longer a number, " + "and so on " * 10}}
    )
    assert comparison.rows[0][1].startswith("failed: the loss is no longer a number")
    assert max(map(len, comparison.text().splitlines())) <= 100


def test_shipped_networks_are_nobody_elses(data_folder, tmp_path, monkeypatch):
    """What `shipped` leaves says of itself what `no-flows` does, but holds other networks."""
    offered = []

    def adopt(training, stage, others):
        offered.extend(other.output.name for other in others)
        raise TrainingFailed("far enough")

    monkeypatch.setattr(measurement, "run_or_adopt", adopt)
    arguments = argparse.Namespace(preset="smoke", device="cpu", workers=1)
    row = measurement.measured_row("no-flows", arguments, OfficialFolder(data_folder), tmp_path, None)
    assert row == {"failed": "far enough"}
    of_another_class = {"shipped", "shared-events", "shared-events-1"}
    assert set(offered) == set(NETWORKS) - of_another_class


def test_labels_are_all_different():
    labels = [variant.label for variant in VARIANTS.values()]
    assert len(set(labels)) == len(labels)


@pytest.fixture(scope="module")
def ablated(simulated_folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("ablation")
    docs = tmp_path_factory.mktemp("docs")
    (docs / "results.md").write_text("before\n<!-- ablation -->\nold\n<!-- /ablation -->\nafter\n", encoding="utf-8")
    flags = ["ablation", "--preset", "smoke", "--data", str(simulated_folder), "--output", str(output)]
    flags += ["--workers", "1", "--docs", str(docs)]
    assert main([*flags, "--only", "no-flows,fit,two"]) == 0
    return output, docs, flags


@pytest.mark.slow
def test_command_fills_the_page(ablated):
    output, docs, _ = ablated
    page = (docs / "results.md").read_text(encoding="utf-8")
    assert page.startswith("before\n<!-- ablation -->\n")
    assert page.endswith("<!-- /ablation -->\nafter\n")
    assert "old" not in page
    variants = json.loads((docs / "results" / "ablation.json").read_text())["variants"]
    assert set(variants) == {"no-flows", "fit", "two"}
    assert f"{variants['two']['width'][0]:.4f}" in page
    assert (docs / "results" / "ablation.png").read_bytes() == (output / "ablation.png").read_bytes()


@pytest.mark.slow
def test_command_is_continued_on_demand(ablated, shown, capsys):
    output, _, flags = ablated
    assert main([*flags, "--only", "fit"]) == 2
    assert "add --resume" in capsys.readouterr().err
    before = (output / "fit" / "row.json").read_bytes()
    assert main([*flags, "--only", "fit", "--resume"]) == 0
    assert (output / "fit" / "row.json").read_bytes() == before
    assert VARIANTS["two"].label in shown()


@pytest.mark.slow
def test_a_row_of_another_variant_of_that_name_is_refused(ablated, monkeypatch, capsys):
    _, _, flags = ablated
    monkeypatch.setitem(FITS, "two", dataclasses.replace(FITS["two"], belt=BeltConfig("central")))
    assert main([*flags, "--only", "fit", "--resume"]) == 2
    assert "two holds other results (belt differ)" in capsys.readouterr().err
