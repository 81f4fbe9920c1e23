"""`python -m tests.robustness.same_as_package --rounds 300`: random calls and runs against the organisers' package.

A round is a call of `systematics` with a random frame, a test set of a random file, or a run of a submission with its
scores, each with random flags and a random seed. Where the package departs from the competition it is put right: test
sets get nuisance parameters of the competition's widths, and result files its names.
"""

import argparse
import contextlib
import io
import json
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from HiggsML import datasets, ingestion, score
from HiggsML import systematics as package

from ingestion_test.event_frames import open_test_sets
from ingestion_test.ingestion import RunSettings, fill, run
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.official.systematics import systematics
from ingestion_test.pseudo_experiments import MU_RANGE, PseudoExperiment, ground_truth_mus
from ingestion_test.run_scoring import score_folder
from ingestion_test.schema import METADATA_FILE, PREDICTION_KEYS, RESULT_LISTS, SUM_WEIGHTS
from ingestion_test.sources import OfficialFolder
from tests.conftest import make_events, write_folder
from tests.ingestion_test.frame_examples import FILES, FRAMES, assert_same
from tests.submissions import write

#: Seeds that numpy takes, less those that the numbers of a run are added to.
SEEDS = 2**32 - 1000

#: Decimals of the package's scores.
DECIMALS = 4

#: A submission whose results tell of all that it was given.
MODEL = """
import numpy as np


class Model:
    def __init__(self, get_train_set, systematics, **others):
        np.random.seed(5)
        train = get_train_set(train_size=20)
        shifted = systematics(train, tes=1.03, jes=0.98, soft_met=1.0)
        self.scale = float(shifted["PRI_had_pt"].sum()) / 20

    def fit(self):
        pass

    def predict(self, test_set):
        data = test_set["data"].select_dtypes("number").to_numpy(dtype=float)
        value = float(np.nansum(data * np.arange(1, data.shape[1] + 1)) / data.size / self.scale)
        return {"mu_hat": value, "delta_mu_hat": value / 7, "p16": value - 1, "p84": value + value % 1}
"""


def main(arguments=None):
    """The command line; returns the exit code: 1 if anything differs."""
    program = "python -m tests.robustness.same_as_package"
    parser = argparse.ArgumentParser(prog=program, description=__doc__, epilog=f"example: {program} --rounds 30")
    parser.add_argument("--rounds", type=int, default=300, metavar="N", help="default 300")
    parser.add_argument("--only", choices=KINDS, help="one kind of round alone")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="others give other rounds (default 0)")
    flags = parser.parse_args(arguments)
    kinds = [flags.only] if flags.only else list(KINDS)
    counts, different = dict.fromkeys(kinds, 0), 0
    for number in range(flags.rounds):
        kind = kinds[number % len(kinds)]
        what = []
        try:
            with _quiet(), tempfile.TemporaryDirectory() as folder:
                KINDS[kind](np.random.default_rng([flags.seed, number]), Path(folder), what)
        except AssertionError as error:
            different += 1
            print(f"round {number}, {kind}: {', '.join(map(str, what))}\n    {error}", flush=True)
        counts[kind] += 1
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()) + f": {different} differ")
    return int(different > 0)


@contextlib.contextmanager
def _quiet():
    logging.disable(logging.WARNING)  # of the package
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def call(chance, _, what):
    """`systematics` of a frame or a dict."""
    names, frame = _spoiled(chance, FRAMES, make_events(2000, int(chance.integers(1000))))
    arguments = {name: value(chance) for name, value in ARGUMENTS.items() if chance.random() < 0.5}
    what += [names, arguments]
    data_set = frame
    if chance.random() < 0.3:
        data_set = {"weights": frame["weights"], "data": frame.drop(columns="weights"), "labels": frame["labels"]}
        what.append("dict")
    given = data_set.copy()
    try:
        expected = package.systematics(given, **arguments)
    except Exception as error:
        what.append(f"the package: {error}")  # what it fails on need not work
        return
    ours = systematics(data_set, **arguments)
    if isinstance(expected, dict):
        assert list(ours) == list(expected)
        for name in set(expected) - {"data"}:
            pd.testing.assert_series_equal(ours[name], expected[name])
        ours, expected = ours["data"], expected["data"]
    assert_same(ours, expected)


