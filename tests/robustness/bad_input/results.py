"""Doors of results: predictions, what an ingestion left for scoring, the journal of a run that is to be continued."""

import argparse
import copy
import functools
import json

from hypothesis import strategies as st

from ingestion_test import run_scoring
from ingestion_test.cli import Bar
from ingestion_test.jobs import Outcome, WorkerError
from ingestion_test.journal import Journal
from ingestion_test.pseudo_experiments import PseudoExperiment
from ingestion_test.schema import PREDICTION_KEYS
from ingestion_test.worker_process import checked_prediction
from runtime.errors import ChallengeError, run_command
from runtime.output import output_folder
from tests.robustness.bad_input.sandbox import Door
from tests.robustness.bad_input.spoiling import FILE_SPOILS, JSON_TEXTS, JSON_VALUES, spoil

_RESULT = {"mu_hats": [0.6, 0.4], "delta_mu_hats": [0.2, 0.2], "p16": [0.4, 0.2], "p84": [0.8, 0.6]}

_FILES = {
    "test_settings.json": {
        "systematics": {"tes": True, "jes": False},
        "num_pseudo_experiments": 2,
        "num_of_sets": 2,
        "ground_truth_mus": [0.5, 2.0],
        "random_mu": True,
    },
    "ingestion_duration.json": {"ingestion_duration": 3},
    "result_0.json": _RESULT,
    "result_1.json": _RESULT,
}

#: (file, key) of all values.
_KEYS = [(file, key) for file, content in _FILES.items() for key in content]

_CHANGES = st.one_of(
    st.tuples(st.just("value"), st.sampled_from(_KEYS), JSON_VALUES),
    st.tuples(st.just("element"), st.sampled_from(_KEYS), JSON_VALUES),
    st.tuples(st.just("longer"), st.sampled_from(_KEYS), JSON_VALUES),
    st.tuples(st.sampled_from(["shorter", "without"]), st.sampled_from(_KEYS), st.none()),
    st.tuples(
        st.just("further"), st.tuples(st.sampled_from(["result_2.json", "result_x.json"]), st.none()), JSON_VALUES
    ),
    st.tuples(st.just("text"), st.sampled_from(_KEYS), JSON_TEXTS),
    st.tuples(st.just("file"), st.sampled_from(_KEYS), FILE_SPOILS),
)


def _change(folder, change, file, key, value):
    path = folder / file
    if change == "text":
        path.write_bytes(value)
    elif change == "further":
        path.write_text(json.dumps(value))
    elif change == "file":
        spoil(path, *value)
    else:
        content = copy.deepcopy(_FILES[file])
        _change_content(content, change, key, value)
        path.write_text(json.dumps(content))


def _change_content(content, change, key, value):
    listed = content[key] if isinstance(content[key], list) else []
    if change == "value":
        content[key] = value
    elif change == "element":
        listed[:1] = [value]
    elif change == "longer":
        listed.append(value)
    elif change == "shorter":
        listed[-1:] = []
    else:
        del content[key]


def _prepare_results(case, place):
    (change, (file, key), value), flags = case
    for name, content in _FILES.items():
        (place.inputs / name).write_text(json.dumps(content))
    _change(place.inputs, change, file, key, value)
    return lambda: run_scoring.main(["--prediction", str(place.inputs), "--output", str(place.out), *flags])


_IDENTITY = {"sets": 1, "experiments": 3, "systematics": ["tes"], "seed": 5, "data": "1-a", "submission": "b"}
_LINE = {"set_index": 0, "index": 0, "seed": 5, "mu": 1.0, "mu_hat": 1.1, "delta_mu_hat": 0.5, "p16": 0.6, "p84": 1.6}
_LINE |= {"seconds_events": 0.1, "seconds_predict": 0.2, "cpu_predict": 0.2, "run_seconds": 4.0}
_LINE["further"] = {"twice_nll": 80.0}

_JOURNAL_CHANGES = st.one_of(
    st.tuples(st.just("line"), st.integers(0, 3), JSON_TEXTS.filter(lambda text: b"\n" not in text)),
    st.tuples(st.just("value"), st.sampled_from(sorted(_LINE)), JSON_VALUES),
    st.tuples(st.just("file"), st.none(), FILE_SPOILS),
)


def _prepare_journal(case, place):
    change, at, value = case
    lines = [json.dumps(_IDENTITY).encode(), *(json.dumps(_LINE | {"index": i}).encode() for i in range(3))]
    if change == "line":
        lines[at] = value
    elif change == "value":
        lines[1] = json.dumps(_LINE | {at: value}).encode()
    place.out.mkdir()
    path = place.out / "pseudo_experiments.jsonl"
    path.write_bytes(b"\n".join([*lines, b""]))
    if change == "file":
        spoil(path, *value)
    return functools.partial(_continue, path)


def _continue(path):
    """Read the journal as `score --resume` does, and show what its progress bar shows."""

    def command(_flags):
        with output_folder(path.parent), Bar() as bar:
            bar.start(3, list(Journal(path, _IDENTITY, resume=True).outcomes.values()))

    return run_command(argparse.Namespace(command=command), "a test")


_PREDICTIONS = st.dictionaries(
    st.sampled_from(PREDICTION_KEYS),
    st.floats() | st.sampled_from([1e49, 1e50, -1e60, 1e300, True, 10**49, 10**60]) | JSON_VALUES,
    max_size=4,
).map(lambda changes: {"mu_hat": 1.0, "delta_mu_hat": 0.5, "p16": 0.5, "p84": 1.5} | changes)


def _prepare_predictions(case, place):
    return functools.partial(run_command, argparse.Namespace(command=lambda _flags: _record(case, place)), "a test")


def _record(prediction, place):
    """Check a prediction, write it into a journal and read it there, as a run and its continuation do."""
    try:
        outcome = Outcome(PseudoExperiment(0, 0, 5, 1.0), checked_prediction(prediction), 0.1, 0.2)
    except WorkerError as error:
        raise ChallengeError(str(error)) from error
    place.out.mkdir()
    path = place.out / "pseudo_experiments.jsonl"
    Journal(path, _IDENTITY, resume=False).add(outcome, 4.0)
    assert Journal(path, _IDENTITY, resume=True).outcomes == {(0, 0): outcome}


DOORS = (
    Door("predictions", _PREDICTIONS, _prepare_predictions),
    Door(
        "results",
        st.tuples(_CHANGES, st.sampled_from([[], ["--phase-2"]])),
        _prepare_results,
    ),
    Door("journal", _JOURNAL_CHANGES, _prepare_journal),
)
