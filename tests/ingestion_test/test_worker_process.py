"""The process of a submission: what it may do there, and what becomes of its predictions."""

from collections import UserDict

import numpy as np
import pandas as pd
import pytest

from ingestion_test.ingestion import Progress, RunSettings, run, run_one
from ingestion_test.jobs import WorkerError
from ingestion_test.sources import OfficialFolder
from ingestion_test.worker_process import checked_prediction, further_numbers
from tests.submissions import good, predicting, write

GOOD = {"mu_hat": 1.0, "delta_mu_hat": 0.5, "p16": 0.5, "p84": 1.5}


def test_a_prediction_is_four_numbers_of_python():
    prediction = checked_prediction(GOOD | {"mu_hat": 1, "p16": np.float64(0.5), "further": "ignored"})
    assert prediction == GOOD
    assert list(prediction) == list(GOOD)
    assert [type(value) for value in prediction.values()] == [int, float, float, float]
    assert checked_prediction(pd.Series(GOOD)) == checked_prediction(UserDict(GOOD)) == GOOD


def test_further_numbers_are_those_that_a_journal_can_hold():
    more = {"twice_nll": 80, "nan": float("nan"), "flag": True, "text": "a", 3: 1.0, "large": 10**60, "list": [1.0]}
    assert further_numbers(GOOD | more) == {"twice_nll": 80.0}
    assert further_numbers(GOOD) == {}


@pytest.mark.parametrize(
    ("prediction", "text"),
    [
        (None, "returned NoneType, not a dict"),
        ([1.0, 0.5, 0.5, 1.5], "returned list, not a dict"),
        ({"mu_hat": 1.0}, 'returned no "delta_mu_hat"; it must return mu_hat, delta_mu_hat, p16, p84'),
        (
            GOOD | {"p16": "0.5"},
            '"p16" as str, which Codabench cannot write as JSON or score; return a plain number: float',
        ),
        (GOOD | {"p16": None}, '"p16" as NoneType'),
        (GOOD | {"p16": True}, '"p16" as bool'),
        (GOOD | {"p84": float("inf")}, 'returned inf as "p84"; scores need finite numbers below 1e.50'),
        (GOOD | {"p84": float("nan")}, 'returned nan as "p84"'),
        (GOOD | {"p84": 10**400}, 'returned 1000.* as "p84"'),
    ],
)
def test_what_is_no_prediction(prediction, text):
    with pytest.raises(WorkerError, match=text):
        checked_prediction(prediction)


POOL = "multiprocessing.Pool(1).map(abs, [-1])[0]"

#: What a submission may do when it fits, as in the official program, whose main process it is.
ALLOWED = {
    "choose a start method": f"multiprocessing.set_start_method('spawn'); self.x = {POOL}",
    "keep the default one": f"self.x = float(multiprocessing.get_start_method() == default and {POOL})",
    "start threads": "t = threading.Thread(target=print); t.start(); t.join(); self.x = 1",
    "start a program": "self.x = int(subprocess.check_output(['echo', '1']))",
    "handle signals": "signal.signal(signal.SIGTERM, print); self.x = 1",
    "change the folder": "os.chdir('/'); self.x = 1",
}

HEAD = """
import multiprocessing, subprocess, threading
default = multiprocessing.get_all_start_methods()[0]
"""


@pytest.mark.parametrize("what", ALLOWED)
def test_what_a_submission_may_do(what, data_folder, tmp_path):
    folder = write(tmp_path / "submission", predicting(good("float(self.x)"), fit=ALLOWED[what], head=HEAD))
    outcome = run_one(RunSettings(1, 1), OfficialFolder(data_folder), folder, tmp_path / "work", 0, 0)
    assert outcome.prediction["mu_hat"] == 1.0


def test_a_terminal_does_not_stop_what_prints_to_it(data_folder, tmp_path):
    """`stty tostop` has it stop all but the group in the foreground, unless they ignore its signals."""
    body = good("float(signal.getsignal(signal.SIGTTOU) == signal.SIG_IGN == signal.getsignal(signal.SIGTTIN))")
    folder = write(tmp_path / "submission", predicting(body))
    outcome = run_one(RunSettings(1, 1), OfficialFolder(data_folder), folder, tmp_path / "work", 0, 0)
    assert outcome.prediction["mu_hat"] == 1.0


@pytest.mark.slow
def test_cpu_time_is_that_of_work_and_not_of_waiting(tmp_path, data_folder):
    """Of fit and predict, with their threads."""
    busy = "end = time.process_time() + 0.5\n        while time.process_time() < end: pass\n        "
    heard = []

    class Heard(Progress):
        def fitted(self, seconds_cpu):
            heard.append(seconds_cpu)

    files = predicting("time.sleep(1)\n        " + busy + good(), fit=busy + "time.sleep(1)", head="import time")
    folder, settings = write(tmp_path / "submission", files), RunSettings(num_sets=1, num_experiments=1)
    (outcome,) = run(settings, OfficialFolder(data_folder), folder, tmp_path / "out", progress=Heard())
    assert outcome.seconds_predict > 1.4
    assert 0.45 < outcome.cpu_predict <= outcome.seconds_cpu
    assert heard[0] > 0.45
    assert outcome.seconds_cpu < outcome.seconds_predict + outcome.seconds_events