ARGUMENTS = {
    "tes": lambda chance: chance.normal(1, 0.03),
    "jes": lambda chance: chance.normal(1, 0.03),
    "soft_met": lambda chance: chance.lognormal(),
    "seed": lambda chance: int(chance.integers(SEEDS)),
    "ttbar_scale": lambda chance: chance.normal(1, 0.1),
    "diboson_scale": lambda chance: chance.normal(1, 0.3),
    "bkg_scale": lambda chance: chance.normal(1, 0.1),
    "dopostprocess": lambda chance: bool(chance.random() < 0.5),
}


def test_set(chance, folder, what):
    """The test set of a pseudo-experiment."""
    source, data = _events(chance, folder, what)
    switched_on = [name for name in NUISANCE_NAMES if chance.random() < 0.5]
    experiment = PseudoExperiment(0, 0, int(chance.integers(SEEDS)), chance.uniform(*MU_RANGE))
    what += [switched_on, experiment]
    fill(folder / "arrays", source)
    ours = open_test_sets(folder / "arrays")(experiment, switched_on)
    drawn = draw_nuisance_parameters(experiment.seed, switched_on)
    scales = {name: drawn[name] for name in ("ttbar_scale", "diboson_scale", "bkg_scale")}
    data.load_test_set()
    rows = package.get_bootstrapped_dataset(data.get_test_set(), mu=experiment.mu, seed=experiment.seed, **scales)
    expected = package.get_systematics_dataset(rows, drawn["tes"], drawn["jes"], drawn["soft_met"])
    assert list(ours) == list(expected)
    assert_same(ours["data"], expected["data"])
    pd.testing.assert_series_equal(ours["weights"], expected["weights"])


def result_folder(chance, folder, what):
    """Result files of a run, and their scores."""
    source, data = _events(chance, folder, what)
    sets, experiments = (int(number) for number in chance.integers(1, 4, 2))
    switched_on = tuple(name for name in NUISANCE_NAMES if name not in ("tes", "jes") and chance.random() < 0.5)
    settings = RunSettings(sets, experiments, switched_on, int(chance.integers(SEEDS)))
    what.append(settings)
    run(settings, source, write(folder / "submission", {"model.py": MODEL}), folder / "ours")
    results = _package_results(settings, data)
    for number in range(sets):
        written = json.loads((folder / "ours" / f"result_{number}.json").read_text())
        assert written == {name: results[number][f"{key}s"] for name, key in zip(RESULT_LISTS, PREDICTION_KEYS)}
    score_folder(folder / "ours", folder / "ours")
    ours = json.loads((folder / "ours" / "scores.json").read_text())
    expected = _package_scores(settings, results, folder / "theirs")
    assert {name: round(ours[name], DECIMALS) for name in expected} == expected


def _package_results(settings, data):
    names = {}
    exec(MODEL, names)
    run_of_theirs = ingestion.Ingestion(data)
    run_of_theirs.init_submission(names["Model"])
    run_of_theirs.fit_submission()
    run_of_theirs.data.load_test_set()
    run_of_theirs.predict_submission(settings.official(), settings.seed)
    run_of_theirs.process_results_dict()
    return run_of_theirs.results_dict


def _package_scores(settings, results, folder):
    folder.mkdir()
    for number, result in results.items():
        (folder / f"result_{number}.json").write_text(json.dumps(result))
    scoring = score.Scoring()
    scoring.save_figure = lambda **_: None
    scoring.load_ingestion_results(str(folder), str(folder))
    scoring.compute_scores({"ground_truth_mus": ground_truth_mus(settings.num_sets, settings.seed)})
    return {name: value for name, value in scoring.scores_dict.items() if name != "ingestion_duration"}


#: The kinds of round: functions of a generator of random numbers, an empty folder, and a list for what is tried.
KINDS = {"systematics calls": call, "test sets": test_set, "result folders": result_folder}


def _spoiled(chance, examples, events):
    """Events after up to three of the `examples`, and the names of these."""
    names = [str(name) for name in chance.choice(list(examples), chance.integers(4), replace=False)]
    for name in names:
        events = examples[name](events)
    return names, events


def _events(chance, folder, what):
    """A folder of events, opened here and by the package."""
    names, events = _spoiled(chance, FILES, make_events(int(chance.integers(1000, 4000)), int(chance.integers(1000))))
    what.append(names)
    metadata = write_folder(folder / "data", events) / METADATA_FILE
    metadata.write_text(metadata.read_text().replace(str(SUM_WEIGHTS), str(chance.uniform(2000, 20000))))
    return OfficialFolder(folder / "data"), datasets.Data(str(folder / "data"))


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "agg")
    sys.exit(main())
